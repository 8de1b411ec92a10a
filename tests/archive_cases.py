"""The command line, called from a test."""

import sys
import warnings

import pytest

from simlab import cli


def command(capsys, *arguments):
    """Run the command line; its exit status, and what it printed."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an application called from a test
        patch.setattr(sys, "argv", ["simlab", *map(str, arguments)])
        try:
            cli.call()
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
    return status, *capsys.readouterr()

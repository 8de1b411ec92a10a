"""The command line: arguments to calls. `simlab --help` imports nothing heavy."""

from __future__ import annotations

import os
import sys
import threading
import warnings

from simlab.cli import bench, lab, models, sampling, stores, studies
from simlab.cli.app import app

__all__ = ["app", "bench", "lab", "main", "models", "sampling", "stores", "studies"]


def main() -> None:
    """Run the command line; what the user can mend is one line on stderr and exit status 2."""
    before = threading.enumerate()
    try:
        _command()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None), before)
        raise
    _leave(0, before)


def _leave(status: int, before: list[threading.Thread]) -> None:
    """End at once where threads that the user's code started would be waited for, for ever."""
    calls = sys.modules.get("simlab.custom.calls")
    if calls is None or not calls.CALLED.is_set():
        return
    left = [t for t in threading.enumerate() if t not in before and not t.daemon]
    if left:
        print(
            f"simlab: {len(left):,} threads that the study's functions started are still at work; "
            "they end with this program",
            file=sys.stderr,
        )
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _command() -> None:
    try:
        with warnings.catch_warnings():
            # numpy's: what overflows is NaN, and its status says so
            warnings.simplefilter("ignore", RuntimeWarning)
            app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(
            "\nsimlab: interrupted; a study keeps its finished blocks, and the same command "
            "continues it",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    except Exception as error:
        if type(error).__name__ not in (
            "AppError", "ClaimError", "ConfigError", "CustomError", "DataError", "ExportError",
            "FitError", "FormulaError", "LevelError", "ParallelError", "PopulationError",
            "RunError", "StoreError", "UsageError",
        ):  # fmt: skip
            raise
        print(error, file=sys.stderr)
        raise SystemExit(2) from None

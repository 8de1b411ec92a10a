"""The command `bootstrap` as a user meets it."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pandas as pd
import pytest
from fit_cases import fit_formula
from test_cli import simlab

from simlab.data import hs
from simlab.testing.bootstrapping.bootstrap import bootstrap

FORMULA = "mathach ~ ses + (1 | school)"


def test_it_prints_what_the_library_says() -> None:
    shown = simlab("bootstrap", "hs", FORMULA, "--draws", "299", "--statistic", "ses", "icc")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    bootstrapped = bootstrap(fit_formula(FORMULA, hs()), ["ses", "icc"], draws=299)
    assert shown.stdout == f"{bootstrapped}\n"


def test_options_reach_the_bootstrap() -> None:
    options = ("--kind", "clusters", "--level", "0.8", "--seed", "3", "--ml", "--draws", "199")
    shown = simlab("bootstrap", "hs", FORMULA, *options, "--format", "csv")
    frame = pd.read_csv(io.StringIO(shown.stdout))
    fit = fit_formula(FORMULA, hs(), "ML")
    bootstrapped = bootstrap(fit, draws=199, kind="clusters", level=0.8, seed=3).to_frame()
    pd.testing.assert_frame_equal(frame, bootstrapped, rtol=1e-12)


def test_a_terminal_sees_how_far_it_is() -> None:
    line = [sys.executable, "-c", "from simlab.cli import main; main()", "bootstrap", "hs", FORMULA]
    for more, seen in (((), True), (("--quiet",), False)):
        terminal, stderr = os.openpty()
        words = [*line, "--draws", "199", *more]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        shown = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=stderr, env=environment, check=True
        )
        os.set_blocking(terminal, False)
        try:
            printed = os.read(terminal, 1 << 16).decode()
        except BlockingIOError:
            printed = ""
        os.close(terminal)
        os.close(stderr)
        assert ("refits" in printed) == seen, printed
        assert b"refits" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("hs", FORMULA, "--statistic", "sess"), "no statistic is called 'sess'"),
        (("hs", FORMULA, "--draws", "1"), "draws is 1"),
        (("hs", FORMULA, "--level", "95"), "level is 95"),
        (("hs", "mathach ~ ses"), "no random effects"),
        (("absent.csv", FORMULA), "absent.csv: no such file"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(arguments: tuple[str, ...], phrase: str) -> None:
    shown = simlab("bootstrap", *arguments)
    assert shown.returncode == 2
    assert phrase in shown.stderr
    assert len(shown.stderr.strip().split("\n")) == 1
    assert shown.stdout == ""

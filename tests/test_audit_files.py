"""The audit from the command line, and what it writes."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from audit_cases import ROLES, clustered
from study_cases import study

import simlab
from simlab import config
from simlab.auditing import audit
from simlab.cli import call as main

# It asks for an explicit list of arguments in tests; `main` reads them as a shell gives them.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "audit.md"
QUICK = ("--y", "y", "--x", "x", "--cluster", "g", "--replicates", "100", "--draws", "2")


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(folder, monkeypatch, capsys):
    """Run `simlab audit` in the folder."""
    monkeypatch.chdir(folder)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["simlab", "audit", *arguments])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture
def folder(tmp_path):
    df = clustered(J=12, n=6)
    df.loc[5, "x"] = np.nan
    (tmp_path / "sub").mkdir()
    df.to_csv(tmp_path / "holes.csv", index=False)
    df.dropna().to_csv(tmp_path / "whole.csv", index=False)
    return tmp_path


def test_report_and_configuration_are_written(folder, command):
    files = ("--report", "audit.html", "--config", "sub/audit.yaml")
    ran = command("holes.csv", *QUICK, *files)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("Audit of holes.csv: y on x in g")
    assert "1 row with missing values left out (x 1)" in ran.out
    assert "Which methods to trust" in ran.err  # the first answer
    page = (folder / "audit.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 4
    ds = simlab.run(simlab.load(folder / "sub" / "audit.yaml"))
    df = simlab.data.read(folder / "holes.csv")
    again = audit(df, **ROLES, replicates=100, draws=0, source="holes.csv")
    assert np.array_equal(ds["estimate"], again.dataset["estimate"], equal_nan=True)


def test_a_configuration_without_missing_values_names_the_data_as_given(folder, command):
    ran = command("whole.csv", *QUICK, "--config", "audit.yaml", "--quiet")
    assert ran.code == 0, ran.err
    assert "data: whole.csv" in (folder / "audit.yaml").read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("*-complete.csv")] == []
    lost = command("whole.csv", *QUICK, "--config", "sub/audit.yaml")
    assert lost.code == 2
    assert "there is no whole.csv in sub" in lost.err
    assert "Traceback" not in lost.err


def test_csv_is_tidy_and_a_mistake_is_one_line(command):
    ran = command("whole.csv", *QUICK, "--format", "csv", "--quiet")
    frame = pd.read_csv(io.StringIO(ran.out))
    assert {"method", "question", "verdict", "certainty", "advice"} <= set(frame)
    assert len(frame) == 2 * (8 * 2 + 1)
    few = command("no.csv", *QUICK[:6], "--replicates", "1")
    assert (few.code, few.err.count("\n")) == (2, 1)
    assert few.err.startswith("replicates: must be 100 or more, not 1")
    wrong = command("whole.csv", *QUICK, "--group", "z")
    assert wrong.code == 2
    assert "no column 'z'" in wrong.err
    assert wrong.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--report", "--config"])
def test_a_file_that_cannot_be_written_is_refused_before_the_audit(command, option):
    absent = command("no.csv", *QUICK, option, "absent/a")
    assert (absent.code, absent.out) == (2, "")
    assert absent.err == f"{option} is absent/a; there is no folder absent\n"
    folder = command("no.csv", *QUICK, option, "sub")
    assert folder.err == f"{option} is sub, which is a folder; name a file in it\n"


def test_the_page_is_self_contained_and_escapes_names():
    df = clustered(J=12, n=6).rename(columns={"x": "<b>$x$", "y": "y&$\\frac", "g": 'g"$_$'})
    result = audit(df, "y&$\\frac", "<b>$x$", 'g"$_$', replicates=100, draws=0, source="<i>.csv")
    page = result.html()
    assert "<b>$x$" not in page
    assert "&lt;b&gt;$x$" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "name: audit" in page


def test_written_studies_are_read_as_the_same():
    nasty = {"clusters": {"no": 3, "1: a": 4, "é\t#x": 3, "12": 3}, "gamma": [1e-7, 1e20 / 3]}
    studies = [
        study(),
        study(population={**nasty, "G": [[1e-12, 0], [0, 0.1 + 0.2]], "sigma2": 1e22}),
        study(grid=[{"population.G": {"a: b": [[1, 0], [0, 1]]}}, {"scheme": ["same-clusters"]}]),
        study(verdicts={"margin": 0.1}, level=0.9, description="# no\ncomment: 'x'"),
    ]
    for one in studies:
        text = config.dumps(one, "A comment,\nin two lines.")
        assert config.loads(text) == one
        assert config.loads(text).to_json() == one.to_json()


def test_the_numbers_of_the_documentation_are_those_of_the_audit():
    """All that is measured with the parameters as estimated; certainty needs minutes of draws."""
    block = PAGE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    hs = simlab.data.hs()
    result = str(audit(hs, "mathach", "ses", "school", source="hs", draws=0)).splitlines()
    numbers = [
        line for line in result if "±" in line or line.startswith(("Audit", "Taken", "Slope"))
    ]
    assert len(numbers) > 20
    assert [line for line in numbers if line not in block] == []


def test_the_data_and_other_data_are_not_written_over(command, folder):
    whole = (folder / "whole.csv").read_bytes()
    ran = command("whole.csv", *QUICK, "--config", "whole.csv")
    assert (ran.code, ran.out) == (2, "")
    assert "whole.csv: is what is read; name another file to write" in ran.err
    assert (folder / "whole.csv").read_bytes() == whole
    (folder / "holes-complete.csv").write_text("years,of\n1,work\n")
    ran = command("holes.csv", *QUICK, "--config", "study.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert "holes-complete.csv: holds other data; move it away" in ran.err
    assert (folder / "holes-complete.csv").read_text() == "years,of\n1,work\n"

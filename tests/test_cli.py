"""The command line as a user meets it: what is printed, where it goes, what a mistake costs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simlab.cli.commands import NAMES

STUDY = """\
name: tiny
replicates: 60
block: 20
seed: 3
population:
  clusters: 12
  gamma: [12, 2]
  beta_between: 5
  G: [[4, 0.5], [0.5, 1]]
  sigma2: 9
  cluster_sizes: {law: poisson, mean: 8, minimum: 2}
  x: {law: normal, mean: 0, between_sd: 1, within_sd: 1}
grid:
  - {population.clusters: [12, 24]}
  - {scheme: [new-clusters, same-clusters]}
"""


def simlab(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from simlab.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was run once."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tiny.yaml").write_text(STUDY, encoding="utf-8")
    ran = simlab("run", "tiny.yaml", "--quiet", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    assert "HLM" in ran.stdout
    return folder


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    shown = simlab("--help")
    assert shown.returncode == 0
    for command in NAMES:
        assert re.search(rf"^. {command} +[A-Z]", shown.stdout, re.M), command
    probe = (
        "import sys; from simlab.cli.commands import NAMES, app\n"
        "for name in NAMES: app([name, '--help'], result_action='return_value')\n"
        "sys.exit(str({'numpy', 'pandas', 'numba', 'pydantic', 'matplotlib'} & set(sys.modules)))"
    )
    helped = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert helped.stderr.strip() == "set()"
    assert helped.stdout.count("Usage: simlab ") == len(NAMES)


def test_run_writes_store_and_page_and_continues(folder: Path) -> None:
    assert (folder / "results" / "tiny.zarr").is_dir()
    assert "| " in (folder / "results" / "tiny.md").read_text(encoding="utf-8")
    again = simlab("run", "tiny.yaml", "--quiet", cwd=folder)
    assert again.returncode == 0


def test_another_study_is_refused_in_the_same_store_until_told(folder: Path) -> None:
    other = simlab("run", "tiny.yaml", "--quiet", "--seed", "4", "--out", "results", cwd=folder)
    assert other.returncode == 2
    assert "seed" in other.stderr
    assert "Traceback" not in other.stderr
    elsewhere = simlab("run", "tiny.yaml", "--quiet", "--seed", "4", "--out", "b", cwd=folder)
    assert elsewhere.returncode == 0
    over = simlab("run", "tiny.yaml", "--quiet", "--out", "b", "--overwrite", cwd=folder)
    assert over.returncode == 0


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "csv"])
def test_table_formats(folder: Path, format: str) -> None:
    shown = simlab("table", "results/tiny.zarr", "--format", format, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    mark = {"text": "Honest", "markdown": "|", "latex": "\\toprule", "csv": "method,"}[format]
    assert mark in shown.stdout


def test_measure_is_tidy(folder: Path) -> None:
    shown = simlab("measure", "results/tiny.zarr", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    header, *rows = shown.stdout.splitlines()
    assert {"estimator", "term", "target", "measure", "value", "mcse"} <= set(header.split(","))
    assert any(",coverage," in row for row in rows)


def test_check_says_what_a_study_would_do(folder: Path) -> None:
    shown = simlab("check", "tiny.yaml", cwd=folder)
    assert "3 conditions × 60 replicates in 9 blocks" in shown.stdout
    one = STUDY.partition("grid:")[0].replace("replicates: 60", "replicates: 1")
    (folder / "one.yaml").write_text(one, encoding="utf-8")
    shown = simlab("check", "one.yaml", cwd=folder)
    assert "1 condition × 1 replicate in 1 block\n" in shown.stdout


def test_schema_is_json_schema() -> None:
    assert "population" in json.loads(simlab("schema").stdout)["properties"]


def test_compare_prints_the_course_numbers() -> None:
    roles = ("--y", "mathach", "--x", "ses", "--cluster", "school", "--group", "sector")
    shown = simlab("compare", "hs", *roles)
    assert shown.returncode == 0, shown.stderr
    for number in ("13.557903", "0.5086", "1.204719", "5.773398", "21.03533", "0.01460"):
        assert number in shown.stdout


def test_compare_counts_missing_values(tmp_path: Path) -> None:
    rows = [f"{i},{(7 * i) % 5},{i % 4}" for i in range(24)]
    (tmp_path / "d.csv").write_text("\n".join(["y,x,g", *rows, "1,,0", ",2,1", ",3,2"]))
    shown = simlab("compare", "d.csv", "--y", "y", "--x", "x", "--cluster", "g", cwd=tmp_path)
    assert "1 missing value of x: its row is left out" in shown.stdout
    assert "2 missing values of y: their rows are left out" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("run", "absent.yaml"), "absent.yaml"),
        (("check", "bad.yaml"), "bad.yaml:2:1: replicate"),
        (("table", "absent.zarr"), "absent.zarr"),
        (("table", "bad.yaml"), "bad.yaml"),
        (("compare", "absent.csv", "--y", "a", "--x", "b", "--cluster", "c"), "absent.csv"),
        (("compare", "hs", "--y", "mathac", "--x", "ses", "--cluster", "school"), "mathach"),
        (("run", "tiny.yaml", "--replicates", "0"), "--replicates: must be at least 1, not 0"),
        (("run", "tiny.yaml", "--seed", "-1"), "--seed: must be at least 0, not -1"),
        (("run", "tiny.yaml", "--jobs", "-3"), "--jobs: must be a number of workers, or -1"),
        (("plan", "tiny.yaml", "--mcse", "nan"), "--mcse: must be a finite number, not nan"),
        (("plan", "tiny.yaml", "--mcse", "1e-9"), "a study may have 1,000,000,000, which reach"),
        (("plan", "tiny.yaml", "--mcse", "0.1", "--jobs", "-3"), "jobs is -3; it must be"),
        (("demo", "robinson", "--replicates", "0"), "--replicates: must be at least 1, not 0"),
        (("failures", "results/tiny.zarr", "--limit", "-1"), "--limit: must be at least 0, not -1"),
        (("export", "results/tiny.zarr", "nodir/out.csv"), "there is no folder nodir"),
        (("rum", "tiny.yaml"), "run"),
        (("table", "results/tiny.zarr", "--sector", "north"), "north"),
        (("table", "results/tiny.zarr", "--tests"), "the study tests nothing"),
    ],
)
def test_a_mistake_is_told_in_plain_words(
    folder: Path, arguments: tuple[str, ...], phrase: str
) -> None:
    (folder / "bad.yaml").write_text("name: bad\nreplicate: 5\n", encoding="utf-8")
    shown = simlab(*arguments, cwd=folder)
    assert shown.returncode != 0
    assert phrase in shown.stderr + shown.stdout
    assert "Traceback" not in shown.stderr


def test_what_overflows_is_said_by_its_status_and_not_by_numpy(tmp_path: Path) -> None:
    config = """\
name: far
replicates: 2
estimators: [pooled, two_stage]
population:
  clusters: 3
  gamma: [12, 1e150]
  G: [[1, 0], [0, 1]]
  sigma2: 1
  x: {within_sd: 1e150}
  cluster_sizes: {law: fixed, size: 5}
"""
    (tmp_path / "far.yaml").write_text(config)
    ran = simlab("run", "far.yaml", "--out", ".", "--jobs", "1", "--quiet", cwd=tmp_path)
    assert ran.returncode == 3
    assert "Warning" not in ran.stderr
    assert (
        "simlab: failed in every replicate of condition 0 (base): pooled; two_stage" in ran.stderr
    )

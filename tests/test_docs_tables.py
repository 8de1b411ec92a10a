"""What "What the tables say" says is run, and what it prints is compared, but for line breaks."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from simlab.verdicts.judge import UNJUDGED

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "tables.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)


def words(text):
    return re.sub(r"─+", "", text).split()


def command(folder, *arguments):
    call = [sys.executable, "-c", "from simlab.cli import main; main()", *arguments]
    return subprocess.run(call, capture_output=True, text=True, cwd=folder, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the page's files, and its study, run once."""
    folder = tmp_path_factory.mktemp("page")
    for kind, text in BLOCKS:
        if kind in ("yaml", "python"):
            name, body = text.split("\n", 1)
            (folder / name.removeprefix("# ")).write_text(body, encoding="utf-8")
    ran = command(folder, "run", "crossing.yaml", "--quiet")
    assert ran.returncode == 0, ran.stderr
    assert "warning: failed: careful:careful 9.6 %" in ran.stderr
    return folder


def test_the_command_prints_the_table_of_the_page(folder):
    (call,) = (text for kind, text in BLOCKS if kind == "sh")
    shown = command(folder, *shlex.split(call)[1:])
    printed = next(text for kind, text in BLOCKS if kind == "text")
    assert words(shown.stdout) == words(printed)


def test_the_table_says_what_failed_as_the_page_does(folder):
    shown = command(folder, "table", "results/crossing.zarr").stdout
    message = next(text for kind, text in BLOCKS if kind == "text" and text.startswith("failed"))
    assert " ".join(words(message)) in " ".join(words(shown))


def test_filters_of_the_command_line(folder):
    store = "results/crossing.zarr"
    for option, name, message in (
        (
            "--measure",
            "bais",
            "measure 'bais' is unknown; did you mean 'bias'? Give one of bias,",
        ),
        ("--by", "clusterz", "factor 'clusterz' is unknown; "),
    ):
        refused = command(folder, "measure", store, option, name)
        assert refused.returncode == 2
        assert refused.stderr.startswith(message)
        assert refused.stderr.count("\n") == 1
    lines = command(folder, "table", store, "--by", "random_effects", "--format", "csv").stdout
    assert [line.split(",")[3] for line in lines.splitlines()[1:5]] == [
        "normal", "normal", "exponential", "exponential",
    ]  # fmt: skip


def test_every_word_in_the_place_of_a_verdict_is_on_the_page():
    assert [word for word in UNJUDGED if f"`{word}`" not in PAGE] == []

"""Every block of output in the documentation is compared with what is printed now.

Bit for bit, but for what `page_cases.MACHINE` names: times, sizes on disk, workers, processes. What
takes minutes is compared with a file under results/ that an experiment has written.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from page_cases import (
    DOCS,
    PAGES,
    ROOT,
    Block,
    Ran,
    blocks,
    commands,
    plain,
    ran,
    rewritten,
    shows,
)

import simlab
from simlab.results import disk
from simlab.results.layout import StoreError
from simlab.results.lock import locked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Cyclopts application invoked"),
]

PYTHON = (
    "bootstrap.md",
    "common_random_numbers.md",
    "fitting.md",
    "fitting_problems.md",
    "formulas.md",
    "pvalues.md",
    "python.md",
)
"""Pages on which every text is what the Python above it prints, and nothing else is printed."""

ELSEWHERE = {
    "README.md": "tests/test_readme.py",
    "tables.md": "tests/test_docs_tables.py",
    "your_own.md": "tests/test_own_docs.py",
    "your_own_code.md": "tests/test_own_docs.py",
}

STORED = {
    "Summary of methods: methods_summary": "methods_summary.txt",
    "Which methods to trust": "audit_hs.txt",
    "Audit of hs: mathach on ses in school": "audit_hs.txt",
}
"""Blocks that take minutes, by their first line, and the files of results/ that have them."""

SUMMARY = """\
grid:
  - population.clusters: [20]
  - population.cluster_sizes.mean: [12]
  - population.cluster_sizes:
      equal sizes: {law: fixed, size: 12}
      Poisson sizes: {law: poisson, mean: 12, minimum: 6}
    population.G: {random slopes: [[9, 1], [1, 1.5]]}
  - scheme: [new-clusters]
"""
"""The part of the main study of which "Studies" shows the measures."""

NOISE = """\
name: noise
seed: 3
replicates: 400
block: 128
population: {clusters: 10, gamma: [1, 1], G: [[1, 0], [0, 1]], sigma2: 4,
  cluster_sizes: {law: fixed, size: 5}}
grid: {population.sigma2: [4, 20]}
"""
"""The study of the page on stores."""


class Case(NamedTuple):
    """A text of a page: its first line, the command that prints it, and what is done before.

    That is a command too, or "edit": another text in noise.yaml; "damage": another byte in its
    store. A text with commands of its own, after `$`, needs no other. Of some the page says that it
    shows a part. Of tables that are `timed` the layout depends on the machine, and is not compared.
    """

    start: str
    command: str = ""
    before: tuple[str, ...] = ()
    timed: bool = False
    part: bool = False


TIMES = (
    (r"\d*\.\d+", "#"),
    (r"\d{4}-[\d-]+ [\d:]+", "#"),
    (r" \S+ threading \S+ ", " # threading # "),
)
"""Also of tables that tell times: all numbers with decimals; days and hosts of sessions."""


def holds(page: str, whole: str) -> bool:
    """Whether all words of a page are printed: a longer time may move the columns of a table."""
    words = (Counter(re.sub("[…─]", "", plain(text, TIMES)).split()) for text in (page, whole))
    return next(words) <= next(words)


STORE = "results/small_schools.zarr"
SMALL = "simlab run small_schools.yaml --quiet"
ANEW = f"{SMALL} --overwrite"  # another page extends it
COVERAGE = "simlab run coverage.yaml --quiet"
NOISY = "simlab run noise.yaml --quiet --overwrite"
SLIDES = "simlab run configs/slides_example.yaml --replicates 500"
HS = "simlab compare hs --y mathach --x ses --cluster school --group sector"
MEASURES = "simlab measure results/methods_summary.zarr --format csv"
PLAN = "simlab plan small_schools.yaml --measure coverage --mcse 0.002"

CASES = {
    "demos.md": (
        Case("$ simlab demo shrinkage"),
        Case("Robinson's paradox", "simlab demo robinson"),
        Case("How can both BLUE", "simlab demo shrinkage"),
        Case("What is a p-value", "simlab demo pvalues"),
    ),
    "own_data.md": (Case("Public - Catholic", HS, part=True),),
    "stopping.md": (
        Case("$ simlab plan honest.yaml", before=("copy coverage.yaml honest.yaml",), timed=True),
        Case("…\n3 conditions × 17,664", "simlab table results/coverage.zarr", (COVERAGE,)),
    ),
    "stores.md": (
        Case("$ simlab run noise.yaml\nsimlab", before=(NOISY, "damage")),
        Case("$ simlab table", before=(NOISY, "damage")),
        Case("$ simlab run noise.yaml --extend", before=(NOISY, "edit seed: 3 -> seed: 4")),
        Case(
            "$ simlab run noise.yaml\nresults",
            before=(NOISY, "edit [4, 20] -> [4, 20, 80]", "edit 400 -> 1000"),
        ),
        Case("results/noise.zarr: is being", "written by another"),
        Case("full: cannot be written", "no room"),
        Case("$ simlab info", before=(SMALL, f"{SMALL} --replicates 3000 --extend"), timed=True),
    ),
    "studies.md": (
        Case("Summary of methods: slides_example", SLIDES),
        Case("configs/high_schools.yaml: valid", "simlab check configs/high_schools.yaml"),
        Case("population.clusters,", MEASURES, ("simlab run summary.yaml --quiet",)),
        Case(f"{STORE}: holds", "simlab run small_schools.yaml --replicates 3000", (ANEW,)),
        Case("small_schools: MCSE", PLAN, timed=True),
        Case("   condition", f"simlab failures {STORE} --limit 2", (ANEW,)),
        Case("Replicate 26", f"simlab replay {STORE} --condition 0 --replicate 26", (ANEW,)),
    ),
}


def texts(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "text"]


def case(block: Block) -> Case | None:
    results = [c for c in CASES.get(block.page.name, ()) if block.text.startswith(c.start)]
    return max(results, key=lambda c: len(c.start), default=None)


def compared(block: Block) -> str:
    """By which means a block is compared; "" for none."""
    name, first = block.page.name, block.text.split("\n", 1)[0]
    means = {
        "as Python prints": name in PYTHON,
        "elsewhere": name in ELSEWHERE,
        "with a file": first in STORED,
        "by a command": case(block) is not None,
    }
    chosen = [means_of for means_of, so in means.items() if so]
    assert len(chosen) < 2, (block, chosen)
    return chosen[0] if chosen else ""


def test_every_block_of_output_is_compared():
    assert [(b.page.name, b.line) for page in PAGES for b in texts(page) if not compared(b)] == []
    assert sum(len(texts(page)) for page in PAGES) > 70


def test_every_case_has_a_block():
    for name, cases in CASES.items():
        assert [c for c in cases if case_of(DOCS / name, c) is None] == []


def case_of(page: Path, wanted: Case) -> Block | None:
    return next((block for block in texts(page) if case(block) == wanted), None)


def test_a_comparison_notices_a_number_a_line_and_a_word():
    """Negative control of `shows`."""
    whole = "a  1.50\nb  2.5 s\nc  3\n"
    assert shows("a  1.50\n…\nc  3", whole)
    assert shows("a  1.50\nb  9.9 s\nc  3\n", whole)  # another machine
    assert holds("c  3\n…\nb  9.9 s", whole)
    assert not holds("c  4\n…\nb  9.9 s", whole)
    for wrong in ("a  1.51\n…\nc  3", "a  1.50\nc  3", "…\nb  2.5 s", "a  1.50\n…\nd  3"):
        assert not shows(wrong, whole)


def test_what_python_prints_is_put_on_the_page():
    """Negative control of `rewritten`: another number, a warning, an error, nothing printed."""
    page = "```python\n{}\n```\n\n```text\n1\n```\n"
    assert rewritten(page.format("print(1)")) == page.format("print(1)")
    assert "\n2\n" in rewritten(page.format("print(2)"))
    assert "ZeroDivisionError: division by zero" in rewritten(page.format("1 / 0"))
    assert "UserWarning: w" in rewritten(page.format("import warnings\nwarnings.warn('w')"))
    assert "text" not in rewritten(page.format("1"))


@pytest.mark.parametrize("name", PYTHON)
def test_a_page_shows_what_its_python_prints(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    page = (DOCS / name).read_text("utf-8")
    assert rewritten(page) == page


@pytest.mark.parametrize("first", STORED)
def test_what_takes_minutes_is_in_a_file_that_an_experiment_wrote(first):
    whole = (ROOT / "results" / STORED[first]).read_text("utf-8")
    results = [b for page in PAGES for b in texts(page) if b.text.startswith(f"{first}\n")]
    assert len(results) == 1
    part = whole[whole.index(first) :]  # own_data.md begins in the middle of it
    assert shows(results[0].text, part)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader would be: the studies of the pages, and what they have been run to."""
    where = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "configs", where / "configs")
    for page in PAGES:
        for block in blocks(page):
            if block.language == "yaml" and block.text.startswith("name: "):
                name = block.text.split()[1]
                (where / f"{name}.yaml").write_text(block.text, "utf-8")
    whole = (ROOT / "configs" / "methods_summary.yaml").read_text("utf-8")
    (where / "summary.yaml").write_text(whole[: whole.index("grid:")] + SUMMARY, "utf-8")
    (where / "noise.yaml").write_text(NOISE, "utf-8")
    return where


def prepare(step: str) -> None:
    """Do what must have been done before."""
    word, *rest = step.split(" ", 2)
    if word == "simlab":
        process = ran(step)
        assert process.status == 0, process.err
    elif word == "copy":
        shutil.copy(*rest)
    elif word == "edit":
        old, new = step.removeprefix("edit ").split(" -> ")
        text = Path("noise.yaml").read_text("utf-8")
        assert old in text
        Path("noise.yaml").write_text(text.replace(old, new), "utf-8")
    else:
        chunk = Path("results", "noise.zarr", "estimate", "c.1.2.0.0")
        content = bytearray(chunk.read_bytes())
        content[3] ^= 1
        chunk.write_bytes(content)


COMPARED = [
    pytest.param(block, id=f"{page.name}:{block.text[:30].strip()}")
    for page in PAGES for block in texts(page) if compared(block) == "by a command"
]  # fmt: skip


def written_by_another() -> Ran:
    """What a second writer of a store is told."""
    with locked(Path("results", "noise.zarr")):
        return ran("simlab run noise.yaml")


def no_room() -> Ran:
    """What is said where a disk is full, has no more inodes, or is only for reading."""
    refused = []
    for name, number, advice in (
        ("full", errno.ENOSPC, disk.SAFE),
        ("inodes", errno.ENOSPC, disk.SAFE),
        ("full", errno.EROFS, disk.ELSEWHERE),
    ):
        with pytest.raises(StoreError) as message, disk.disk(Path(name), advice):
            raise OSError(number, os.strerror(number))
        refused.append(f"{message.value}\n")
    return Ran("", "".join(refused), 2)


SPECIAL = {"written by another": written_by_another, "no room": no_room}


@pytest.mark.parametrize("block", COMPARED)
def test_a_command_prints_what_the_page_shows(block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    Path("noise.yaml").write_text(NOISE, "utf-8")
    how = case(block)
    for step in how.before:
        prepare(step)
    for command, text in commands(block.text) or [(how.command, block.text)]:
        process = SPECIAL[command]() if command in SPECIAL else ran(command)
        wanted = f"…\n{text.strip()}\n…" if how.part else text
        whole = (process.out, process.err, process.err + process.out, process.out + process.err)
        same = holds if how.timed else shows
        assert any(same(wanted, each) for each in whole), plain(whole[-1])


def test_the_table_of_stopping_is_that_of_its_study(folder, monkeypatch):
    monkeypatch.chdir(folder)
    prepare(COVERAGE)
    result = simlab.measure(simlab.open_dataset("results/coverage.zarr"))
    result = result.sel(term="slope", target="limit")
    source = (DOCS / "stopping.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d,]+) \|$", source, re.M)
    assert len(rows) == 4
    for clusters, estimator, *numbers in rows:
        here = result["population.clusters"].values == int(clusters)
        cell = result.sel(estimator=estimator).isel(condition=int(here.argmax()))
        value, mcse = (float(cell[name]) for name in ("coverage", "coverage_mcse"))
        assert numbers[:2] == [f"{value:.4f}", f"{mcse:.4f}"]

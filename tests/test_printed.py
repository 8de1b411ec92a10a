"""Every block of output in the documentation is compared with what is printed now.

Bit for bit, but for what `page_cases.MACHINE` names: times, sizes on disk, workers, processes. What
takes minutes is compared with a file under results/ that an experiment has written.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from page_cases import (
    DOCS,
    PAGES,
    ROOT,
    Block,
    blocks,
    commands,
    plain,
    python,
    ran,
    rewritten,
    shows,
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")

README = ROOT / "README.md"
PYTHON = ("bootstrap.md", "common_random_numbers.md", "fitting.md", "pvalues.md")
"""Pages on which every text is what the Python above it prints, and nothing else is printed."""

ELSEWHERE = {"your_own.md": "tests/test_own_docs.py"}

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
  - population.cluster_sizes: {Poisson sizes: {law: poisson, mean: 12, minimum: 6}}
    population.G: {random slopes: [[9, 1], [1, 1.5]]}
  - scheme: [new-clusters]
"""
"""The part of the main study of which README shows the measures."""

NOISE = """\
name: noise
seed: 3
replicates: 400
block: 200
population: {clusters: 10, gamma: [1, 1], G: [[1, 0], [0, 1]], sigma2: 4,
  cluster_sizes: {law: fixed, size: 5}}
grid: {population.sigma2: [4, 20]}
"""
"""The study of the page on stores."""


class Case(NamedTuple):
    """A text of a page: its first line, what is run before, and the command that prints it.

    A command that begins with "edit" replaces a text in a file by another; "damage" spoils a file.
    """

    start: str
    command: str
    before: tuple[str, ...] = ()
    masks: tuple[tuple[str, str], ...] = ()


SMALL = "simlab run small_schools.yaml --quiet"
STORE = "results/noise.zarr"
DONE = (
    (r"(schools|clusters) ([\d,]+) [\d.]+ [\d.]+ [\d.]+ ", r"\1 \2 # # # "),
    (r"\d{4}-[\d-]+ [\d:]+", "#"),
    (r" \S+ threading #? ?\d+ ", " # threading # "),
)
CASES = {
    "README.md": (
        Case("Summary of methods: slides_example", "simlab run configs/slides_example.yaml --replicates 500"),
        Case("configs/high_schools.yaml: valid", "simlab check configs/high_schools.yaml"),
        Case("population.clusters,population", "simlab measure results/methods_summary.zarr --format csv",
             ("simlab run summary.yaml --quiet",)),
        Case("Public - Catholic", "simlab compare hs --y mathach --x ses --cluster school --group sector"),
        Case("results/small_schools.zarr: holds", "simlab run small_schools.yaml --replicates 3000", (SMALL,)),
        Case("small_schools: MCSE", "simlab plan small_schools.yaml --measure coverage --mcse 0.002", (),
             ((r"[\d.]+ # s", "# # s"),)),
        Case("    condition", "simlab failures results/small_schools.zarr --limit 2", (SMALL,)),
        Case("Replicate 26 of condition 0", "simlab replay results/small_schools.zarr --condition 0 --replicate 26", (SMALL,)),
    ),
    "demos.md": (
        Case("$ simlab demo shrinkage", ""),
        Case("Robinson's paradox", "simlab demo robinson"),
        Case("How can both BLUE", "simlab demo shrinkage"),
        Case("What is a p-value", "simlab demo pvalues"),
    ),
    "stopping.md": (
        Case("$ simlab plan honest.yaml", "", ("copy coverage.yaml honest.yaml",), ((r"[\d.]+ # s", "# # s"),)),
        Case("3 conditions × 17,664", "simlab table results/coverage.zarr", ("simlab run coverage.yaml --quiet",)),
    ),
    "stores.md": (
        Case("$ simlab run noise.yaml\nsimlab", "", ("simlab run noise.yaml --quiet", "damage")),
        Case("$ simlab table", "", ("simlab run noise.yaml --quiet", "damage")),
        Case("$ simlab run noise.yaml --extend", "",
             ("simlab run noise.yaml --quiet --overwrite", "edit noise.yaml seed: 3 -> seed: 4")),
        Case("$ simlab run noise.yaml\nresults", "",
             ("edit noise.yaml seed: 4 -> seed: 3", "simlab run noise.yaml --quiet --overwrite",
              "edit noise.yaml [4, 20] -> [4, 20, 80]", "edit noise.yaml 400 -> 1000")),
        Case("results/noise.zarr: is being", ""),
        Case("full: cannot be written", ""),
        Case("$ simlab info", "", (SMALL, f"{SMALL} --replicates 3000 --extend"), DONE),
    ),
}  # fmt: skip


def texts(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "text"]


def case(block: Block) -> Case | None:
    found = [c for c in CASES.get(block.page.name, ()) if block.text.startswith(c.start)]
    return max(found, key=lambda c: len(c.start), default=None)


def compared(block: Block) -> str:
    """By which means a block is compared; "" for none."""
    name, first = block.page.name, block.text.split("\n", 1)[0]
    means = {
        "as Python prints": name in PYTHON,
        "elsewhere": name in ELSEWHERE,
        "with a file": first in STORED,
        "by a command": case(block) is not None,
        "after Python of README": block.page == README and first.split()[0] == "estimate",
    }
    held = [means_of for means_of, so in means.items() if so]
    assert len(held) < 2, (block, held)
    return held[0] if held else ""


def test_every_block_of_output_is_compared():
    assert [(b.page.name, b.line) for page in PAGES for b in texts(page) if not compared(b)] == []
    assert sum(len(texts(page)) for page in PAGES) > 70


def test_every_case_has_a_block():
    for name, cases in CASES.items():
        page = README if name == README.name else DOCS / name
        assert [c for c in cases if case_of(page, c) is None] == []


def case_of(page: Path, wanted: Case) -> Block | None:
    return next((block for block in texts(page) if case(block) == wanted), None)


def test_a_comparison_notices_a_number_a_line_and_a_word():
    """Negative control of `shows`."""
    whole = "a  1.50\nb  2.5 s\nc  3\n"
    assert shows("a  1.50\n…\nc  3", whole)
    assert shows("a  1.50\nb  9.9 s\nc  3\n", whole)  # another machine
    for wrong in ("a  1.51\n…\nc  3", "a  1.50\nc  3", "…\nb  2.5 s", "a  1.50\n…\nd  3"):
        assert not shows(wrong, whole)


@pytest.mark.parametrize("name", PYTHON)
def test_a_page_shows_what_its_python_prints(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    page = (DOCS / name).read_text("utf-8")
    assert rewritten(page) == page


def test_readme_shows_what_its_python_prints(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    seen = [shows(b.text, out) for b, out in python(README) if compared(b).startswith("after")]
    assert seen == [True]


@pytest.mark.parametrize("first", STORED)
def test_what_takes_minutes_is_in_a_file_that_an_experiment_wrote(first):
    whole = (ROOT / "results" / STORED[first]).read_text("utf-8")
    found = [b for page in PAGES for b in texts(page) if b.text.startswith(f"{first}\n")]
    assert len(found) == 1
    part = whole[whole.index(first) :]  # README begins in the middle of the audit
    assert shows(found[0].text, part)


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
        done = ran(step)
        assert done.status == 0, done.err
    elif word == "copy":
        shutil.copy(*rest)
    elif word == "edit":
        file, (old, new) = Path(rest[0]), rest[1].split(" -> ")
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
    else:  # damage
        chunk = Path(STORE, "estimate", "c", "1", "0", "0", "0")
        content = bytearray(chunk.read_bytes())
        content[3] ^= 1
        chunk.write_bytes(content)


COMPARED = [
    pytest.param(block, id=f"{page.name}:{block.text[:30].strip()}")
    for page in PAGES for block in texts(page) if compared(block) == "by a command"
]  # fmt: skip


@pytest.mark.parametrize("block", COMPARED)
def test_a_command_prints_what_the_page_shows(block, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    how = case(block)
    for step in how.before:
        prepare(step)
    shown = commands(block.text) or [(how.command, block.text)]
    for command, text in shown:
        done = ran(command)
        printed = (done.out, done.err, done.out + done.err, done.err.split("\r")[-1])
        assert any(shows(text, whole, how.masks) for whole in printed), plain(
            done.out + done.err, how.masks
        )

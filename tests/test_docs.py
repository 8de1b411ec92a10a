"""The documentation does what it says: its code runs, its studies load, nothing is left out."""

import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from study_cases import study

import simlab.runner
from simlab import config
from simlab.config import schema
from simlab.config.laws import SIZES, STANDARD
from simlab.estimators import METHODS, REGISTRY
from simlab.performance.registry import COMPARISONS, MEASURES, ROBUST, STREAMS
from simlab.testing.studied import REGISTRY as TESTS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def module(name, source):
    made = types.ModuleType(name)
    exec(compile(source, f"docs: {name}", "exec"), made.__dict__)
    return made


@pytest.fixture
def page():
    """The blocks of "Adding a method", by the file that each belongs to."""
    parts = blocks(DOCS / "adding_a_method.md", "python")
    return {block.split("\n", 1)[0].removeprefix("# "): block for block in parts}


@pytest.fixture
def swamy(page, monkeypatch):
    name = "simlab.estimators.swamy"
    made = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(compile(page["simlab/estimators/swamy.py"], name, "exec"), made.__dict__)
    return made


def test_the_added_method_reproduces_the_reference(swamy):
    """Values of R for hs with pooled σ²; direct algebra on both sides, so 1e-10 relative."""
    from simlab import data
    from simlab.comparison import cluster_moments

    moments = cluster_moments(data.hs(), "mathach", "ses", "school", None).moments
    fitted = swamy.METHOD.fit(swamy.Sample(moments))
    assert fitted.estimate[0] == pytest.approx([12.5727608309363, 2.35799102712286], rel=1e-10)
    assert fitted.std_error[0] == pytest.approx([0.439365036791453, 0.255336797721774], rel=1e-10)


def test_a_covariance_that_is_none_is_mended(swamy):
    Delta = np.array([[[1.0, 2.0], [2.0, 1.0]]])
    mended = swamy.nearest_covariance(Delta)
    assert mended == pytest.approx(np.full((1, 2, 2), 1.5))


def test_the_tests_of_the_page_pass(page, swamy):
    tests = module("test_swamy", page["tests/test_swamy.py"])
    names = [name for name in vars(tests) if name.startswith("test_")]
    assert len(names) == 2
    for name in names:
        getattr(tests, name)()


def test_a_study_runs_with_the_added_method(page, swamy, monkeypatch):
    methods = (*METHODS, swamy.METHOD)
    monkeypatch.setattr("simlab.runner.work.METHODS", methods)
    monkeypatch.setattr("simlab.runner.work.REGISTRY", {m.name: m for m in methods})
    sectors = {"clusters": {"A": 20, "B": 20}, "beta_between": 5}
    ds = simlab.runner.run(study(population=sectors), jobs=1)
    added = ds.sel(estimator="swamy", term="slope[A]")
    assert (added["status"] == 0).all()
    assert np.isnan(added["limit"]).all()  # as the page says
    # Swamy's estimate and REML's weight the same lines; they differ by their variances alone.
    hlm = ds["estimate"].sel(estimator="hlm", term="slope[A]")
    assert np.corrcoef(added["estimate"][0], hlm[0])[0, 1] > 0.99


@pytest.fixture
def measure_page():
    """The blocks of "Adding a measure", by the file that each belongs to."""
    parts = blocks(DOCS / "adding_a_measure.md", "python")
    return {block.split("\n", 1)[0].removeprefix("# "): block for block in parts}


@pytest.fixture
def type_m(measure_page, monkeypatch):
    """The measure of the page, with its line in the registry."""
    name = "simlab.performance.type_m"
    made = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(compile(measure_page["simlab/performance/type_m.py"], name, "exec"), made.__dict__)
    assert measure_page["simlab/performance/registry.py"].split("\n")[1].strip() == "type_m.type_m,"
    measures = {**MEASURES, "type_m": made.type_m}
    for reader in ("measures.dataset", "measures.contrasts", "runner.until", "planning.forecast"):
        monkeypatch.setattr(f"simlab.{reader}.MEASURES", measures)
    monkeypatch.setattr("simlab.runner.work.STREAMS", (*STREAMS, made.type_m.stream))
    return made.type_m


def test_the_tests_of_the_added_measure_pass(measure_page, type_m):
    tests = module("test_type_m", measure_page["tests/test_type_m.py"])
    tests.type_m = type_m
    names = [name for name in vars(tests) if name.startswith("test_")]
    assert len(names) == 2
    for name in names:
        getattr(tests, name)()


def test_everything_reads_the_added_measure(type_m):
    from simlab import contrast, measure, plan

    fields = {"estimators": ["pooled", "hlm"], "grid": {"population.clusters": [10, 20]}}
    kept, summed = (
        simlab.runner.run(study(300, keep=keep, **fields), jobs=1)
        for keep in ("replicates", "measures")
    )
    one, other = (measure(ds)["type_m_mcse"] for ds in (kept, summed))
    np.testing.assert_array_equal(one, other)
    assert float(one.sel(term="slope", target="beta_within").min()) > 0
    assert "type_m" in contrast(kept, measures=["type_m"])
    rule = {"measure": "type_m", "mcse": 0.03, "terms": ["slope"], "target": "beta_within"}
    until = study({"max": 2000, "min": 256, "until": rule}, **fields)
    assert plan(until, pilot=256, jobs=1).conditions[0].cell == "hlm, slope, beta_within"
    ds = simlab.runner.run(until, jobs=1)
    known = measure(ds)["type_m_mcse"].sel(term="slope", target="beta_within")
    assert (known <= 0.03).all()


# ---------------------------------------------------------------- adding a command


@pytest.fixture(scope="module")
def with_sizes(tmp_path_factory):
    """A copy of simlab with the command of the page; returns what runs it."""
    folder = tmp_path_factory.mktemp("copy")
    package = folder / "simlab"
    shutil.copytree(ROOT / "simlab", package, ignore=shutil.ignore_patterns("__pycache__"))
    parts = blocks(DOCS / "adding_a_command.md", "python")
    file, names = (block.partition("\n") for block in parts)
    (folder / file[0].removeprefix("# ")).write_text("\n".join(file), "utf-8")
    listing = folder / names[0].removeprefix("# ")
    text, line = listing.read_text("utf-8"), names[2].rstrip("\n")
    before = line.replace(', "sizes"', "")
    assert text.count(before) == 1
    listing.write_text(text.replace(before, line), "utf-8")

    def run(*arguments):
        code = "from simlab.cli import main; main()"
        environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "80"}
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_the_added_command_prints_what_the_page_says(with_sizes):
    (session,) = blocks(DOCS / "adding_a_command.md", "console")
    command, printed = session.split("\n", 1)
    process = with_sizes(*command.removeprefix("$ simlab ").split())
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.rstrip() == printed.rstrip()
    lines = with_sizes("sizes", "hs", "--cluster", "school", "--format", "csv").stdout.split()
    assert lines[0] == "school,count"
    assert sum(int(line.rpartition(",")[2]) for line in lines[1:]) == 1977


def test_the_added_command_has_help_and_a_line_in_the_list(with_sizes):
    summary = "Print how many rows the clusters of a data set have."
    listed = with_sizes("--help").stdout
    assert re.search(rf"^. sizes +{summary}", listed, re.M)
    helped = with_sizes("sizes", "--help").stdout
    assert helped.startswith("Usage: simlab sizes ")
    assert summary in helped
    assert "csv has a line for each cluster." in helped


def test_what_the_user_can_mend_is_one_line(with_sizes):
    process = with_sizes("sizes", "hs", "--cluster", "scool")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith(
        "hs: no column 'scool' for the cluster; did you mean 'school'?"
    )
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize("page", [DOCS / "config.md", DOCS / "studies.md"], ids=lambda p: p.name)
def test_every_study_of_the_page_loads(page):
    studies = [block for block in blocks(page, "yaml") if block.startswith("name:")]
    assert studies
    for text in studies:
        config.loads(text, known_estimators=tuple(REGISTRY), known_tests=tuple(TESTS))


def test_every_field_is_documented():
    text = (DOCS / "config.md").read_text("utf-8")
    sections = [schema(), *schema()["$defs"].values()]
    fields = {name for section in sections for name in section.get("properties", ())}
    assert [name for name in sorted(fields) if f"`{name}`" not in text] == []


def test_every_law_is_documented():
    text = (DOCS / "config.md").read_text("utf-8")
    assert [name for name in (*STANDARD, *SIZES) if not re.search(rf"\b{name}\b", text)] == []


def test_every_method_is_documented():
    text = (DOCS / "methods.md").read_text("utf-8")
    assert [name for name in REGISTRY if f"`{name}`" not in text] == []


def test_every_measure_is_documented():
    text = (DOCS / "measures.md").read_text("utf-8")
    names = (*MEASURES, *COMPARISONS, *ROBUST)
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_test_is_documented():
    text = (DOCS / "tests.md").read_text("utf-8")
    assert [name for name in TESTS if f"`{name}`" not in text] == []


def anchors(page):
    """What the headings of a page are called in links, as on GitHub."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text("utf-8"))
    ends = [((page.parent / link) if link else page, anchor) for link, anchor in links]
    assert [end.name for end, _ in ends if not end.exists()] == []
    assert [(e.name, a) for e, a in ends if a and e.suffix == ".md" and a not in anchors(e)] == []


def test_the_index_leads_to_every_page():
    linked = re.findall(r"\]\((\w+\.md)\)", (DOCS / "index.md").read_text("utf-8"))
    assert sorted(linked) == sorted(page.name for page in DOCS.glob("*.md") if page.stem != "index")

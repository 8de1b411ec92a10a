"""The benchmark: its arithmetic on made-up clocks, and its report from end to end.

No time is asserted: what a machine takes is not for a test to say.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from benchmarks import machine, peers, units
from benchmarks.__main__ import bench
from benchmarks.clock import Action, Repeats, measure, rounds, timed
from benchmarks.populations import responses
from benchmarks.python_peers import FORMULA, PACKAGES, ask
from benchmarks.r import RError, Session, Wanted, offered
from benchmarks.report import Report
from benchmarks.run import SECTIONS
from benchmarks.section import BESIDE, Section, beside
from benchmarks.threads import numbers
from simlab.errors import UsageError
from simlab.fitting.model import fit

TITLES = (
    "Methods", "Size of the clusters", "Number of clusters", "Threads", "Start",
    "Fits from a data frame", "Peers", "Store",
)  # fmt: skip


# The clock


def test_the_clock_is_read_before_and_after_and_shared_among_the_things_done():
    ticks = iter([10.0, 16.0])
    done = []
    assert timed(lambda: next(ticks), lambda: done.append(1), each=3).seconds() == 2.0
    assert done == [1]


def scripted(log, name, values):
    """An action that takes the given seconds, one after the other."""
    seconds = iter(values)

    def act():
        log.append(name)
        return next(seconds)

    return Action(act)


def test_actions_take_turns_there_and_back_and_the_first_round_is_not_counted():
    log, calls = [], []
    actions = {
        "a": scripted(log, "a", [100.0, 2.0, 6.0, 4.0]),
        "b": scripted(log, "b", [100.0, 1.0, 2.0, 4.0]),
    }
    result = measure(actions, 3, lambda: calls.append(1))
    assert log == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert result["a"].values == (2.0, 6.0, 4.0)
    assert (result["a"].median, result["a"].low, result["a"].high) == (4.0, 2.0, 6.0)
    # 2/1, 6/2, 4/4: the median of the ratios, 2, is also that of the medians; their ends are not.
    ratio = result["a"].over(result["b"])
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 1.0, 3.0)
    assert len(calls) == rounds(actions, 3) == 8


def test_a_ratio_is_taken_round_by_round():
    """A machine half as fast in the second round changes no ratio, but would change a median."""
    slow = Repeats((3.0, 6.0)).over(Repeats((1.0, 2.0)))
    assert slow.values == (3.0, 3.0)
    assert slow.high != Repeats((3.0, 6.0)).high / Repeats((1.0, 2.0)).low
    with pytest.raises(ValueError, match="shorter"):
        Repeats((1.0, 2.0)).over(Repeats((1.0,)))


def test_what_is_cold_is_done_once():
    log = []
    cold = Action(scripted(log, "cold", [7.0]).seconds, once=True)
    actions = {"warm": scripted(log, "warm", [9.0, 1.0]), "cold": cold}
    result = measure(actions, 1)
    assert log == ["warm", "cold", "warm"]
    assert result["cold"].values == (7.0,)
    assert rounds(actions, 1) == 3


# Units


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.012345, "0.0123"), (0.99999, "1.00"), (1.234, "1.23"), (99.96, "100"),
     (123.4, "123"), (9996.0, "10,000"), (123456.0, "123,000")],
)  # fmt: skip
def test_three_digits(value, shown):
    assert units.three(value) == shown


def test_units_stand_beside_their_numbers():
    assert units.duration(38.1e-6) == "38.1 µs"
    assert units.duration(0.0261) == "26.1 ms"
    assert units.duration(1.3) == "1.30 s"
    assert units.micro(38.1e-6) == "38.1"
    assert units.rate(38.1e-6) == "26,200"
    assert units.factor(684.2) == "684 ×"


def test_a_row_beside_a_peer():
    row = beside("a fit", Repeats((1e-5, 2e-5, 4e-5)), Repeats((1e-2, 2e-2, 8e-2)))
    shown = ("a fit", "20.0 µs", "10.0 µs to 40.0 µs", "20.0 ms", "10.0 ms to 80.0 ms")
    assert row == (*shown, "**1,000 ×**", "1,000 to 2,000")
    skipped = beside("a fit", Repeats((1e-5,)), "no Rscript")
    assert len(row) == len(skipped) == len(BESIDE)
    assert "skipped: no Rscript" in skipped


# The machine


def test_a_busy_machine_is_told_and_a_quiet_one_is_not():
    idle = machine.Use(others=0.1, stolen=0.0)
    assert machine.disturbances(2, 0.59, idle) == []
    (loaded,) = machine.disturbances(2, 0.61, idle)
    assert "0.61" in loaded
    (used,) = machine.disturbances(2, 0.0, machine.Use(others=0.4, stolen=0.3))
    assert "0.70" in used
    assert machine.disturbances(2, None, None) == ["the load average is unknown"]


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="tells it on Linux alone")
def test_own_work_does_not_count_as_that_of_others(monkeypatch):
    """Of 8 s of all processes, 5 were our own: others used 3 s in 2 s, and 1 s was stolen."""
    clock, own, everyone = iter([0.0, 2.0]), iter([1.0, 6.0]), iter([(10.0, 0.0), (18.0, 1.0)])
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(machine, "_own", lambda: next(own))
    monkeypatch.setattr(machine, "_everyone", lambda: next(everyone))
    assert machine.Watch().use() == machine.Use(others=1.5, stolen=0.5)


def test_threads_double_up_to_the_cores():
    assert [numbers(n) for n in (1, 2, 6, 8)] == [(1,), (1, 2), (1, 2, 4, 6), (1, 2, 4, 8)]


# The report


def test_a_report_says_why_it_should_not_be_quoted_and_shows_every_repeat():
    section = Section(
        "Title", "Words.", {}, ("what", "core"),
        lambda results: [("a|b", units.duration(results["a"].median))], ("A note.",),
    )  # fmt: skip
    results = {"a": Repeats((1.0, 3.0, 2.0))}
    page = Report({"cores": "2"}, ("it was noisy",), 3, ((section, results),)).markdown()
    assert "**Not to be quoted**: it was noisy." in page
    assert "| a\\|b | 2.00 s |" in page
    assert "| a | 1.00 s, 3.00 s, 2.00 s |" in page
    assert "A note." in page
    assert "Not to be quoted" not in Report({}, (), 3, ((section, results),)).markdown()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A quick benchmark of everything, from the command line, where there is no R."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "empty").mkdir()
    out = folder / "made" / "benchmark.md"
    options = ("--quick", "--repeats", "1", "--quiet", "--out", str(out))
    environment = {**os.environ, "PATH": str(folder / "empty")}
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    page = out.read_text(encoding="utf-8")
    assert process.stdout.startswith("Benchmark of simlab\n")
    assert all(title in process.stdout for title in re.findall("^## (.*)", page, re.M)[:-1])
    assert max(map(len, process.stdout.splitlines())) <= 100
    return page


def tables(part):
    """The tables of a part of a report, each as a list of rows of cells."""
    found = re.findall(r"(?:^\|.*\|\n?)+", part, re.M)
    split = re.compile(r"(?<!\\)\|")
    return [[split.split(line)[1:-1] for line in one.strip().splitlines()] for one in found]


@pytest.mark.slow
def test_every_section_has_a_whole_table(report):
    head, *parts = re.split(r"^## ", report, flags=re.M)
    assert tuple(part.splitlines()[0] for part in parts) == (*TITLES, "Every repeat")
    assert len(SECTIONS) == len(TITLES)
    assert "it was a quick one" in head
    for part in parts:
        for one in tables(part):
            assert len(one) > 2
            assert len({len(row) for row in one}) == 1
    assert "nan" not in report.lower()


def test_every_section_says_which_clock(report):
    for part in re.split(r"^## ", report, flags=re.M)[1:-1]:
        assert re.search(r"core|processor time|wall", part, re.I), part


def test_a_peer_that_is_absent_is_skipped_with_the_reason(report):
    (one,) = tables(report.split("## Peers")[1].split("## ")[0])
    rows = ["|".join(row) for row in one[2:]]
    in_r, in_python = rows[:6], rows[6:]
    assert all("skipped: no Rscript on the path" in row for row in in_r)
    assert len(in_python) == len(PACKAGES)
    assert not any("Rscript" in row for row in in_python)


def test_the_parts_are_those_that_are_said(report):
    (methods,) = tables(report.split("## Methods")[1].split("## ")[0])
    names = [row[0].strip() for row in methods]
    assert names[2] == "draw the moments"
    assert "`hlm`" in names
    assert names[-1] == "**all together**"
    # A study of a method alone: its rate is one over its time, to the three digits shown.
    micro, rate = (float(methods[4][i].replace(",", "")) for i in (3, 5))
    assert rate == pytest.approx(1e6 / micro, rel=0.01)


# R, and what stands in for it

STAND_IN = """#!{python}
import sys
print("R 9.9;lme4 1.0", flush=True)
for line in sys.stdin:
    verb, task, number = line.split()
    if task == "lmer":
        print("error it did not converge", flush=True)
    elif task == "death":
        sys.exit(1)
    else:
        print("0.25" if verb == "seconds" else "1.5 -2 " + number, flush=True)
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A program that answers as R would, with lme4 and without lmerTest."""
    program = tmp_path / "Rscript"
    program.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.skipif(os.name == "nt", reason="programs there have no first line")
def test_r_is_asked_in_turn_and_says_what_it_cannot_do(stand_in):
    wanted = {
        "refit": Wanted("lme4", 5),
        "lmer": Wanted("lme4", 5),
        "satterthwaite": Wanted("lmerTest", 5),
    }
    with ExitStack() as stack:
        session, actions, skipped = offered(peers.TASKS, responses(1).wide(), stack, wanted)
        assert dict(session.versions) == {"R": "9.9", "lme4": "1.0"}
        assert actions["refit"].seconds() == 0.25
        assert session.answer("refit", 7) == [1.5, -2.0, 7.0]
        for _ in range(2):
            with pytest.raises(RError, match="R stopped"):
                session.answer("death", 1)
    assert skipped == {
        "lmer": "R: it did not converge",
        "satterthwaite": "the R package lmerTest is not installed",
    }


def test_without_a_package_its_row_is_skipped(monkeypatch):
    for package in PACKAGES.values():
        monkeypatch.setitem(sys.modules, package.module, None)
    result = peers._in_python(responses(1))
    assert result.skipped == {
        name: f"{package.name} is not installed" for name, package in PACKAGES.items()
    }
    assert not result.actions


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_fits_the_same_model(name):
    package, data = PACKAGES[name], responses(2)
    asked = ask(package, [data.frame(0), data.frame(1)])
    if asked is None:
        pytest.skip(f"{package.name} is not installed")
    own = [fit(FORMULA, data.frame(d)) for d in range(2)]
    for d, (gamma, loglik) in enumerate(asked.answers):
        assert loglik == pytest.approx(own[d].loglik, abs=1e-4)
        assert np.abs((gamma - own[d].fixef) / own[d].std_error).max() < 1e-3
        assert np.abs((gamma - own[1 - d].fixef) / own[d].std_error).max() > 0.01  # control


def test_responses_are_the_same_every_time_and_differ_from_one_another():
    a, b = responses(3), responses(3)
    assert np.array_equal(a.y, b.y)
    assert not np.array_equal(a.y[0], a.y[1])
    assert list(a.wide()) == ["cluster", "x", "y1", "y2", "y3"]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no R")
def test_lme4_fits_the_same_model():
    """Where lme4's search ends short of the optimum, it is by less than 1e-4 standard errors.

    The control: the fit to the next data set is some tenths of a standard error away at least.
    """
    data = responses(2)
    with ExitStack() as stack:
        session = Session(peers.TASKS, data.wide(), stack)
        if "lme4" not in session.versions:
            pytest.skip("no lme4")
        for task, method in peers.CHECKED.items():
            own = peers.fit(peers.FORMULA, data.frame(1), method)
            same, other = (np.array(session.answer(task, d)) for d in (2, 1))
            assert np.abs((own.fixef - same[:-1]) / own.std_error).max() < 1e-4
            assert own.loglik == pytest.approx(same[-1], abs=1e-5)
            assert np.abs((own.fixef - other[:-1]) / own.std_error).max() > 0.1


# What is written of it


def test_help_and_page_name_every_section():
    page = (Path(__file__).parents[1] / "docs" / "benchmark.md").read_text(encoding="utf-8")
    for name in SECTIONS:
        assert f"| `{name}` |" in page
    assert f"{', '.join(SECTIONS)}." in inspect.getdoc(bench)


# Mistakes


def test_mistakes_cost_one_line_and_no_time(tmp_path):
    with pytest.raises(UsageError, match=r"no section 'metods'; did you mean 'methods'\?"):
        bench(only=("metods",))
    with pytest.raises(UsageError, match="--repeats 0: one at least"):
        bench(repeats=0)
    (tmp_path / "file").write_text("", encoding="utf-8")
    out = str(tmp_path / "file" / "benchmark.md")
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--out", out],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 1
    assert len(process.stderr.splitlines()) == 1
    assert str(tmp_path / "file") in process.stderr

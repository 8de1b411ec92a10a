"""What a plan foretells, against what a run then needs; and what it says when it cannot."""

import re
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from study_cases import study

import simlab
from simlab.cli.plan import _times, duration
from simlab.cli.plan import plan as command
from simlab.errors import MOST
from simlab.memory import size
from simlab.performance.named import named
from simlab.planning import plan
from simlab.planning.forecast import _in_rounds, _round_up
from simlab.planning.ranges import range_of
from simlab.results import Summing
from simlab.runner import prepare, run_block, schema_of
from simlab.tables.notes import replicates_of

pytestmark = pytest.mark.slow

SMALL = {
    "cluster_sizes": {"law": "fixed", "size": 6},
    "beta_between": 6,
    "x": {"law": "normal", "between_sd": 1},
}
UNTIL = {
    "coverage": {"mcse": 0.008, "terms": ["slope"], "target": "beta_within"},
    "bias": {"mcse": 0.04, "terms": ["slope"], "target": "beta_within"},
    "empirical_se": {"mcse": 0.025, "terms": ["slope"]},
}


def ruled(measure, conditions=12, most=20_000):
    """Conditions that differ in σ² alone, a method of arrays: many runs at little cost."""
    rule = {"max": most, "min": 128, "until": {"measure": measure, **UNTIL[measure]}}
    return study(
        rule,
        block=32,
        estimators=["pooled", "two_stage"],
        population=SMALL | {"clusters": 12},
        scheme="same-clusters",
        grid={"population.sigma2": [20 + c for c in range(conditions)]},
    )


@pytest.mark.parametrize("measure", UNTIL)
def test_a_run_needs_what_was_planned(measure):
    """The range is 95 % a condition: 2 of 12 outside has probability 0.1, 4 of 12 has 0.002."""
    s = ruled(measure)
    forecast = plan(s, pilot=256, jobs=1)
    n = replicates_of(simlab.run(s, jobs=1))
    low, needed, high = (
        np.array([getattr(c, name) for c in forecast.conditions])
        for name in ("low", "replicates", "high")
    )
    assert (n > 256).all()
    assert ((n < low) | (n > high)).sum() < 4
    assert needed.sum() == pytest.approx(n.sum(), rel=0.25)
    assert (high < 4 * low).all()
    assert forecast.conditions[0].cell.startswith(("pooled, slope", "two_stage, slope"))


def test_half_the_precision_is_another_plan():
    """Control: what a run needs is outside the range of a plan for another precision."""
    s = ruled("bias")
    n = replicates_of(simlab.run(s, jobs=1))
    other = plan(s, mcse=0.02, pilot=256, jobs=1)
    assert (n < [c.low for c in other.conditions]).all()


def test_the_pilot_is_the_beginning_of_the_run():
    """Its MCSE is what the run has there; its cells are those of the rule."""
    s = ruled("bias", conditions=2)
    result, work = plan(s, pilot=100, jobs=1), prepare(s)
    assert result.pilot == 128
    summing = Summing.of(schema_of(work), work.has, (work.rule.measure.stream,))
    for c, needed in enumerate(result.conditions):
        nodes = [summing.leaf(run_block(work, c, b)).node for b in range(4)]
        sums = named(reduce(summing.merge, nodes), summing.layout, summing.aims[c])
        cells = work.rule.cells(sums)
        assert needed.mcse == pytest.approx(cells.worst, rel=1e-12)  # the pilot is in more parts
        assert needed.cell == cells.names[np.nanargmax(cells.measured.mcse)]


def test_a_longer_pilot_is_surer():
    s = ruled("bias", conditions=1)
    work = prepare(s)
    summing = Summing.of(schema_of(work), work.has, (work.rule.measure.stream,))
    widths = []
    for number in (8, 128):
        blocks = [run_block(work, 0, b) for b in range(number)]
        result = range_of(work.rule, summing, blocks)
        widths.append(np.log(result.high / result.low))
    assert widths[1] < widths[0]


def test_the_maximum_is_kept_to():
    forecast = plan(ruled("coverage", conditions=2, most=500), pilot=64, jobs=1)
    assert [(c.replicates, c.high, c.capped) for c in forecast.conditions] == [(500, 500, True)] * 2


def test_without_a_maximum_there_is_room_for_every_range():
    s = ruled("coverage", conditions=2).replace(replicates=100)
    forecast = plan(s, mcse=0.02, pilot=64, jobs=1)
    assert forecast.until.measure == "coverage"
    assert not any(c.capped for c in forecast.conditions)
    assert forecast.most >= max(c.high for c in forecast.conditions)
    assert forecast.core("low") <= forecast.core() <= forecast.core("high")


def test_the_disk_is_what_a_store_takes(tmp_path):
    s = ruled("coverage", conditions=1)
    forecast = plan(s, pilot=64, jobs=1)
    names = []
    for blocks in (1, 3):
        simlab.run(s.replace(replicates=32 * blocks), out=tmp_path / f"{blocks}.zarr", jobs=1)
        names.append(
            sum(f.stat().st_size for f in (tmp_path / f"{blocks}.zarr").rglob("c*") if f.is_file())
        )
    assert names[1] - names[0] == forecast.stored(96) - forecast.stored(32)


@pytest.mark.parametrize("blocks", [40, 63])
def test_the_disk_of_sums_is_that_of_their_nodes(tmp_path, blocks):
    """Ends of intervals are near a multiple of √n: 20 % is for what they vary by."""
    s = ruled("coverage", conditions=1).replace(keep="measures")
    forecast = plan(s, pilot=256, jobs=1)
    simlab.run(s.replace(replicates=32 * blocks), out=tmp_path / "s", jobs=1)
    taken = sum(f.stat().st_size for f in (tmp_path / "s" / "nodes").iterdir())
    assert forecast.stored(32 * blocks) == pytest.approx(taken, rel=0.2)
    kept = plan(ruled("coverage", conditions=1), pilot=64, jobs=1)
    assert taken < kept.stored(32 * blocks) / 2


def test_what_cannot_be_planned_is_told():
    s = ruled("coverage", conditions=1)
    with pytest.raises(ValueError, match="say how well the measure is to be known"):
        plan(s.replace(replicates=100))
    with pytest.raises(ValueError, match="unknown measure 'bia'; did you mean 'bias'"):
        plan(s, measure="bia")
    with pytest.raises(ValueError, match="say how well"):  # 0.008 is a precision of coverage
        plan(s, measure="bias")
    with pytest.raises(ValueError, match="a pilot needs 32 replicates or more, not 5"):
        plan(s, pilot=5)
    rule = {"measure": "coverage", "mcse": 0.1, "terms": ["between"], "estimators": ["two_stage"]}
    s = s.replace(estimators=["two_stage", "hlm_contextual"],
                  replicates={"max": 500, "until": rule})  # fmt: skip
    with pytest.raises(ValueError, match="coverage is defined in no cell"):
        plan(s, pilot=64, jobs=1)


@pytest.mark.parametrize("measure", ["coverage", "bias"])
@pytest.mark.parametrize("mcse", [1e-8, 1e-30, 1e-150])
def test_a_precision_beyond_every_study_names_what_is_reached(measure, mcse):
    s = ruled("coverage", conditions=1).replace(replicates=100)
    with pytest.raises(ValueError, match="a study may have 1,000,000,000, which reach ") as refused:
        plan(s, measure=measure, mcse=mcse, pilot=64, jobs=1)
    reached = float(str(refused.value).rpartition(" ")[2])
    forecast = plan(s, measure=measure, mcse=reached, pilot=64, jobs=1)
    assert MOST / 1.3 < forecast.most <= MOST  # two digits of it are said
    with pytest.raises(ValueError, match="a study may have"):
        plan(s, measure=measure, mcse=0.85 * reached, pilot=64, jobs=1)


def test_a_range_whose_ends_read_the_same_is_left_out():
    forecast = plan(ruled("coverage", conditions=1, most=128), pilot=64, jobs=1)
    assert re.match(r"About [\d.]+ s with 1 worker, ", _times(forecast))
    apart = replace(forecast, conditions=(replace(forecast.conditions[0], high=10**6),))
    assert re.match(r"About [\d.]+ s \([\d.]+ s to ", _times(apart))


def test_rounds_and_numbers_are_whole():
    rounds = [_in_rounds(n, 128, 1000, 32) for n in (0, 128, 129, 161, 999, 5000)]
    assert rounds == [128, 128, 160, 224, 1000, 1000]
    assert [_round_up(n) for n in (7, 99, 101, 12_345)] == [7, 99, 110, 13_000]


STUDY = """\
name: tiny
replicates: 64
block: 32
estimators: [pooled, two_stage]
population:
  clusters: 12
  gamma: [12, 2]
  G: [[4, 0.5], [0.5, 1]]
  sigma2: 9
  cluster_sizes: {law: poisson, mean: 8}
grid:
  population.sigma2: [9, 18]
"""


def test_the_command_prints_a_line_that_runs(tmp_path, capsys):
    file = tmp_path / "tiny.yaml"
    file.write_text(STUDY, encoding="utf-8")
    with pytest.raises(simlab.Error, match="say how well the measure is to be known"):
        command(file, pilot=64, jobs=1)
    command(file, mcse=0.05, pilot=64, jobs=1)
    printed = capsys.readouterr().out
    assert "sigma2 = 18" in printed
    (line,) = re.findall(r"^replicates: .*", printed, re.MULTILINE)
    file.write_text(STUDY.replace("replicates: 64", line), encoding="utf-8")
    assert simlab.load(file).until.mcse == 0.05


def test_times_and_sizes_are_in_units_that_suit():
    assert [duration(s) for s in (0.25, 3, 150, 9000, 3e5, 1e8)] == [
        "0.25 s", "3.0 s", "2.5 min", "2.5 h", "3.5 days", "3.2 years",
    ]  # fmt: skip
    assert [size(n) for n in (12, 3400, 5.6e6, 7.89e9)] == [
        "12 bytes", "3.4 kB", "5.6 MB", "7.89 GB",
    ]  # fmt: skip

"""Stop rules: the same decisions and bits however a study is run, and what stopping does to bias.

Thresholds are 4 Monte Carlo standard errors, at fixed seeds; each promise has a control that must
fail it.
"""

from functools import cache

import numpy as np
import pytest
from study_cases import study

import simlab
from simlab import runner
from simlab.config import ConfigError, Replicates, Study, Until, dumps, loads
from simlab.measures import MEASURES
from simlab.parallel import Workers
from simlab.performance.measure import cautious
from simlab.performance.named import named
from simlab.results import TIMES, ReplicateResults, Stop, Summing, open_dataset, open_results
from simlab.runner.rounds import Rounds, next_end
from simlab.runner.until import share_needed
from simlab.tables.notes import replicates_of, run_size

SMALL = {
    "cluster_sizes": {"law": "poisson", "mean": 6},
    "beta_between": 6,
    "x": {"law": "normal", "between_sd": 1},
}
UNTIL = {"measure": "coverage", "mcse": 0.012, "terms": ["slope"], "target": "beta_within"}


def ruled(most=3000, least=200, until=UNTIL, **fields):
    """A study of three conditions and two estimators that stops when coverage is known."""
    return study(
        {"max": most, "min": least, "until": until},
        block=32,
        **{
            "grid": {"population.clusters": [6, 8, 40]},
            "estimators": ["pooled", "two_stage"],
            "population": SMALL,
            **fields,
        },
    )


def assert_same_bits(one, other):
    for name in set(one.variables) | set(other.variables):
        if name not in TIMES:
            a, b = one[name].values, other[name].values
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name


@pytest.fixture(scope="module")
def base():
    s = ruled()
    return s, simlab.run(s, jobs=1)


# ---------------------------------------------------------------- the decisions


def test_conditions_stop_in_different_rounds(base):
    _, ds = base
    n = replicates_of(ds)
    assert len(set(n.tolist())) > 1
    assert n.max() == ds.sizes["replicate"] < 3000
    assert ds.sizes["block"] == n.max() // 32
    assert (ds.stopped == Stop.REACHED).all()
    assert ds.attrs["replicates_done"] == ds.attrs["replicates_planned"] == n.sum()
    assert run_size(ds) == (
        f"3 conditions × {n.min():,} to {n.max():,} replicates, until MCSE(coverage) ≤ 0.012"
    )


def test_what_is_not_run_is_blank(base):
    _, ds = base
    for c, n in enumerate(replicates_of(ds)):
        assert (ds.status[c, :n] >= 0).all()
        assert (ds.status[c, n:] == -1).all()
        assert np.isnan(ds.estimate[c, n:]).all()


def worst(ds, c, n):
    """Largest √(p̃(1 − p̃)/n) of a condition after n replicates, from the Dataset alone."""
    part = ds.isel(condition=c, replicate=slice(n)).sel(term="slope")
    truth = float(part.truth.sel(target="beta_within"))
    hits = ((part.lower <= truth) & (truth <= part.upper)).sum("replicate").values
    p = (hits + 2) / (n + 4)
    return np.sqrt(p * (1 - p) / n).max()


def test_each_stops_in_the_first_round_that_is_enough(base):
    s, ds = base
    for c, n in enumerate(replicates_of(ds)):
        ends = [next_end(0, 7, 94)]
        while ends[-1] * 32 < n:
            ends.append(next_end(ends[-1], 7, 94))
        assert ends[-1] * 32 == n
        assert worst(ds, c, n) <= s.until.mcse
        assert all(worst(ds, c, end * 32) > s.until.mcse for end in ends[:-1])


def test_the_measured_mcse_is_at_most_what_was_wanted(base):
    s, ds = base
    measured = simlab.measure(ds).sel(term="slope", target="beta_within")
    assert float(measured.coverage_mcse.max()) <= s.until.mcse
    np.testing.assert_array_equal(measured.n[:, 0], replicates_of(ds))


def test_rounds_grow_by_a_quarter():
    ends = [next_end(0, 8, 100)]
    while ends[-1] < 100:
        ends.append(next_end(ends[-1], 8, 100))
    assert ends == [8, 10, 13, 17, 22, 28, 35, 44, 55, 69, 87, 100]
    assert next_end(0, 8, 5) == 5


def test_the_maximum_is_kept_and_told():
    ds = simlab.run(ruled(most=700, until=UNTIL | {"mcse": 0.001}), jobs=1)
    assert replicates_of(ds).tolist() == [700] * 3
    assert (ds.stopped == Stop.MAXIMUM).all()
    assert run_size(ds).endswith("× 700 replicates, until MCSE(coverage) ≤ 0.001 "
                               "(3 stopped at the maximum)")  # fmt: skip


def test_where_a_measure_is_not_defined_all_is_run():
    """The two-stage estimator has no between-slope."""
    ds = simlab.run(
        ruled(most=300, estimators=["two_stage", "hlm_contextual"],
              until=UNTIL | {"terms": ["between"], "estimators": ["two_stage"]}),
        jobs=1,
    )  # fmt: skip
    assert (ds.stopped == Stop.UNDEFINED).all()
    assert replicates_of(ds).tolist() == [300] * 3
    assert "3 where it is not defined" in run_size(ds)


def test_a_rule_changes_no_number(base):
    """The replicates are those of the study that has as many for every condition."""
    s, ds = base
    longest = int(replicates_of(ds).max())
    plain = simlab.run(s.replace(replicates=longest), jobs=1)
    for c, n in enumerate(replicates_of(ds)):
        np.testing.assert_array_equal(ds.estimate[c, :n], plain.estimate[c, :n])


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_can_be_a_rule(name):
    """Its MCSE in the run is the one of `measure`, but for the caution about shares."""
    s = ruled(
        most=64,
        least=64,
        until={"measure": name, "mcse": 1e-9},
        level=0.9,
        population=SMALL | {"clusters": 4},
        grid=None,
        estimators=["two_stage", "hlm"],
    )
    work = runner.prepare(s)
    blocks = [runner.run_block(work, 0, b) for b in range(2)]
    schema = runner.schema_of(work)
    summing = Summing.of(schema, work.has, (work.rule.measure.stream,))
    nodes = [summing.leaf(block).node for block in blocks]
    cells = work.rule.cells(named(summing.merge(*nodes), summing.layout, summing.aims[0]))
    results = ReplicateResults(schema)
    for block in blocks:
        results.write(block)
    measured = simlab.measure(results.dataset()).isel(condition=0)
    value, mcse, n = (measured[name + part].values.ravel() for part in ("", "_mcse", "_n"))
    np.testing.assert_allclose(cells.measured.value, value, rtol=1e-12)
    np.testing.assert_array_equal(cells.measured.n, n)
    known = ~np.isnan(mcse)
    assert known.any()
    if MEASURES[name].share:
        assert (cells.measured.mcse[known] >= mcse[known]).all()
        assert (cells.measured.mcse[known] > mcse[known]).any() or (value[known] % 1 == 0).all()
    else:
        np.testing.assert_allclose(cells.measured.mcse, mcse, rtol=1e-12)
    assert len(cells.names) == len(value) == len(set(cells.names))


def test_shares_are_those_that_are_named_so():
    shares = {m.name for m in MEASURES.values() if m.share}
    assert shares == {m.name for m in MEASURES.values() if "p = share" in m.definition}


# ---------------------------------------------------------------- the same bits


def test_workers_do_not_matter(base):
    s, ds = base
    for jobs in (2, 4):
        assert_same_bits(simlab.run(s, jobs=jobs), ds)


DO = Workers.do


def shuffled(seed):
    def blocks(workers, pending):
        pending = list(pending)
        order = np.random.default_rng(seed).permutation(len(pending))
        return DO(workers, [pending[i] for i in order])

    return blocks


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_does_not_matter(base, monkeypatch, seed):
    s, ds = base
    monkeypatch.setattr(Workers, "do", shuffled(seed))
    assert_same_bits(simlab.run(s), ds)


class Killed(Exception):
    pass


def killed_after(blocks, left):
    """Let some blocks through in any order, then die as a process does: nothing more is written."""

    def some(workers, pending):
        for block in blocks(workers, pending):
            if not left[0]:
                raise Killed
            left[0] -= 1
            yield block

    return some


def test_a_run_that_is_killed_again_and_again_ends_the_same(base, tmp_path, monkeypatch):
    s, ds = base
    rng, sessions = np.random.default_rng(5), 0
    with monkeypatch.context() as patched:
        while True:
            left = [int(rng.integers(10, 90))]
            patched.setattr(Workers, "do", killed_after(shuffled(sessions), left))
            try:
                stored = simlab.run(s, out=tmp_path / "r.zarr")
                break
            except Killed:
                sessions += 1
                open_dataset(tmp_path / "r.zarr")
    assert sessions > 1
    assert_same_bits(stored, ds)
    assert_same_bits(open_dataset(tmp_path / "r.zarr"), ds)


@pytest.fixture(scope="module")
def blocks(base):
    """The work of the study, and every block of it."""
    s, ds = base
    work = runner.prepare(s)
    n = replicates_of(ds) // 32
    return work, {(c, b): runner.run_block(work, c, b) for c in range(3) for b in range(n[c])}


def test_an_interruption_at_any_block_changes_no_decision(blocks):
    """Whatever has been written when a run is cut short, the same blocks are there in the end."""
    work, all_blocks = blocks
    schema = runner.schema_of(work)
    for cut in range(0, len(all_blocks), 5):
        rng = np.random.default_rng(cut)
        results, written = ReplicateResults(schema), 0
        rounds = Rounds(work, results)
        while wave := list(rounds.next()):
            rng.shuffle(wave)
            for at in wave:
                results.write(all_blocks[at])  # a block beyond the decision would be a KeyError
                written += 1
                if written == cut:
                    break
            if written == cut:
                rounds = Rounds(work, results)
        assert int(results.done.sum()) == len(all_blocks)


def test_a_reason_that_was_not_written_is_found_again(base, tmp_path):
    """Killed between the last block of a condition and its reason."""
    s, ds = base
    simlab.run(s, out=tmp_path / "r.zarr", jobs=1)
    (tmp_path / "r.zarr" / "stopped" / "c.1").unlink()
    there = open_dataset(tmp_path / "r.zarr")
    assert there.stopped.values.tolist() == [Stop.REACHED, Stop.NOT_YET, Stop.REACHED]
    assert "1 unfinished" in run_size(there)
    assert there.attrs["replicates_planned"] > there.attrs["replicates_done"]
    assert_same_bits(simlab.run(s, out=tmp_path / "r.zarr", jobs=1), ds)


def test_a_damaged_block_is_asked_for_again(blocks):
    """The round that a condition is in follows from its last block, not from the first gap."""
    work, all_blocks = blocks
    results = ReplicateResults(runner.schema_of(work))
    for at, block in all_blocks.items():
        if at != (1, 3):
            results.write(block)
    rounds = Rounds(work, results)
    assert list(rounds.next()) == [(1, 3)]
    assert rounds.settled == 2


def greedy(order, hits, wanted):
    """Control: a rule that looks at whatever has arrived, block by block."""
    n = p = 0
    for b in order:
        p, n = (p * n + hits[b]) / (n + 1), n + 1
        if n > 1 and np.sqrt(p * (1 - p) / (32 * n)) <= wanted:
            break
    return n


def test_a_rule_on_what_has_arrived_depends_on_the_order():
    hits = np.random.default_rng(1).binomial(32, 0.95, 60) / 32
    orders = [np.random.default_rng(seed).permutation(60) for seed in range(20)]
    assert len({greedy(order, hits, 0.012) for order in orders}) > 1


# ---------------------------------------------------------------- luck, and bias


def test_a_share_that_never_varied_is_not_known():
    mcse = cautious(np.array([1.0]), np.array([100]))
    assert mcse[0] == pytest.approx(np.sqrt(102 / 104 * 2 / 104 / 100))
    n = share_needed(np.array([0.0, 1.0, 0.5, 0.95]), 0.001)
    assert n[0] == pytest.approx(n[1]) == pytest.approx(np.sqrt(2) / 0.001, rel=0.01)
    assert n[2:] == pytest.approx([250_000, 47_500], rel=0.001)


P, WANTED, STUDIES = 0.95, 0.004, 10_000


@cache
def stopped(careful):
    """p̂ and n of many studies of one cell, run by our rule, or by one without caution."""
    rng = np.random.default_rng(20261123)
    block, first = (256, 8) if careful else (1, 2)
    end = np.zeros(STUDIES, dtype=int)
    hits, n, left = np.zeros(STUDIES), np.zeros(STUDIES), np.ones(STUDIES, dtype=bool)
    done = 0
    while left.any():
        now = next_end(done, first, 10**6) if careful else done + first if not done else done + 1
        hits[left] += rng.binomial(block * (now - done), P, left.sum())
        n[left] += block * (now - done)
        p = hits / n
        mcse = np.sqrt(p * (1 - p) / n)
        if careful:
            mcse = cautious(p, n)
        left &= ~(mcse <= WANTED)
        done = now
        end[left] = now
    return hits / n, n


def test_coverage_is_not_biased_by_our_stopping():
    """Bias is −Cov(n, p̂)/E n exactly (Wald), and a small part of an MCSE."""
    p, n = stopped(careful=True)
    bias, mcse = p.mean() - P, p.std() / np.sqrt(STUDIES)
    assert bias == pytest.approx(-np.cov(n, p)[0, 1] / n.mean(), abs=4 * mcse)
    assert abs(bias) < 0.1 * WANTED


def test_coverage_is_biased_by_greedy_stopping():
    """Control: two hits in a row have p̂ = 1 and an MCSE of 0."""
    p, _ = stopped(careful=False)
    assert p.mean() - P > 2 * WANTED


# ---------------------------------------------------------------- the study file

FILE = """\
name: ruled
replicates: {replicates}
population:
  clusters: 8
  gamma: [12, 2]
  G: [[4, 0], [0, 1]]
  sigma2: 16
  cluster_sizes: {{law: poisson, mean: 5}}
"""
RULE = "{max: 200000, until: {measure: coverage, mcse: 0.001}}"


def test_the_rule_of_the_issue_is_read_and_written():
    s = loads(FILE.format(replicates=RULE), known_measures=tuple(MEASURES))
    assert (s.replicates, s.least, s.until) == (
        200_000, 2000, Until(measure="coverage", mcse=0.001),
    )  # fmt: skip
    assert s.sampled == Replicates(max=200_000, until=s.until)
    assert loads(dumps(s)) == s == Study.from_json(s.to_json())
    assert s.at_most(500).replicates == s.at_most(500).least == 500
    assert s.at_most(500).until == s.until
    assert s.replace(replicates=10).until is None


def test_a_number_is_written_as_ever():
    s = loads(FILE.format(replicates=70))
    assert '"replicates":70,' in s.to_json()
    assert (s.replicates, s.least, s.until, s.at_most(9).replicates) == (70, 70, None, 9)


WRONG = {
    "coverag, mcse: 0.1": "measure: unknown measure 'coverag'; did you mean 'coverage'?",
    "coverage, mcse: 0": "mcse: must be positive, not 0",
    "coverage": "mcse: is required",
    "coverage, mcse: 0.1, terms: [slpe]": "terms.0: no such term 'slpe'; there are intercept,",
    "coverage, mcse: 0.1, estimators: [ols]": "estimators.0: 'ols' is not in this study; it has",
    "failures, mcse: 0.1, target: limit": "target: must be left out: failures has no target",
    "singular, mcse: 0.1, terms: [slope]": "terms: must be left out: singular has no terms",
    "coverage, mcse: 0.1, target: truth": "target: must be one of beta_within, beta_between, limit",
    "coverage, mcse: 0.1, trm: []": "trm: unknown key; did you mean 'terms'?",
}


@pytest.mark.parametrize("until", WRONG)
def test_what_is_wrong_with_a_rule_is_told_at_its_place(until, tmp_path):
    file = tmp_path / "study.yaml"
    rule = f"{{max: 900, until: {{measure: {until}}}}}"
    file.write_text(FILE.format(replicates=rule), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        runner.prepare(simlab.load(file))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{file}:2:")
    assert f": replicates.until.{WRONG[until]}" in line


def test_a_minimum_above_the_maximum_is_refused():
    with pytest.raises(ConfigError, match=r"replicates\.min: must be at most max, 9, not 10$"):
        loads(FILE.format(replicates="{max: 9, min: 10, until: {measure: bias, mcse: 1}}"))


def test_another_rule_is_another_study(base, tmp_path):
    s, _ = base
    work = runner.prepare(s)
    open_results(tmp_path / "r", runner.schema_of(work))
    other = runner.prepare(ruled(until=UNTIL | {"mcse": 0.02}))
    with pytest.raises(Exception, match=r"replicates\.until\.mcse: 0\.012 → 0\.02"):
        open_results(tmp_path / "r", runner.schema_of(other))


def test_tables_tell_the_replicates(base):
    _, ds = base
    assert run_size(ds) in " ".join(str(simlab.methods_table(ds)).split())


def test_a_maximum_below_the_usual_minimum_survives_writing_and_reading():
    """Found by the fuzzer: what was left out was written as 2000, and refused."""
    s = study(replicates={"max": 30, "until": {"measure": "coverage", "mcse": 0.1}})
    assert s.least == 30
    assert loads(dumps(s)) == s
    assert Study.from_json(s.to_json()) == s
    assert s.at_most(7).least == 7

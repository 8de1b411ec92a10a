"""A study that keeps measures says what the same study says that keeps replicates.

Replicates that were kept are summed by the same code, in the same blocks and order: every number is
the same, to the bit.
"""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_cases import fails
from sums_cases import HAS, block_of, both_ways, positions, schema_of

import simlab.results.sums as sums_module
from simlab.measures import measure, paired, rejection
from simlab.results import (
    ReplicateResults,
    StoreError,
    StoreWarning,
    SumsResults,
    open_dataset,
    open_results,
)
from simlab.results.nodes import to_bytes
from simlab.verdicts.view import view

CASES = [(0.0, 0.0), (0.0, 0.3), (1e6, 0.1)]  # offset, share of fits that fail

both = cache(both_ways)


def assert_same(one, other):
    """The same numbers to the bit, with the same names, dimensions and attributes."""
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        assert one[name].dims == other[name].dims, name
        assert one[name].attrs == other[name].attrs, name
        np.testing.assert_array_equal(other[name].values, one[name].values, err_msg=name)


@pytest.mark.parametrize(("offset", "failing"), CASES)
@pytest.mark.parametrize("reference", list(HAS))
@pytest.mark.parametrize("mcse", ["jackknife", "normal"])
def test_every_measure(offset, failing, reference, mcse):
    kept, summed = both(offset, failing)
    assert_same(measure(kept, reference, mcse=mcse), measure(summed, reference, mcse=mcse))


def test_control_another_order_of_sums_is_seen():
    kept, summed = both(0.0, 0.1)
    other = measure(kept.assign_attrs(block=100))
    assert (other["mse"].values != measure(summed)["mse"].values).any()


@pytest.mark.parametrize(("offset", "failing"), CASES)
@pytest.mark.parametrize("quantity", ["bias", "mse", "coverage"])
@pytest.mark.parametrize("target", ["beta_within", "beta_between", "limit"])
def test_every_paired_difference(offset, failing, quantity, target):
    kept, summed = both(offset, failing)
    for reference in HAS:
        what = (reference, quantity, target)
        assert_same(paired(kept, *what), paired(summed, *what))


@pytest.mark.parametrize("failing", [0.0, 0.3])
def test_rejections(failing):
    kept, summed = both(0.0, failing)
    one, other = rejection(kept), rejection(summed)
    assert one.equals(other)
    with pytest.raises(ValueError, match=r"level 0\.02 .*keeps measures only; run with keep: rep"):
        rejection(summed, [0.02])


@pytest.mark.parametrize("sector", [None, "B"])
def test_what_the_verdicts_ask(sector):
    """Of the slopes of both sectors; `twin` gives the slopes of `pooled` to 1e-9 and no nearer."""
    for each in (both(0.0, 0.0), both(0.0, 0.3), both(1e6, 0.0)):
        (_, one), (_, other) = (view(ds, sector) for ds in each)
        assert one.methods == other.methods
        for condition in range(2):
            for method in one.methods:
                assert one.term_for(method, "beta_between") == other.term_for(
                    method, "beta_between"
                )
                for term in ("slope", one.term_for(method, "beta_between")):
                    a, b = (v.efficiency(condition, method, term) for v in (one, other))
                    assert repr(a) == repr(b)  # NaN is NaN
        for first in one.methods:
            for second in one.methods:
                assert one.same_estimate(first, second) == other.same_estimate(first, second)


def test_twins_are_told_from_what_is_merely_near():
    ds = both(1e6, 0.0)[1]  # at 1e6 a part in 1e9 of the spread is nothing
    assert view(ds, None)[1].same_estimate("pooled", "twin")
    assert not view(both(0.0, 0.0)[1], None)[1].same_estimate("pooled", "twin")


def bits(results):
    return {place: to_bytes(node) for place, node in results._tree.nodes.items()}


def in_order(order, **changes):
    results = SumsResults(schema_of(keep="measures", **changes))
    for position in order:
        results.write(block_of(results.schema, *position))
    return results


@cache
def leaves(replicates):
    schema = schema_of(replicates, keep="measures")
    summing = SumsResults(schema).summing
    return {position: summing.leaf(block_of(schema, *position)) for position in positions(schema)}


@pytest.mark.parametrize("replicates", [700, 500], ids=["short one alone", "short one beside one"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_order_of_arrival_gives_the_same_bits(replicates, data):
    of = leaves(replicates)
    expected, result = (SumsResults(schema_of(replicates, keep="measures")) for _ in range(2))
    for leaf in of.values():
        expected.write(leaf)
    for place in data.draw(st.permutations(list(of))):
        result.write(of[place])
    assert bits(result) == bits(expected)


def test_naive_running_sums_would_not():
    """The control: adding as they come gives other bits in another order."""
    blocks = [block_of(schema_of(), 0, i, failing=0.0).estimate[:, 0, 0].sum() for i in range(10)]
    orders = (np.random.default_rng(i).permutation(10) for i in range(20))
    assert len({float(np.add.accumulate(np.array(blocks)[order])[-1]) for order in orders}) > 1


def test_few_nodes_are_left_and_the_short_block_is_one():
    results = in_order(positions(schema_of()))  # 10 blocks of 64, and one of 60
    assert sorted(p[1:] for p in results._tree.nodes if p.condition == 0) == [
        (0, 10), (1, 4), (3, 0),
    ]  # fmt: skip
    assert results.done.all()


def test_a_block_enters_once():
    results = in_order([(0, 0), (0, 1)])
    with pytest.raises(ValueError, match="block 1 of condition 0 is there twice"):
        results.write(block_of(results.schema, 0, 1))


def files(path):
    return {f.name: f.read_bytes() for f in (path / "nodes").iterdir()}


def test_a_store_is_read_as_it_was_written(tmp_path):
    schema = schema_of(keep="measures")
    stored, memory = open_results(tmp_path / "s", schema), SumsResults(schema)
    for position in positions(schema)[:-3]:
        for results in (stored, memory):
            results.write(block_of(schema, *position))
    again = SumsResults.open(tmp_path / "s")
    assert bits(again) == bits(memory)
    assert np.array_equal(again.done, memory.done)
    assert open_dataset(tmp_path / "s").identical(memory.dataset())
    assert len(files(tmp_path / "s")) == len(memory._tree.nodes)


class Killed(BaseException):
    """What a `kill -9` is to the process that gets it."""


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_instant_nothing_is_lost_or_counted_twice(tmp_path, monkeypatch, seed):
    """Every step that touches the disk is, in turn, the last one of its run."""
    schema = schema_of(replicates=500, conditions=1, keep="measures")
    order = np.random.default_rng(seed).permutation(positions(schema)).tolist()
    expected = SumsResults(schema)
    for position in order:
        expected.write(block_of(schema, *position))

    steps = {"left": 10**9}
    write, remove = sums_module.chunks.write, sums_module._remove

    def step():
        steps["left"] -= 1
        if steps["left"] < 0:
            raise Killed

    def dying_write(file, *rest):
        step()
        if steps["left"] == 0:  # killed between writing beside and renaming
            file.with_name(file.name + ".partial").write_bytes(b"half")
        step()
        write(file, *rest)
        step()

    def dying_remove(files):
        for file in files:
            remove([file])
            step()

    monkeypatch.setattr(sums_module.chunks, "write", dying_write)
    monkeypatch.setattr(sums_module, "_remove", dying_remove)
    path, runs, at = tmp_path / "s", 0, 1
    SumsResults.create(path, schema)
    while True:
        steps["left"], runs, at = 10**9, runs + 1, at + 1
        results = open_results(path, schema)
        steps["left"] = at
        try:
            for position in order:
                if not results.done[tuple(position)]:
                    results.write(block_of(schema, *position))
            break
        except Killed:
            continue
    monkeypatch.undo()
    assert runs > 4
    final = open_results(path, schema)
    assert bits(final) == bits(expected)
    assert len(files(path)) == len(expected._tree.nodes)


def test_an_outer_node_hides_the_inner_ones(tmp_path):
    schema = schema_of(conditions=1, keep="measures")
    results = SumsResults.create(tmp_path / "s", schema)
    results.write(block_of(schema, 0, 0))
    inner = files(tmp_path / "s")
    results.write(block_of(schema, 0, 1))
    for name, content in inner.items():
        (tmp_path / "s" / "nodes" / name).write_bytes(content)
    assert int(SumsResults.open(tmp_path / "s").dataset()["replicates"][0]) == 128
    open_results(tmp_path / "s", schema)
    assert [*files(tmp_path / "s")] == ["00000000.1.0"]


def test_a_damaged_node_is_named(tmp_path):
    schema = schema_of(conditions=1, keep="measures")
    results = SumsResults.create(tmp_path / "s", schema)
    results.write(block_of(schema, 0, 0))
    file = tmp_path / "s" / "nodes" / "00000000.0.0"
    file.write_bytes(file.read_bytes()[:-9] + b"123456789")
    message = "node 00000000.0.0 fails its checksum; repeat the run, which makes it again"
    fails(message, open_dataset, tmp_path / "s")
    with pytest.warns(StoreWarning, match="1 damaged node is run again .node 00000000.0.0 fails"):
        again = open_results(tmp_path / "s", schema)
    assert not again.done.any()
    assert not files(tmp_path / "s")


def test_a_short_last_block_is_run_again_when_there_are_more(tmp_path):
    schema = schema_of(conditions=1, keep="measures")
    results = SumsResults.create(tmp_path / "s", schema)
    for position in positions(schema):
        results.write(block_of(schema, *position))
    longer = schema_of(replicates=1000, conditions=1, keep="measures", fingerprint="longer")
    grown = open_results(tmp_path / "s", longer, extend=True)
    assert np.flatnonzero(~grown.done[0]).tolist() == [10, 11, 12, 13, 14, 15]
    for number in range(10, 16):
        grown.write(block_of(longer, 0, number))
    assert bits(grown) == bits(in_order(positions(longer), replicates=1000, conditions=1))


def refused(line, path, schema, **options):
    """A store of another study is refused, and one of the lines says what differs."""
    with pytest.raises(StoreError, match="holds another study") as caught:
        open_results(path, schema, **options)
    assert line in str(caught.value)


def test_stores_of_either_kind_are_told_apart(tmp_path):
    kept, summed = schema_of(), schema_of(keep="measures")
    ReplicateResults.create(tmp_path / "kept", kept)
    SumsResults.create(tmp_path / "summed", summed)
    refused(r"config  keep: replicates → measures", tmp_path / "kept", summed)
    refused(r"config  keep: measures → replicates", tmp_path / "summed", kept)
    fails(
        "keeps measures only; run with keep: replicates", ReplicateResults.open, tmp_path / "summed"
    )
    fails("keeps replicates, not measures", SumsResults.open, tmp_path / "kept")
    fails("exists; choose another --out", SumsResults.create, tmp_path / "kept", summed)
    SumsResults.create(tmp_path / "kept", summed, overwrite=True)
    assert not open_results(tmp_path / "kept", summed).done.any()


def test_an_empty_study_has_no_measures():
    ds = SumsResults(schema_of(keep="measures")).dataset()
    empty = ReplicateResults(schema_of()).dataset()
    assert_same(measure(empty, "pooled"), measure(ds, "pooled"))


def test_a_store_of_sums_grows(tmp_path):
    """More replicates: whole blocks are kept, the short one is run again, the bits are the same."""

    def schema(replicates):
        config = json.dumps({"keep": "measures", "replicates": replicates})
        return schema_of(
            replicates=replicates, conditions=1, keep="measures", fingerprint=str(replicates),
            attrs={"config": config, "level": 0.9, "name": "grows", "seed": 0},
        )  # fmt: skip

    results = open_results(tmp_path / "s", schema(700))
    for position in positions(schema(700)):
        results.write(block_of(schema(700), *position))
    with pytest.raises(StoreError, match="replicates"):
        open_results(tmp_path / "s", schema(1000))
    grown = open_results(tmp_path / "s", schema(1000), extend=True)
    assert np.flatnonzero(~grown.done[0]).tolist() == [10, 11, 12, 13, 14, 15]
    for number in range(10, 16):
        grown.write(block_of(grown.schema, 0, number))
    assert bits(grown) == bits(in_order(positions(schema(1000)), replicates=1000, conditions=1))

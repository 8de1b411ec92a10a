"""A study that declares 10⁹ replicates and has twelve blocks takes the memory of twelve blocks.

Peaks are of what Python and numpy allocate (tracemalloc): they depend on no machine and no time.
"""

import tracemalloc
from contextlib import contextmanager
from itertools import islice

import numpy as np
import pytest
import xarray as xr
from results_cases import block_of, schema_of
from study_cases import study

import simlab
from simlab import archive, runner
from simlab.cli.check import summary_lines
from simlab.cli.diff import diff
from simlab.cli.export import export
from simlab.cli.failures import failures
from simlab.cli.info import info
from simlab.cli.table import table
from simlab.results import DoneBlocks, ReplicateResults, SumsResults, open_store
from simlab.runner.rounds import Rounds

MANY = 10**9
BLOCK, BLOCKS = 16, 12
MB = 2**20


class Enough(Exception):
    """Stops a run."""


class Stopper:
    """A progress bar that stops the run when so many blocks have arrived."""

    def __init__(self, blocks=BLOCKS):
        self.left = blocks

    def start(self, replicates, done):
        self.told = replicates, done

    def advance(self, replicates, failures):
        self.left -= 1
        if not self.left:
            raise Enough

    def expect(self, *_):
        """Nothing."""


@contextmanager
def at_most(megabytes):
    """Nothing inside may need more than so much at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()
    assert peak < megabytes, f"{peak:.0f} MB"


def declared(keep="replicates", replicates=MANY):
    """Two conditions of six clusters, in blocks of sixteen."""
    sizes = {"law": "fixed", "size": 5}
    return study(
        replicates, population={"clusters": 6, "cluster_sizes": sizes}, block=BLOCK, keep=keep,
        grid={"population.clusters": [6, 8]}, estimators=["pooled", "two_stage"],
    )  # fmt: skip


@pytest.fixture(scope="module", params=["replicates", "measures"])
def begun(request, tmp_path_factory):
    """A store of two conditions, stopped after twelve blocks of the first."""
    path = tmp_path_factory.mktemp("begun") / f"{request.param}.zarr"
    with pytest.raises(Enough):
        simlab.run(declared(request.param), out=path, jobs=1, progress=Stopper())
    return path


def test_a_begun_store_is_as_large_as_what_is_done(begun):
    with at_most(40):
        ds = simlab.open_dataset(begun)
    assert ds.attrs["replicates_done"] == BLOCKS * BLOCK
    assert ds.attrs["replicates_planned"] == 2 * MANY
    if "replicate" in ds.dims:
        assert ds.sizes["replicate"] == BLOCKS * BLOCK
        assert (ds.status[0] >= 0).all()
        assert not (ds.status[1] >= 0).any()


def test_a_begun_store_is_told_of(begun, capsys):
    with at_most(40):
        info(begun)
        failures(begun, limit=10)
        table(begun, by=("population.clusters",))
        table(begun)
    printed = capsys.readouterr()
    assert f"{BLOCKS * BLOCK} of 2,000,000,000, unfinished" in printed.out
    assert f"{BLOCKS * BLOCK} in condition 0, none in condition 1" in printed.err


def test_a_begun_store_is_exported_and_compared(begun, tmp_path, capsys):
    with at_most(80):
        export(begun, tmp_path / "r.csv")
        assert diff(begun, begun) == 0


def test_a_begun_store_is_continued(begun, tmp_path):
    keep, progress = begun.stem, Stopper(2)
    before = open_store(begun).finished.replicates().sum()
    with at_most(60), pytest.raises(Enough):
        simlab.run(declared(keep), out=begun, jobs=1, progress=progress)
    assert progress.told == (2 * MANY, before)
    assert open_store(begun).finished.replicates().sum() == before + 2 * BLOCK


def test_a_begun_store_is_the_same_as_a_small_one(begun):
    """Only what was declared differs: no number does."""
    keep = begun.stem
    there = open_store(begun).finished.end(0) * BLOCK
    small = simlab.run(declared(keep, there), jobs=1).isel(condition=[0])
    large = simlab.open_dataset(begun).isel(condition=[0])
    measured = [simlab.measure(ds).drop_attrs() for ds in (small, large)]
    xr.testing.assert_identical(*measured)
    if keep == "replicates":
        assert archive.difference(small, large).same_numbers


def test_a_study_is_checked_in_little_memory():
    list(summary_lines(declared(replicates=16)))
    with at_most(40):
        text = "\n".join(summary_lines(declared()))
    assert "2 conditions × 1,000,000,000 replicates in 125,000,000 blocks" in text


def test_the_next_blocks_are_found_one_by_one():
    work = runner.prepare(declared())
    results = SumsResults(runner.schema_of(runner.prepare(declared("measures"))))
    results.finished.add(0, 1)
    with at_most(20):
        wave = Rounds(work, results).next()
        assert wave
        assert list(islice(wave, 3)) == [(0, 0), (0, 2), (0, 3)]


def test_a_block_that_is_lost_is_missing_among_the_others(tmp_path):
    schema = schema_of(replicates=MANY, block=8)
    memory = ReplicateResults(schema)
    store = ReplicateResults.create(tmp_path / "r", schema)
    for place in [(1, 3), (0, 0), (2, 1)]:
        for results in (memory, store):
            results.write(block_of(schema, *place))
    with at_most(20):
        ds = ReplicateResults.open(tmp_path / "r").dataset()
    xr.testing.assert_identical(ds, memory.dataset())
    assert ds.sizes["replicate"] == 32
    assert ds.attrs["replicates"] == MANY
    run = (ds.status >= 0).any("estimator").values
    assert [np.flatnonzero(row[::8]).tolist() for row in run] == [[0], [3], [1]]


def test_nothing_done_is_nothing_to_read(tmp_path):
    ds = ReplicateResults.create(tmp_path / "r", schema_of(replicates=MANY)).dataset()
    assert (ds.sizes["replicate"], ds.sizes["block"]) == (0, 0)
    assert simlab.measure(ds).bias.isnull().all()


def test_blocks_are_done_or_missing():
    done = DoneBlocks(schema_of(replicates=20, block=8))
    assert list(done.missing(0, 3)) == [0, 1, 2]
    for place in [(0, 2), (1, 0), (0, 0)]:
        done.add(*place)
    assert list(done) == [(0, 0), (0, 2), (1, 0)]
    assert [done.end(c) for c in range(3)] == [3, 1, 0]
    assert done.replicates().tolist() == [12, 8, 0]
    assert list(done.missing(0, 3)) == [1]
    assert (0, 2) in done
    assert (2, 2) not in done
    done.discard(0, 2)
    done.discard(2, 2)
    assert np.argwhere(done.array()).tolist() == [[0, 0], [1, 0]]
    assert done.longest() == 1

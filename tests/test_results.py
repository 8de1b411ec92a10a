"""Results: the shape of the Dataset, the same in memory, in a store, and to zarr itself.

Numbers are compared bit for bit: writing and reading may not change anything.
"""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
import zarr
from results_cases import TESTS, block_of, positions, schema_of

from simlab.results import ReplicateResults, chunks, open_dataset, open_results
from simlab.results.schema import VARIABLES
from simlab.words import Status

SHAPES = {
    "short last block": {},
    "whole blocks": {"replicates": 16},
    "one short block": {"replicates": 5},
    "no mixed model": {"mixed": ()},
    "one condition": {"conditions": 1},
    "block of one": {"replicates": 2, "block": 1},
    "tests": TESTS,
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_memory_and_store_give_the_identical_dataset(tmp_path, shape):
    schema = schema_of(**shape)
    memory, store = ReplicateResults(schema), ReplicateResults.create(tmp_path / "r.zarr", schema)
    for position in positions(schema)[:-1]:
        memory.write(block_of(schema, *position))
        store.write(block_of(schema, *position))
    reopened = open_dataset(tmp_path / "r.zarr")
    xr.testing.assert_identical(memory.dataset(), store.dataset())
    xr.testing.assert_identical(memory.dataset(), reopened)
    for name, variable in memory.dataset().variables.items():
        assert variable.dtype == reopened[name].dtype, name
    assert np.array_equal(memory.done, ReplicateResults.open(tmp_path / "r.zarr").done)


def test_dataset_has_the_documented_shape():
    schema = schema_of()
    memory = ReplicateResults(schema)
    memory.write(block_of(schema, 1, 2))
    dataset = memory.dataset()
    by_term = ("condition", "replicate", "estimator", "term")
    assert dataset.estimate.dims == dataset.p_value.dims == by_term
    assert dataset.G.dims == ("condition", "replicate", "mixed", "effect", "effect_")
    assert dataset.truth.dims == ("condition", "term", "target")
    assert dataset.limit.dims == ("condition", "estimator", "term")
    assert dataset.seconds.dims == ("condition", "block")
    assert (dataset.status.dtype, dataset.dropped.dtype) == (np.int8, np.int32)
    assert dataset.status.attrs["flag_values"] == [0, 1, 2, 3, 4]
    assert dataset.status.attrs["flag_meanings"] == (
        "ok singular not_converged not_estimable error"
    )
    assert [s.name.lower() for s in Status] == dataset.status.attrs["flag_meanings"].split()
    assert dataset["population.clusters"].values.tolist() == [10, 20, 30]
    assert dataset["population.G.slope"].values.tolist() == [0.0, 0.5, 1.0]
    assert dataset["sampling.scheme"].values.tolist() == ["new", "same", "new"]
    assert dataset["key"].dims == ("condition",)
    assert dataset.target.values.tolist() == ["beta_within", "beta_between"]
    assert dataset.sel(estimator="hlm", term="slope[Public - Catholic]").estimate.ndim == 2


def test_tests_have_a_shape_of_their_own_and_leave_other_stores_alone(tmp_path):
    dataset = ReplicateResults(schema_of(**TESTS)).dataset()
    assert dataset.test_p_value.dims == ("condition", "replicate", "test", "kind")
    assert dataset.test_statistic.dims == ("condition", "replicate", "test")
    assert dataset.null_holds.dims == ("condition", "test")
    assert dataset.null_holds.dtype == bool
    assert dataset.kind.values.tolist() == list(TESTS["kinds"])
    without = ReplicateResults(schema_of()).dataset()
    assert not {"test", "kind"} & set(without.dims)
    ReplicateResults.create(tmp_path / "r", schema_of())
    assert "tests" not in zarr.open_group(str(tmp_path / "r"), mode="r").attrs
    assert not list((tmp_path / "r").glob("test*"))


def test_what_is_not_done_is_missing_and_counted():
    schema = schema_of()
    memory = ReplicateResults(schema)
    memory.write(block_of(schema, 1, 2))
    dataset = memory.dataset()
    assert (dataset.attrs["replicates_done"], dataset.attrs["replicates_planned"]) == (4, 60)
    run = dataset.status >= 0
    assert int(run.any("estimator").sum()) == 4
    assert dataset.estimate.where(~run).isnull().all()
    assert dataset.seconds.notnull().values.tolist() == memory.done.tolist()


def test_a_snapshot_does_not_change_with_later_blocks():
    schema = schema_of()
    memory = ReplicateResults(schema)
    before = memory.dataset()
    memory.write(block_of(schema, 0, 0))
    assert before.estimate.isnull().all()


def test_a_level_that_is_not_a_number_makes_strings(tmp_path):
    schema = schema_of(levels={"a.b": (1, "x", 2.5), "a.flag": (True, False, True)})
    ReplicateResults.create(tmp_path / "r", schema)
    dataset = open_dataset(tmp_path / "r")
    assert dataset["a.b"].values.tolist() == ["1", "x", "2.5"]
    assert dataset["a.flag"].values.tolist() == ["True", "False", "True"]
    xr.testing.assert_identical(dataset, ReplicateResults(schema).dataset())


def test_zarr_itself_reads_what_is_written(tmp_path):
    schema = schema_of()
    store = ReplicateResults.create(tmp_path / "r", schema)
    for position in positions(schema)[:-1]:
        store.write(block_of(schema, *position))
    dataset, plain = store.dataset(), xr.open_zarr(tmp_path / "r", chunks=None, consolidated=False)
    for name in [*VARIABLES, "truth", "limit", "seconds"]:
        assert plain[name].dims == dataset[name].dims
        assert plain[name].dtype == dataset[name].dtype
        assert plain[name].values.tobytes() == dataset[name].values.tobytes(), name
    assert plain.done.values.tolist() == store.done.tolist()
    assert {"key", "population.clusters", "estimator"} <= set(plain.coords)
    assert [plain.term.attrs["labels"][i] for i in plain.term.values] == list(schema.terms)


def test_chunks_are_those_of_zarr_itself(tmp_path):
    values = np.arange(12.0).reshape(1, 3, 4)
    array = zarr.create_array(
        str(tmp_path / "a"),
        shape=(1, 3, 4),
        chunks=(1, 5, 4),
        dtype="float64",
        fill_value=np.nan,
        compressors=zarr.codecs.Crc32cCodec(),
        chunk_key_encoding={"name": "default", "separator": "."},
    )
    array[...] = values
    file = tmp_path / "a" / chunks.key(0, 0, 0)
    by_zarr = file.read_bytes()
    chunks.write(file, values, (1, 5, 4), np.nan)
    assert file.read_bytes() == by_zarr
    assert np.array_equal(chunks.read(file, np.dtype(float), (1, 5, 4))[:, :3], values)


def misfits(schema):
    good = block_of(schema, 0, 2)
    yield "estimate has shape", replace(block_of(schema, 0, 0), condition=0, number=2)
    yield "estimate has shape", replace(good, number=0)
    yield "condition 3 is not among the 3", replace(good, condition=3)
    yield "condition -1", replace(good, condition=-1)
    yield "block 3 is not among the 3", replace(good, number=3)
    yield "G has shape", replace(good, G=good.G[..., 0])
    yield "status has shape", replace(good, status=good.status[:-1])


@pytest.mark.parametrize("kind", ["memory", "zarr"])
def test_a_block_that_is_not_one_chunk_is_refused(tmp_path, kind):
    schema = schema_of()
    results = ReplicateResults(schema) if kind == "memory" else open_results(tmp_path / "r", schema)
    for message, block in misfits(schema):
        with pytest.raises(ValueError, match=message):
            results.write(block)
    assert not results.done.any()


def test_a_block_without_its_tests_is_refused():
    results = ReplicateResults(schema_of(**TESTS))
    block = block_of(results.schema, 0, 2)
    with pytest.raises(ValueError, match="test_p_value has shape"):
        results.write(replace(block, test_p_value=None))
    results.write(block)


BAD_SCHEMAS = {
    "replicates and block": {"block": 0},
    "terms must be": {"terms": ("slope", "slope")},
    "mixed": {"mixed": ("lme",)},
    "cannot name a factor": {"levels": {"term": (1, 2, 3)}},
    "has 2 levels for 3 keys": {"levels": {"a": (1, 2)}},
    "truth has shape": {"truth": np.zeros((3, 2))},
    "tests, kinds and null_holds come together": {"tests": ("random_slope",)},
    "null_holds has shape": {**TESTS, "null_holds": np.ones((2, 2), dtype=bool)},
    "attrs may not be named fingerprint": {"attrs": {"fingerprint": "x"}},
}


@pytest.mark.parametrize(("message", "changes"), BAD_SCHEMAS.items(), ids=BAD_SCHEMAS)
def test_a_schema_that_does_not_fit_together_is_refused(message, changes):
    with pytest.raises(ValueError, match=message):
        schema_of(**changes)

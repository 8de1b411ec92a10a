"""A replicate drawn and fitted again is the stored one, to the bit, however it was drawn."""

import numpy as np
import pytest
from study_cases import study

import simlab
from simlab.replaying import replay
from simlab.results import ReplicateResults

SMALL = {"cluster_sizes": {"law": "poisson", "mean": 6}, "clusters": 8}
CASES = {
    "moments": {},
    "rows": {"draw": "rows"},
    "same clusters": {"scheme": "same-clusters"},
    "errors not normal": {"population": {"errors": {"law": "student-t", "df": 5}}},
    "sectors": {"population": {"clusters": {"A": 5, "B": 6}}},
    "tests": {"tests": {"names": ["random_slope", "fixed_slope"], "draws": 19}},
}


def case(name):
    fields = dict(CASES[name])
    population = SMALL | fields.pop("population", {})
    grid = {"population.sigma2": [4, 20]}
    return study(21, block=8, grid=grid, population=population, **fields)


@pytest.mark.parametrize("name", CASES)
def test_the_bits_are_those_of_the_store(name, tmp_path):
    simlab.run(case(name), jobs=2, out=tmp_path / "r.zarr")
    for condition, replicate in ((0, 0), (1, 13), (1, 20)):
        again = replay(tmp_path / "r.zarr", condition, replicate)
        assert again.differs.empty
        rows = simlab.replicate(case(name), condition, replicate)
        assert again.rows.equals(rows)
    assert len(again.stored.data_vars) == (12 if name == "tests" else 10)


def test_a_number_that_was_changed_is_found(tmp_path):
    """Control: one bit of one estimate in the store."""
    s = case("moments")
    simlab.run(s, jobs=1, out=tmp_path / "r.zarr")
    store = ReplicateResults.open(tmp_path / "r.zarr")
    block = store.read(1, 1)
    estimate = block.estimate.copy()
    estimate[5, 2, 1] = np.nextafter(estimate[5, 2, 1], np.inf)
    object.__setattr__(block, "estimate", estimate)
    store.write(block)
    (row,) = replay(tmp_path / "r.zarr", "sigma2=20", 13).differs.to_dict("records")
    assert row["variable"] == "estimate"
    assert row["place"] == "fixed_effects_separate, slope"
    assert replay(tmp_path / "r.zarr", 1, 12).differs.empty


def test_a_replicate_that_was_not_run(tmp_path):
    simlab.run(case("moments"), jobs=1, out=tmp_path / "r.zarr")
    with pytest.raises(ValueError, match=r"condition 1 has 21 replicates.* no replicate 21"):
        replay(tmp_path / "r.zarr", 1, 21)

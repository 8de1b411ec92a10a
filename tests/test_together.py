"""Common random numbers, a user's code, sums, extensions and replays, all in one study."""

from pathlib import Path

import numpy as np
import pytest

import simlab
from simlab.config import Study
from simlab.measures import contrast, measure
from simlab.replaying import replay
from simlab.results import open_dataset

TIMES = ["seconds", "began", "ended"]


def declared(keep="replicates", replicates=20, slopes=(1, 3), common=True):
    """The user's population at several slopes, and the user's estimator beside one of simlab's."""
    raw = {
        "name": "together",
        "replicates": replicates,
        "block": 8,
        "seed": 3,
        "keep": keep,
        "common_random_numbers": common,
        "estimators": ["pooled", "mine:ols"],
        "population": {"generator": "mine:told", "parameters": {"beta_between": 5}},
        "grid": {"population.parameters.beta_within": list(slopes)},
    }
    return Study.model_validate(raw).origin("", "", Path(__file__).parent / "own")


@pytest.fixture(scope="module", params=["replicates", "measures"])
def extended(request, tmp_path_factory):
    """A study, its store, which was run in two sessions, and the Dataset of one session."""
    store = tmp_path_factory.mktemp("together") / "s.zarr"
    simlab.run(declared(request.param), out=store, jobs=2)
    larger = declared(request.param, 27, (2, 3, 1))
    simlab.run(larger, out=store, jobs=2, extend=True)
    return larger, store, simlab.run(larger, jobs=1)


def test_the_extended_study_is_the_larger_one(extended):
    _, store, whole = extended
    one, other = (
        ds.drop_vars(TIMES, errors="ignore").drop_attrs() for ds in (open_dataset(store), whole)
    )
    assert one.identical(other)


def test_a_replicate_is_rebuilt(extended):
    study, store, _ = extended
    for condition, replicate in ((0, 25), (1, 19), (2, 0)):
        again = replay(store, condition, replicate)
        assert again.rows.equals(simlab.replicate(study, condition, replicate))
        assert again.differs.empty
        assert (again.stored is None) == (study.keep == "measures")
        x = [simlab.replicate(study, c, replicate)["x"] for c in range(3)]
        assert x[0].equals(x[condition])


def test_streams_of_their_own_are_not_common():
    """Control of the equality above."""
    x = [simlab.replicate(declared(common=False), c, 0)["x"] for c in range(2)]
    assert not x[0].equals(x[1])


def test_conditions_are_contrasted_where_replicates_are_kept(extended):
    study, store, _ = extended
    if study.keep == "measures":
        with pytest.raises(ValueError, match="keep: replicates") as refused:
            contrast(open_dataset(store))
        assert "\n" not in str(refused.value)
        return
    alone = simlab.run(declared(replicates=27, slopes=(2, 3, 1), common=False), jobs=1)
    gain, control = (
        contrast(ds).sel(term="slope")["bias_gain"] for ds in (open_dataset(store), alone)
    )
    assert (gain > 4).all()
    assert (control < 4).all()


def test_sums_of_common_numbers_are_those_of_the_replicates():
    one, other = (
        measure(simlab.run(declared(keep)), "pooled") for keep in ("replicates", "measures")
    )
    for name in one.data_vars:
        np.testing.assert_allclose(
            other[name].values, one[name].values, rtol=1e-10, atol=1e-10, err_msg=str(name)
        )

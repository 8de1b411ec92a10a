"""Stop rules where a study keeps measures: the decisions are those of the study with replicates.

Both ways sum the same replicates by the same code, so that the measures are the same to the bit.
"""

import numpy as np
import pytest
from study_cases import study

import simlab
from simlab.measures import measure
from simlab.parallel import Workers
from simlab.results import Stop, open_dataset
from simlab.tables.notes import replicates_of, run_size

SMALL = {
    "cluster_sizes": {"law": "poisson", "mean": 6},
    "beta_between": 6,
    "x": {"law": "normal", "between_sd": 1},
}
RULES = {
    "coverage": {"mcse": 0.012, "terms": ["slope"], "target": "beta_within"},
    "bias": {"mcse": 0.15, "terms": ["slope"]},
    "relative_error": {"mcse": 1, "terms": ["slope"], "estimators": ["pooled"]},
    "bias_eliminated_coverage": {"mcse": 0.011, "terms": ["slope"]},
    "failures": {"mcse": 0.002, "estimators": ["two_stage"]},
    "rmse": {"mcse": 0.001, "terms": ["slope"], "target": "limit"},
}


def ruled(name="coverage", keep="measures", **fields):
    """Three conditions and two estimators; `fields` change the study."""
    until = {"measure": name, **RULES[name]}
    return study(
        **{
            "replicates": {"max": 3000, "min": 200, "until": until},
            "block": 32,
            "grid": {"population.clusters": [6, 8, 40]},
            "estimators": ["pooled", "two_stage"],
            "population": SMALL,
            "keep": keep,
            **fields,
        }
    )


def untimed(ds):
    return ds.drop_vars("seconds").drop_attrs()


@pytest.mark.parametrize("name", RULES)
def test_each_condition_stops_where_it_does_with_its_replicates(name):
    kept, summed = (simlab.run(ruled(name, keep)) for keep in ("replicates", "measures"))
    assert replicates_of(summed).tolist() == replicates_of(kept).tolist()
    assert summed["stopped"].identical(kept["stopped"])
    assert run_size(summed) == run_size(kept)
    for attribute in ("replicates_done", "replicates_planned"):
        assert summed.attrs[attribute] == kept.attrs[attribute]


def test_these_rules_decide_differently():
    """Control: the equality above is not one of numbers that no rule moves."""
    results = {name: simlab.run(ruled(name)) for name in ("coverage", "bias", "rmse")}
    n = [tuple(replicates_of(ds)) for ds in results.values()]
    assert len(set(n)) == 3
    assert len(set(n[0])) > 1
    assert (results["rmse"]["stopped"] == Stop.MAXIMUM).all()


def test_a_store_keeps_why_its_conditions_stopped(tmp_path):
    ds = simlab.run(ruled(), out=tmp_path / "s.zarr")
    again = open_dataset(tmp_path / "s.zarr")
    assert (again["stopped"] == Stop.REACHED).all()
    assert again.drop_attrs().identical(ds.drop_attrs())
    assert again.attrs["replicates_planned"] == replicates_of(ds).sum() < 9000


class Killed(Exception):
    pass


def test_interruptions_in_any_order_change_no_bit(tmp_path, monkeypatch):
    expected = simlab.run(ruled(), jobs=1)
    path, do, rng = tmp_path / "s.zarr", Workers.do, np.random.default_rng(3)

    def some(workers, pending):
        pending = list(pending)
        order = rng.permutation(len(pending))
        for block in do(workers, [pending[i] for i in order]):
            if not left[0]:
                raise Killed
            left[0] -= 1
            yield block

    monkeypatch.setattr(Workers, "do", some)
    killed = 0
    while True:
        left = [int(rng.integers(10, 90))]
        try:
            result = simlab.run(ruled(), out=path)
            break
        except Killed:
            killed += 1
            open_dataset(path)
    assert killed > 1
    assert untimed(result).identical(untimed(expected))


def test_conditions_of_different_length_are_measured_and_told():
    kept, summed = (simlab.run(ruled("coverage", keep)) for keep in ("replicates", "measures"))
    one, other = (measure(ds, "two_stage") for ds in (kept, summed))
    for name in one.data_vars:
        np.testing.assert_array_equal(other[name].values, one[name].values, err_msg=str(name))
    run, other = (str(simlab.methods_table(ds)).split("\n\n")[-1] for ds in (summed, kept))
    assert run == other


def test_a_stricter_rule_extends_the_sums(tmp_path):
    loose, strict = (
        ruled(replicates={"max": most, "min": 200, "until": {"measure": "bias", "mcse": mcse}})
        for most, mcse in ((1000, 0.25), (1500, 0.18))
    )
    simlab.run(loose, out=tmp_path / "s.zarr")
    grown = simlab.run(strict, out=tmp_path / "s.zarr", extend=True)
    whole = simlab.run(strict)
    assert untimed(grown).identical(untimed(whole))
    assert (replicates_of(grown) > 200).any()

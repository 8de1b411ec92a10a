"""Measures of the user: summed like simlab's own, known to rules and plans, refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from study_cases import POPULATION

import simlab
from simlab.cli.measure import measure as command
from simlab.config import ConfigError, Study, dumps, loads
from simlab.custom.isolation import CustomError
from simlab.measures import contrast, measure
from simlab.results import StoreError, open_dataset

HERE = Path(__file__).parent / "own"
WEAK = POPULATION | {
    "clusters": 8, "gamma": [12, 0.3], "beta_between": 0.3,
    "cluster_sizes": {"law": "fixed", "size": 8},
}  # fmt: skip


def study(*paths, keep="measures", replicates=600, **fields):
    raw = {
        "name": "signs", "seed": 1, "replicates": replicates, "keep": keep, "population": WEAK,
        "estimators": ["pooled", "two_stage"], "measures": list(paths), **fields,
    }  # fmt: skip
    return Study.model_validate(raw).origin("", "", HERE)


def numbers(ds):
    return ds.drop_vars("seconds", errors="ignore").drop_attrs()


@pytest.fixture(scope="module")
def kept():
    return simlab.run(study("signs:type_s", keep="replicates"), jobs=1)


# ---------------------------------------------------------------- what it says


def test_it_is_what_it_says(kept):
    """A ratio of means, with MCSE √(Σ(w − ratio r)²/(n(n − 1)))/mean r."""
    m = measure(kept).sel(term="slope", target="beta_within", estimator="pooled")[{"condition": 0}]
    here = kept.isel(condition=0).sel(term="slope", estimator="pooled")
    rejected = here.p_value.values <= 0.05
    wrong = rejected & (here.estimate.values < 0)
    ratio, n = wrong.sum() / rejected.sum(), len(wrong)
    assert 0 < wrong.sum() < rejected.sum()
    assert float(m.type_s) == pytest.approx(ratio, rel=1e-12)
    squares = ((wrong - ratio * rejected) ** 2).sum() / (n * (n - 1))
    assert float(m.type_s_mcse) == pytest.approx(np.sqrt(squares) / rejected.mean(), rel=1e-12)
    share = np.sqrt(ratio * (1 - ratio) / n)
    assert abs(float(m.type_s_mcse) / share - 1) > 0.3  # control: it is no share of n replicates


def test_sums_are_those_of_the_replicates(kept):
    one, other = (numbers(measure(ds)) for ds in (kept, simlab.run(study("signs:type_s"))))
    assert one["type_s"].notnull().any()
    assert one.identical(other)
    assert not one.identical(other.assign(type_s=other["type_s"] + 1e-15))  # control


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_change_no_bit(backend):
    s = study("signs:type_s", replicates=1024, block=128)
    alone = numbers(simlab.run(s, jobs=1))
    assert "type_s_moments" in alone
    assert alone.identical(numbers(simlab.run(s, jobs=2, backend=backend)))


def test_a_store_has_its_sums_and_says_whose_they_are(tmp_path, capsys):
    path = tmp_path / "signs.zarr"
    s = study("signs:type_s")
    simlab.run(s, out=path)
    ds = open_dataset(path)
    assert "signs:type_s" in ds.attrs["code"]
    assert numbers(measure(ds)).identical(numbers(measure(simlab.run(s))))
    command(path, measure=("type_s",))
    assert ",type_s,0." in capsys.readouterr().out
    with pytest.raises(StoreError, match=r"code +signs:type_s: \w+ → absent"):
        simlab.run(study(), out=path)


# ---------------------------------------------------------------- rules, plans, contrasts

RULE = {
    "max": 6000, "min": 512,
    "until": {"measure": "signs:type_s", "mcse": 0.02, "terms": ["slope"],
              "target": "beta_within", "estimators": ["pooled"]},
}  # fmt: skip


def test_a_study_is_sampled_until_it_is_known():
    summed, kept = (
        simlab.run(study("signs:type_s", keep=keep, replicates=RULE), jobs=1)
        for keep in ("measures", "replicates")
    )
    assert summed["stopped"].values.tolist() == [0] == kept["stopped"].values.tolist()
    assert numbers(measure(summed)).identical(numbers(measure(kept)))
    at = {"term": "slope", "target": "beta_within", "estimator": "pooled"}
    mcse, n = (measure(summed)[f"type_s_{part}"].sel(at).item() for part in ("mcse", "n"))
    assert 512 <= n < 6000
    assert 0.017 < mcse <= 0.02
    with pytest.raises(ConfigError, match=r"unknown measure 'signs:type_s'"):
        simlab.run(study(replicates=RULE))  # which has no such measure


def test_a_plan_foretells_where_it_stops():
    s = study("signs:type_s", replicates=RULE)
    (needed,) = simlab.plan(s, pilot=512).conditions
    assert needed.cell == "pooled, slope, beta_within"
    assert needed.low <= int(simlab.run(s)["replicates"][0]) <= needed.high


def test_conditions_are_contrasted():
    s = study(
        "signs:type_s", keep="replicates", common_random_numbers=True,
        grid={"population.sigma2": [10, 20]}, replicates=2000,
    )  # fmt: skip
    ds = simlab.run(s)
    own = simlab.custom.measures.own_measure("signs:type_s", HERE)
    contrasts = contrast(ds, measures=[own]).sel(term="slope", estimator="pooled")
    each = measure(ds).type_s.sel(term="slope", estimator="pooled", target="beta_within").values
    assert float(contrasts.type_s[0]) == pytest.approx(each[1] - each[0], rel=1e-12)
    assert float(contrasts.type_s_mcse[0]) < float(contrasts.type_s_mcse_independent[0])


# ---------------------------------------------------------------- of all replicates at once


def test_a_statistic_needs_the_replicates(tmp_path, capsys):
    ds = simlab.run(study("signs:largest", keep="replicates"))
    m = measure(ds)
    np.testing.assert_array_equal(m.largest, ds.estimate.max("replicate"))
    assert "comment" not in m.largest.attrs
    path = tmp_path / "s.zarr"
    simlab.run(study("signs:largest"), out=path)
    summed = measure(open_dataset(path))
    assert summed.largest.isnull().all()
    assert "keep: replicates" in summed.largest.attrs["comment"]
    command(path, measure=("largest",))
    assert "largest: all replicates are needed" in capsys.readouterr().err


def test_sums_that_were_not_taken_are_asked_for_in_vain():
    ds = simlab.run(study())
    own = simlab.custom.measures.own_measure("signs:type_s", HERE)
    with pytest.raises(ValueError, match=r"type_s, which was not summed as the study ran: .* keep"):
        measure(ds, measures=[own])


# ---------------------------------------------------------------- what is refused

REFUSED = {
    "signs:derivative": "its derivative by feature 1 is .* where a difference quotient gives",
    "signs:few": "has 2 features and 1 derivatives",
    "signs:known": "its name 'bias' is simlab's own",
    "signs:nameless": "its name 'type s' is simlab's own, or no name of a variable",
    "signs:taken": "give its stream another name than 'estimate'",
    "signs:paired": "its stream is per fit, term or target",
    "signs:needy": "needs 'icc'; a replicate has estimate, std_error",
    "signs:fails": r"KeyError: 'no such thing' \(signs.py:\d+\)",
    "signs:quits": r"SystemExit: 4 \(signs.py:\d+\)",
    "signs:one_number": "its stream gives 1 numbers of shape",
    "signs:too_short": "its stream gives 2 numbers of shape",
    "signs:number": "signs:number is a int; a measure is a simlab.measures.Measure",
    "signs:absent": "signs.* has no 'absent'",
    "nowhere:type_s": "nowhere",
    "rubust_se": "unknown measure 'rubust_se'; did you mean 'robust_se'",
}


@pytest.mark.parametrize("path", REFUSED)
def test_one_line_says_what_is_wrong(path):
    with pytest.raises(ConfigError, match=REFUSED[path]) as refused:
        simlab.run(study(path))
    (line,) = str(refused.value).splitlines()
    assert line.startswith("measures.0: ")


def test_two_with_one_name_are_refused():
    with pytest.raises(ConfigError, match=r"measures\.1: another one is called 'type_s' too"):
        simlab.run(study("signs:type_s", "signs:also"))


def test_a_failure_as_the_study_runs_ends_it_in_one_line():
    with pytest.raises(
        CustomError, match=r"^signs:rarely: RuntimeError: too far out \(signs.py:\d+\)$"
    ):
        simlab.run(study("signs:rarely", population=WEAK | {"gamma": [40, 0.3]}), jobs=1)
    assert simlab.run(study("signs:rarely", population=WEAK | {"gamma": [1, 0.3]}), jobs=1)


def test_a_study_with_measures_is_written_and_read():
    s = study("signs:type_s", "robust_se")
    assert loads(dumps(s)).measures == ("signs:type_s", "robust_se")

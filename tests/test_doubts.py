"""Cells that cannot be trusted: known from the population, or told by the estimates themselves."""

import json

import numpy as np
import pytest
from study_cases import study
from verdict_cases import BASE, SWEEPS
from verdict_cases import study as by_hand

import simlab
from simlab.app.summary import Summary
from simlab.app.table import table
from simlab.measures import Measured, measure
from simlab.measures.conditions import config_of, setting_of
from simlab.measures.doubts import NO_VARIANCE, SENTENCE, SOUND, UNSURE, known_doubt
from simlab.tables import MeasuresTable, methods_table
from simlab.verdicts import judge

METHODS = ("pooled", "fixed_effects_separate", "two_stage", "hlm", "ecological")
HEAVY = {"law": "student-t", "df": 2.2}


def setting(scheme="new-clusters", replicates=1000, **population):
    """A population of 40 clusters of 20 rows, but for what is said."""
    base = {
        "clusters": 40, "G": [[9, 1], [1, 4]], "cluster_sizes": {"law": "fixed", "size": 20},
        "x": {"law": "normal"}, "errors": {"law": "normal"}, "random_effects": {"law": "normal"},
    }  # fmt: skip
    return {"scheme": scheme, "replicates": replicates, "population": base | population}


def known(where, term="slope"):
    return [known_doubt(where, method, term) for method in METHODS]


@pytest.mark.parametrize(("df", "doubt"), [(2.2, UNSURE), (4, UNSURE), (4.1, SOUND)])
@pytest.mark.parametrize("what", ["errors", "random_effects"])
def test_students_t_has_moments_below_its_degrees_of_freedom(what, df, doubt):
    assert known(setting(**{what: {"law": "student-t", "df": df}})) == [doubt] * 5


def test_random_effects_matter_where_they_are_drawn_and_reach_the_estimate():
    assert known(setting("same-clusters", random_effects=HEAVY)) == [SOUND] * 5
    assert known(setting("same-clusters", errors=HEAVY)) == [UNSURE] * 5
    none = setting(random_effects=HEAVY, G=[[0, 0], [0, 0]])
    assert known(none) == [SOUND] * 5
    intercepts = setting(random_effects=HEAVY, G=[[9, 0], [0, 0]])
    assert known(intercepts) == [UNSURE, SOUND, SOUND, UNSURE, UNSURE]
    assert known(intercepts, "intercept") == [UNSURE] * 5


SIZES = {
    "fixed 2": ({"law": "fixed", "size": 2}, NO_VARIANCE),
    "fixed 3": ({"law": "fixed", "size": 3}, NO_VARIANCE),
    "fixed 4": ({"law": "fixed", "size": 4}, UNSURE),
    "fixed 5": ({"law": "fixed", "size": 5}, UNSURE),
    "fixed 6": ({"law": "fixed", "size": 6}, SOUND),
    "fixed 1": ({"law": "fixed", "size": 1}, SOUND),  # no lines at all
    "listed": ({"law": "list", "sizes": [30] * 39 + [3]}, NO_VARIANCE),
    "Poisson 12": ({"law": "poisson", "mean": 12, "minimum": 2}, NO_VARIANCE),
    "Poisson 12 from 4": ({"law": "poisson", "mean": 12, "minimum": 4}, UNSURE),
    "Poisson 12 from 6": ({"law": "poisson", "mean": 12, "minimum": 6}, SOUND),
    "Poisson 40": ({"law": "poisson", "mean": 40, "minimum": 2}, SOUND),  # P(n ≤ 5) = 6e-12
    "data": ({"law": "data", "data": "hs"}, SOUND),  # not known here
}


@pytest.mark.parametrize("name", SIZES)
def test_lines_through_few_rows(name):
    sizes, doubt = SIZES[name]
    assert known(setting(cluster_sizes=sizes)) == [SOUND, doubt, doubt, SOUND, SOUND]
    from_data = setting(cluster_sizes=None, x={"law": "data", "data": "hs"})
    assert known(from_data) == [SOUND] * 5


@pytest.mark.parametrize(
    ("clusters", "doubt"),
    [(3, NO_VARIANCE), (4, UNSURE), (5, UNSURE), (6, SOUND), ({"A": 9, "B": 5}, UNSURE)],
)
def test_effects_between_few_clusters(clusters, doubt):
    where = setting(clusters=clusters)
    assert known(where) == [SOUND] * 4 + [doubt]
    terms = ("slope[B - A]", "between", "contextual[A]", "intercept")
    results = [known_doubt(where, "hlm_contextual", term) for term in terms]
    assert results == [SOUND, doubt, doubt, doubt]
    assert known(setting("same-clusters", clusters=clusters)) == [SOUND] * 5
    assert known(setting(clusters=clusters, x={"law": "data", "data": "hs"})) == [SOUND] * 5


def spread(size, replicates):
    s = study(
        replicates, estimators=["two_stage", "hlm"],
        population={"clusters": 20, "cluster_sizes": {"law": "fixed", "size": size}},
    )  # fmt: skip
    ds = simlab.run(s, jobs=2)
    return ds.estimate.sel(term="slope").values[0]


def test_a_line_through_three_rows_has_no_variance():
    """S of the longer sample is larger, again and again; with eight rows, and of HLM, it is not."""
    for size, grows in ((3, True), (8, False)):
        estimate = spread(size, 20_000)
        for e, flagged in enumerate((grows, False)):
            x = estimate[:, e]
            few = np.sqrt(np.median(x.reshape(200, 100).var(axis=1, ddof=1)))
            assert (x.std(ddof=1) > 1.1 * few) == flagged, (size, e)


@pytest.mark.parametrize(
    "grid",
    [
        {"population.random_effects": {"normal": {"law": "normal"}, "heavy": HEAVY}},
        {"population.random_effects": [{"law": "normal"}, HEAVY]},
        [{"population.sigma2": [20]}, {"population.random_effects": {"t": HEAVY}}],
    ],
)
def test_the_law_of_a_condition_is_found_however_its_level_is_written(grid):
    s = study(40, estimators=["pooled", "two_stage"], grid=grid,
              population={"cluster_sizes": {"law": "fixed", "size": 9}})  # fmt: skip
    ds = simlab.run(s, jobs=1)
    results = [setting_of(ds, config_of(ds), c)["population"]["random_effects"] for c in (0, 1)]
    assert [law["law"] for law in results] == ["normal", "student-t"]
    assert measure(ds)["doubt"].values.tolist() == [[[0, 0]] * 2, [[1, 1]] * 2]


def test_a_number_that_is_swept_inside_a_law_counts():
    s = study(40, estimators=["pooled"], grid={"population.errors.df": [3, 9]},
              population={"errors": {"law": "student-t", "df": 3}})  # fmt: skip
    assert measure(simlab.run(s, jobs=1))["doubt"].values[:, 0, 1].tolist() == [1, 0]


# --- what the estimates tell


@pytest.mark.parametrize(
    ("law", "doubt"), [("normal", 0), ("exponential", 0), ("t5", 0), ("Cauchy", 1)]
)
def test_kurtosis_tells_where_nothing_is_known(law, doubt):
    rng = np.random.default_rng(5)
    ds = by_hand(replicates=4000)
    shape = ds["estimate"].shape[1]
    x = {
        "normal": rng.standard_normal(shape),
        "exponential": rng.exponential(size=shape),
        "t5": rng.standard_t(5, shape),
        "Cauchy": rng.standard_cauchy(shape),
    }[law]
    ds["estimate"].loc[{"estimator": "pooled", "term": "slope"}] = x[None]
    result = measure(ds)["doubt"].sel(term="slope")
    assert result.sel(estimator="pooled").item() == doubt
    assert (result.sel(estimator="hlm") == 0).all()


@pytest.mark.parametrize(
    ("law", "n", "low", "high"),
    [("exponential", 100, 0, 0.05), ("exponential", 2000, 0, 0.02), ("t2.2", 4000, 0.3, 1)],
)
def test_how_often_the_kurtosis_tells(law, n, low, high):
    """One sample in a hundred of 100 exponential values; most of t with 2.2 degrees of freedom."""
    rng = np.random.default_rng(6)
    ds = by_hand(replicates=n)
    estimate = ds["estimate"]
    draws = {"exponential": rng.exponential, "t2.2": lambda size: rng.standard_t(2.2, size)}[law]
    results = []
    for _ in range(20):
        drawn = ds.assign(estimate=(estimate.dims, draws(size=estimate.shape)))
        results.append(measure(drawn, measures=["bias"])["doubt"].values)
    assert np.size(results) == 240
    assert low <= np.equal(results, 1).mean() <= high


# --- what is said


def heavy(grid=True, replicates=400):
    laws = {"normal": {"law": "normal"}, "heavy": HEAVY}
    return simlab.run(
        study(
            replicates, estimators=["pooled", "two_stage", "hlm", "hlm_contextual", "gls_oracle"],
            population={
                "beta_between": 5, "G": [[9, 1], [1, 37]], "x": {"between_sd": 1},
                "cluster_sizes": {"law": "poisson", "mean": 12, "minimum": 6},
                **({} if grid else {"random_effects": HEAVY}),
            },
            grid={"population.random_effects": laws} if grid else None,
            verdicts={"efficiency": ["population.random_effects"]} if grid else {},
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def crossed():
    return heavy()


def test_no_verdict_rests_on_a_variance_that_may_not_exist(crossed):
    for row in judge(crossed).rows:
        doubtful = [c for c in row.efficiency.cells if c.label == "heavy random effects"]
        assert [c.word for c in doubtful] == ["not measured"]
        assert row.efficiency.word != "it depends"
        assert row.efficiency.where == ""
        assert [c.word for c in row.honesty[0].cells if c.label == "heavy random effects"] == [
            "not measured"
        ]
        assert f"heavy random effects: {SENTENCE[UNSURE]}" in row.sentences
        assert not any("only with normal" in sentence for sentence in row.sentences)


def test_control_without_the_law_the_words_are_back(crossed):
    blind = crossed.assign_attrs(config=json.dumps({**config_of(crossed), "population": None}))
    words = [c.word for row in judge(blind).rows for c in row.efficiency.cells]
    assert len(words) == 8
    assert words.count("not measured") < 4


def test_a_base_without_a_variance_shows_words_and_no_numbers():
    ds = heavy(grid=False)
    table = methods_table(ds)
    frame = table.frame
    assert (frame["efficient"] == "not measured").all()
    assert frame[["efficiency", "se_error_new"]].isna().all().all()
    assert (frame["coverage_new"] > 0.2).all()  # a share has a variance, whatever the estimates
    assert frame["lambda"].notna().all()  # a mean is known
    text = str(table)
    assert "not measured †" in " ".join(text.split())
    assert "†: the estimate may have no variance" in " ".join(text.split())
    assert "nan" not in text


def test_a_variance_that_may_not_exist_is_said_before_too_few_replicates():
    frame = methods_table(heavy(grid=False, replicates=60)).frame
    assert (frame["efficient"] == "not measured").all()
    assert frame["efficiency"].isna().all()
    control = methods_table(simlab.run(study(60, estimators=["pooled", "hlm", "gls_oracle"]))).frame
    assert "too few" in set(control["efficient"])


def test_where_there_is_no_variance_the_mean_is_not_judged_either():
    sizes = {"cluster_sizes": {"law": "fixed", "size": 3}}
    ds = by_hand(levels=SWEEPS, config=BASE | {"population": {"clusters": 40, **sizes}})
    row = next(r for r in judge(ds).rows if r.method == "two_stage")
    assert row.estimand.word == "not measured"
    assert row.estimand.mark == ""
    assert row.honesty[0].word == "not measured"
    assert SENTENCE[NO_VARIANCE] in row.sentences
    other = next(r for r in judge(ds).rows if r.method == "pooled")
    assert other.estimand.word == "a mixture"
    assert "nan" not in str(methods_table(ds))


def test_rows_of_measures_are_marked(crossed):
    frame = simlab.tidy(measure(crossed, "gls_oracle"))
    marked = frame[frame["mark"] == "†"]
    assert set(marked["population.random_effects"]) == {"heavy"}
    assert set(marked["measure"]) == {
        "empirical_se", "model_se", "relative_error", "mse", "rmse", "standardised_bias",
        "efficiency", "relative_precision",
    }  # fmt: skip
    assert "†" in str(MeasuresTable(frame))


def test_robust_measures_are_known_where_a_variance_is_not(crossed):
    robust = ["robust_se", "robust_error", "median_bias", "winsorised_se", "winsorised_bias"]
    result = measure(crossed, measures=robust)
    here = result.sel(term="slope").isel(condition=1)
    assert (here["robust_se"] > 0).all()
    assert (here["robust_se_mcse"] < 0.15 * here["robust_se"]).all()
    assert (simlab.tidy(result)["mark"] == "").all()
    low, high = (here[f"robust_error_{end}"].sel(estimator="pooled") for end in ("low", "high"))
    assert low < high < -20  # its standard error is too small, without any variance


def test_the_table_of_the_app_marks_them():
    E = 9
    number = Measured(np.full(E, 0.5), np.full(E, 0.01), np.full(E, 100))
    share = Measured(np.array([1.0, 0.0] + [0.95] * 7), np.full(E, 0.001), np.full(E, 100_000))
    summary = Summary(number, number, number, number, number, share)
    sound, marked = (table(summary, 100, "hlm", "β_W", d) for d in ((), (NO_VARIANCE,) * E))
    assert "†" not in sound
    assert marked.count("†") == 3 * E
    assert SENTENCE[NO_VARIANCE] in marked
    for text in (sound, marked):
        assert "± 0.0<" not in text
        assert "100 <small>(&gt; 100.00" not in text
        assert "100 <small>(&gt; 99.99" in text
        assert "0 <small>(&lt; 0.00" in text

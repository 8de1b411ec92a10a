"""Contrasts of conditions: what is computed, what theory says that is gained, and the control.

A gain is held to theory within 4 of its own Monte Carlo standard errors. Beside every study with
common random numbers stands the same one without: there the gain must be 1, and the theory of the
first must fail.
"""

import numpy as np
import pytest
from study_cases import study

import simlab
from simlab.cli.commands import app
from simlab.measures import contrast, measure
from simlab.performance.contrasted import contrasted
from simlab.performance.registry import MEASURES
from simlab.performance.stream import Replicates
from simlab.tables import contrast_table

# --- the arithmetic -----------------------------------------------------------------------------


def core(first, second, measure="bias"):
    """The contrast of two arrays of estimates of 0."""
    none = {"theta": np.zeros(1), "centre": np.zeros(1)}
    return contrasted(
        MEASURES[measure], *(Replicates({"estimate": x, **none}) for x in (first, second))
    )


def test_the_core_is_its_formula():
    rng = np.random.default_rng(1)
    a, b = rng.multivariate_normal([1, 0.5], [[2, 1.2], [1.2, 1]], 300).T
    result = core(a, b)
    d = a - b
    assert result.value == pytest.approx(d.mean())
    assert result.mcse == pytest.approx(d.std(ddof=1) / np.sqrt(300))
    both = a.var(ddof=1) + b.var(ddof=1)
    assert result.mcse_independent == pytest.approx(np.sqrt(both / 300))
    assert result.gain == pytest.approx((result.mcse_independent / result.mcse) ** 2)
    assert result.n == 300


def test_the_error_of_a_gain_is_that_of_repeated_studies():
    """Not normal, and shared only in part; 2,000 studies of 200 replicates."""
    rng = np.random.default_rng(2)
    shared, first, second = rng.exponential(size=(3, 2000, 200))
    result = core(shared + 0.5 * first, shared - 0.3 * second)
    spread = result.gain.std(ddof=1)
    typical = np.sqrt((result.gain_mcse**2).mean())
    assert typical == pytest.approx(spread, rel=0.1)
    assert result.gain.mean() == pytest.approx(2.34 / 0.34, rel=0.05)


@pytest.mark.parametrize("measure", ["empirical_se", "rmse"])
def test_the_error_of_a_difference_that_is_no_mean(measure):
    """By what each replicate adds to the measure; independent errors are the control."""
    rng = np.random.default_rng(5)
    shared, first, second = rng.exponential(size=(3, 2000, 400))
    result = core(shared + 0.5 * first, shared - 0.3 * second, measure)
    spread = result.value.std(ddof=1)
    assert np.sqrt((result.mcse**2).mean()) == pytest.approx(spread, rel=0.1)
    assert np.sqrt((result.mcse_independent**2).mean()) > 1.5 * spread


def test_pairs_that_lack_one_are_left_out():
    a, b = np.random.default_rng(3).standard_normal((2, 50))
    a[:5], b[10:12] = np.nan, np.nan
    both = ~np.isnan(a - b)
    np.testing.assert_allclose(core(a, b), core(a[both], b[both]), rtol=1e-12)
    assert core(a, b).n == 43
    assert np.isnan(core(a * np.nan, b).value)


def test_a_difference_that_is_always_the_same_has_an_infinite_gain():
    a = np.random.default_rng(4).standard_normal(50) + 3
    result = core(a, a + 1 / 3)
    assert np.isinf(result.gain)
    assert np.isnan(result.gain_mcse)
    assert result.value == pytest.approx(-1 / 3)
    assert np.isfinite(core(a, a + 1e-9 * a**2).gain)  # control
    assert np.isnan(core(np.ones(50), np.ones(50)).gain)  # nothing varies: no gain


# --- gains against theory -----------------------------------------------------------------------

FIXED = {"cluster_sizes": {"law": "fixed", "size": 30}, "clusters": 20}
METHODS = ["pooled", "two_stage", "hlm_contextual"]


def both(replicates=1500, population=None, **fields):
    """The same study with common random numbers and without."""
    s = study(replicates, estimators=METHODS, population=FIXED | (population or {}), **fields)
    return [simlab.run(s.replace(common_random_numbers=c), jobs=2) for c in (True, False)]


def gain_of(ds, quantity="bias", estimator="two_stage", term="slope", **how):
    contrasts = contrast(ds, **how).isel(contrast=0).sel(estimator=estimator, term=term)
    return float(contrasts[f"{quantity}_gain"]), float(contrasts[f"{quantity}_gain_mcse"])


def check(ds, expected, **which):
    gain, mcse = gain_of(ds, **which)
    assert abs(gain - expected) < 4 * mcse, (gain, mcse, expected)
    return abs(gain - expected) / mcse


@pytest.mark.parametrize("draw", ["moments", "rows"])
def test_more_clusters_keep_those_there_were(draw):
    """The mean of J lines: Cov = v/J_2, so the gain is (J_1 + J_2)/(J_2 − J_1)."""
    ours, control = both(draw=draw, grid={"population.clusters": [20, 40]})
    check(ours, 3.0)
    check(ours, 3.0, term="intercept")
    check(control, 1.0)
    gain, mcse = gain_of(control)
    assert abs(gain - 3) > 10 * mcse


def test_a_change_of_the_slope_moves_every_estimate_by_the_same():
    ours, control = both(200, grid={"population.gamma": [[12, 2], [11, 5]]})
    contrasts = contrast(ours)
    for estimator in METHODS:
        for term in ("intercept", "slope"):
            assert np.isinf(gain_of(ours, estimator=estimator, term=term)[0])
        one, other = ours.estimate.sel(estimator=estimator, term="slope").values
        np.testing.assert_allclose(other - one, 3, rtol=1e-9)
    assert float(contrasts.bias_mcse.sel(estimator="two_stage", term="slope")[0]) < 1e-9
    check(control, 1.0)
    rejected = contrasts.sel(estimator="two_stage", term="slope").isel(contrast=0)
    assert rejected.coverage == 0
    assert rejected.rejection_rate > 0.3  # of β = 0, which is farther away


def test_random_effects_that_are_scaled():
    """The mean of J lines with u_1j and u_1j/2: Cov = (g/2 + v)/J, v = σ²/(σ_x²(n − 3))."""
    halves = [[[16, 8], [8, 25]], [[4, 2], [2, 6.25]]]
    ours, control = both(grid={"population.G": halves})
    v = 20 / 27
    expected = (25 + 6.25 + 2 * v) / (25 + 6.25 + 2 * v - 2 * (12.5 + v))
    check(ours, expected)
    check(control, 1.0)
    gain, mcse = gain_of(control)
    assert abs(gain - expected) > 10 * mcse


def test_larger_clusters_keep_their_lines():
    """Random slopes are shared whole; of the errors at least the first rows are."""
    for draw in ("moments", "rows"):
        ours, control = both(600, draw=draw, grid={"population.cluster_sizes.size": [30, 60]})
        v, w = 20 / 27, 20 / 57
        least = (50 + v + w) / (v + w)  # with errors that share nothing
        gain, mcse = gain_of(ours)
        assert gain - 4 * mcse > least
        check(control, 1.0)


def test_an_effect_between_moves_the_pooled_line():
    """Its slope moves by Δ times its share of β_B, which hardly varies: a large gain."""
    population = {"x": {"between_sd": 1}, "beta_between": 2}
    ours, control = both(300, population=population, grid={"population.beta_between": [2, 5]})
    gain, mcse = gain_of(ours, estimator="pooled")
    assert gain - 4 * mcse > 5
    assert np.isinf(gain_of(ours, estimator="hlm_contextual")[0])  # β_W is told apart exactly
    check(control, 1.0, estimator="pooled")


# --- the Dataset --------------------------------------------------------------------------------

SWEEPS = [
    {"population.clusters": [10, 20, 40]},
    {"population.sigma2": [5, 20], "population.clusters": [20]},
]


@pytest.fixture(scope="module")
def ds():
    tests = {"names": ["random_slope"], "draws": 19}
    s = study(
        60, estimators=["pooled", "hlm"], population=FIXED, tests=tests, grid=SWEEPS,
        common_random_numbers=True,
    )  # fmt: skip
    return simlab.run(s, jobs=2)


def pairs(result):
    return list(zip(result.condition.values.tolist(), result.base.values.tolist(), strict=True))


def test_differences_are_those_of_the_measures(ds):
    measured = measure(ds)
    names = ("bias", "mse", "coverage", "rejection_rate", "empirical_se", "relative_error")
    for how in ({}, {"base": 2}, {"factor": "population.clusters"}):
        contrasts = contrast(ds, **how, measures=names)
        for name in names:
            values = measured[name]
            if "target" in values.dims:
                values = values.sel(target="beta_within")
            for k, (one, other) in enumerate(pairs(contrasts)):
                difference = values[one] - values[other]
                np.testing.assert_allclose(contrasts[name][k], difference, rtol=1e-9, atol=1e-12)
    assert contrasts.bias.dims == ("contrast", "estimator", "term")
    assert contrasts.test_rejection.dims == ("contrast", "test", "kind")


def test_which_conditions_are_compared(ds):
    """Conditions: J = 10, 20, 40 with σ² = 20, then σ² = 5 with J = 20."""
    assert ds["population.clusters"].values.tolist() == [10, 20, 40, 20]
    assert pairs(contrast(ds)) == [(1, 0), (2, 0), (3, 0)]
    assert pairs(contrast(ds, base=2)) == [(0, 2), (1, 2), (3, 2)]
    assert pairs(contrast(ds, factor="population.clusters")) == [(1, 0), (2, 1)]
    assert pairs(contrast(ds, factor="population.sigma2")) == [(3, 1)]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"base": 4}, "there is no condition 4; they are numbered from 0 to 3"),
        ({"base": -1}, "there is no condition -1"),
        (
            {"factor": "population.G"},
            "factor 'population.G' is unknown.*; give one of population.c",
        ),
        ({"base": 1, "factor": "population.sigma2"}, "give a base or a factor, not both"),
        ({"target": "beta"}, "target 'beta' is unknown; give one of beta_within, beta_between"),
        ({"measures": ["median_bias"]}, "measure 'median_bias' is unknown; give one of bias, rel"),
    ],
)
def test_what_does_not_exist_is_refused(ds, how, message):
    with pytest.raises(ValueError, match=message):
        contrast(ds, **how)


def test_a_study_without_replicates_or_with_one_condition_is_refused(ds):
    with pytest.raises(ValueError, match="keep: replicates"):
        contrast(ds.drop_vars("estimate").assign_attrs(kept="measures"))
    with pytest.raises(ValueError, match="lacks estimate"):
        contrast(ds.drop_vars("estimate"))
    with pytest.raises(ValueError, match="the study has one condition"):
        contrast(ds.isel(condition=[0]))
    with pytest.raises(ValueError, match=r"no two conditions differ in .*sigma2 alone"):
        contrast(ds.isel(condition=[0, 1, 2]), factor="population.sigma2")


# --- the table ----------------------------------------------------------------------------------


def test_the_table_has_a_row_for_every_difference(ds):
    frame = contrast_table(ds, factor="population.clusters").frame
    contrasts = contrast(ds, factor="population.clusters")
    names = ("bias", "mse", "coverage", "rejection_rate", "test_rejection")
    assert len(frame) == sum(int(contrasts[name].notnull().sum()) for name in names)
    assert frame["contrast"].unique().tolist() == ["J 10 → 20", "J 20 → 40"]
    row = frame[(frame["of"] == "hlm") & (frame["term"] == "slope") & (frame["condition"] == 2)]
    bias = contrasts.isel(contrast=1).sel(estimator="hlm", term="slope")
    assert row.iloc[0][["difference", "gain"]].tolist() == [bias.bias, bias.bias_gain]


def test_the_table_is_told_in_three_formats(ds):
    table = contrast_table(ds)
    text, markdown, csv = (table.render(f) for f in ("text", "markdown", "csv"))
    assert max(map(len, text.splitlines())) <= 100
    assert "J 10 → 20, sigma2 20 → 5" in text
    assert "60 replicates, seed 7, common random numbers." in text
    assert markdown.startswith("## Contrasts: test\n\n### J 10 → 20\n\n| estimator | term | bias |")
    assert csv.startswith("contrast,condition,base,of,term,measure,difference,mcse,mcse_indep")
    assert csv.count("\n") == len(table.frame)
    with pytest.raises(ValueError, match="unknown format 'word'"):
        table.render("word")


def test_the_command(tmp_path, capsys):
    grid = {"population.gamma": [[12, 2], [12, 3]]}
    s = study(20, estimators=["pooled"], population=FIXED, grid=grid, common_random_numbers=True)
    simlab.run(s, out=tmp_path / "s.zarr", jobs=1)
    command = ["contrast", str(tmp_path / "s.zarr")]
    app([*command, "--factor", "population.gamma"], result_action="return_value")
    assert "gamma [12, 2] → [12, 3]" in (out := capsys.readouterr().out)
    assert "× ∞" in out
    with pytest.raises(simlab.Error, match="there is no condition 7; they are numbered from 0"):
        app([*command, "--base", "7"], result_action="return_value")

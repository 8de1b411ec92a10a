"""Monte Carlo p-values against R, against exact laws, and under the null.

Tolerances. Statistics: 1e-6, as asked; p-values of χ² laws then 1e-5 relative, for log p moves half
as much as T. Simulated p-values: 4 Monte Carlo standard errors, of both sides where both simulate.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from fit_cases import data, fitted
from reference_cases import stored
from scipy import stats

import simlab
from simlab.data import hs
from simlab.fitting.anova import BOUNDARY
from simlab.fitting.errors import FitWarning
from simlab.testing.models import fit_models
from simlab.testing.monte_carlo import p_value, reaches
from simlab.testing.nested import null_draws
from simlab.testing.references import references

R = stored("pvalues.json")
RLRSIM = stored("tests.json")["hs"]["slope"]["independent_exact_p"]
SETS = ("hs", "sleepstudy", "sim1", "sim5")
FIVE, SEVEN = (f"mathach ~ ses {sign} sector + (1 + ses | school)" for sign in "*+")
RANDOM = "mathach ~ ses + (1 | school)"
SLOPE = "y ~ x + (1 | g)", "y ~ x + (1 + x || g)"  # of `small`
APART = "mathach ~ ses + (1 + ses || school)"


def pvalue(df, null, alternative, **options):
    return simlab.pvalue(df, null, alternative, **{"draws": 99, "exact_draws": 0} | options)


def mcse(p, draws):
    return np.sqrt(p * (1 - p) / draws)


@pytest.fixture(scope="module")
def apart():
    """A slope's variance tested by itself: half of the T* are 0."""
    return simlab.pvalue(data("hs"), RANDOM, APART)


@pytest.fixture(scope="module")
def interaction():
    """m5 against m7."""
    return simlab.pvalue(data("hs"), SEVEN, FIVE)


# ---------------------------------------------------------------- against R


def variance_tests(name):
    ref = stored("tests.json")[name]
    y, x, g = ref["y"], ref["x"], ref["group"]
    return {
        "g00_null_model": (f"{y} ~ 1", f"{y} ~ 1 + (1 | {g})"),
        "g00_given_x": (f"{y} ~ {x}", f"{y} ~ {x} + (1 | {g})"),
        "slope": (f"{y} ~ {x} + (1 | {g})", f"{y} ~ {x} + (1 + {x} | {g})"),
    }


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_statistics_and_laws_of_variance_components_are_those_of_r(name, method):
    for part, formulas in variance_tests(name).items():
        truth, test = R[name][part][method], pvalue(data(name), *formulas, method=method)
        T = stored("tests.json")[name][part][method]
        assert abs(test.statistic - T) <= 1e-6
        assert test.naive_df == truth["naive_df"]
        p = test.references["p_value"]
        assert p["naive χ²"] == pytest.approx(truth["p_naive"], rel=1e-5)
        assert p["χ̄² mixture"] == pytest.approx(truth["p_mixture"], rel=1e-5)
        assert test.mixture == ((0.5, test.naive_df - 1), (0.5, test.naive_df))
        if T > 30:  # none of 99 draws comes near
            assert test.p_value == 0.01


@pytest.mark.parametrize("name", SETS)
def test_an_independent_slope_is_that_of_r(name):
    truth, T = R[name]["slope"]["independent"], stored("tests.json")[name]["slope"]["independent"]
    null, alternative = variance_tests(name)["slope"]
    test = pvalue(data(name), null, alternative.replace("|", "||"))
    assert abs(test.statistic - T) <= 1e-6
    assert test.mixture == ((0.5, 0), (0.5, 1))
    if T < 1e-6:  # R has two deviances that differ by rounding; here T = T* = 0 is a tie
        assert test.p_value == 1
        assert test.references["p_value"]["χ̄² mixture"] == 1
    else:
        p = test.references["p_value"]["χ̄² mixture"]
        assert p == pytest.approx(truth["p_mixture"], rel=1e-5)


def test_the_approximate_null_is_that_of_rlrsim(apart):
    """Both simulate 100,000; the parametric bootstrap of the same test agrees with it too."""
    truth = RLRSIM
    result = apart.references.loc["approximate null"]
    assert abs(result["p_value"] - truth) <= 4 * np.sqrt(2) * mcse(truth, 100_000)
    assert abs(apart.p_value - truth) <= 4 * mcse(truth, apart.draws)
    assert "Greven" in result["remark"]


def test_the_parametric_bootstrap_is_that_of_pbkrtest(interaction, apart):
    """Its 1,000 statistics and ours are of one law; those of another null hypothesis are not."""
    truth = R["bootstrap"]
    assert interaction.method == "ML"
    assert abs(interaction.statistic - truth["LRTstat"]) <= 1e-6
    p = truth["n_extreme"] / truth["nsim"]
    pooled = (truth["n_extreme"] + interaction.exceedances) / (truth["nsim"] + interaction.draws)
    error = np.hypot(mcse(pooled, truth["nsim"]), mcse(pooled, interaction.draws))
    assert abs(interaction.p_value - p) <= 4 * error
    assert stats.ks_2samp(interaction.simulated, truth["ref"]).pvalue > 0.01
    assert stats.ks_2samp(apart.simulated, truth["ref"]).pvalue < 1e-9


def test_what_the_adjustments_change_is_as_in_r(interaction):
    """Wald's F with Satterthwaite's and Kenward and Roger's degrees of freedom (REML)."""
    rows, truth = interaction.references, R["bootstrap"]
    roger, satterthwaite = truth["KRmodcomp"], truth["SATmodcomp"]
    for name, F, ref in (
        ("Kenward–Roger", roger["stat"], roger),
        ("Satterthwaite", satterthwaite["statistic"], satterthwaite),
    ):
        row = rows.loc[name]
        assert row["statistic"] == pytest.approx(F, rel=1e-5)
        assert row["num_df"] == ref["ndf"]
        assert row["den_df"] == pytest.approx(ref["ddf"], rel=1e-4)
        assert row["p_value"] == pytest.approx(ref["p.value"], rel=1e-4)
    chi2 = rows.loc["Wald χ²"]
    assert chi2["statistic"] == pytest.approx(satterthwaite["statistic"], rel=1e-5)
    assert chi2["p_value"] == pytest.approx(stats.chi2.sf(chi2["statistic"], 1), rel=1e-12)


def test_laws_by_moments_are_those_of_pbkrtest():
    """Given its draws: Bartlett, gamma and F of pbkrtest's summary."""
    truth = R["bootstrap"]
    hypothesis = fit_models(data("hs"), SEVEN, {"": FIVE}, "auto", "drop", "hs")[""]
    rows = references(hypothesis, np.array(truth["ref"]), 0, 0, 1)
    for name, ours in (("Bartlett", "Bartlett"), ("gamma", "Gamma"), ("F", "F")):
        row, theirs = rows.loc[name], truth["table"][ours]
        assert row["statistic"] == pytest.approx(theirs["stat"], rel=1e-6)
        assert row["p_value"] == pytest.approx(theirs["p.value"], rel=1e-5)
    assert rows.loc["F", "den_df"] == pytest.approx(truth["table"]["F"]["ddf"], rel=1e-6)


# ---------------------------------------------------------------- against exact laws


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_a_balanced_one_way_layout_is_the_f_test(method):
    """T is a rising function of F = MSB/MSW where T > 0, so P(T* ≥ T) is the F test's p.

    Six batches. The exact null agrees as well. Negative controls: the χ² laws, and the p-value
    that drops the draws with T* = 0, are off by more than 4 standard errors.
    """
    df = data("Dyestuff")
    truth = stats.f_oneway(*(batch["Yield"] for _, batch in df.groupby("Batch"))).pvalue
    test = simlab.pvalue(df, "Yield ~ 1", "Yield ~ 1 + (1 | Batch)", method=method, draws=29_999)
    tolerance = 4 * mcse(truth, test.draws)
    assert abs(test.p_value - truth) <= tolerance
    assert test.interval[0] < truth < test.interval[1]
    exact = test.references["p_value"]["exact null"]
    assert abs(exact - truth) <= 4 * mcse(truth, 100_000)
    assert abs(test.references["p_value"]["naive χ²"] - truth) > tolerance
    positive = test.simulated > 1e-8
    dropped = (1 + test.exceedances) / (1 + positive.sum())
    assert abs(dropped - truth) > tolerance


def test_dropping_the_zeros_gives_a_wrong_p(apart):
    """As pbkrtest does. Half of the T* are 0, and without them p is about twice too large."""
    truth = RLRSIM
    assert 0.4 < apart.zeros < 0.6
    positive = apart.simulated[apart.simulated > 1e-8]
    dropped = (1 + (positive >= apart.statistic).sum()) / (1 + len(positive))
    assert dropped == pytest.approx(apart.p_value / (1 - apart.zeros), rel=0.01)
    assert abs(apart.p_value - truth) <= 4 * mcse(truth, apart.draws)
    assert abs(dropped - truth) > 15 * mcse(dropped, len(positive))


def test_the_size_is_nominal():
    """300 data sets without clusters, in 6 batches of 5, each with draws of its own: P(p ≤ α) = α.

    The law has no parameters, so this is exact. Negative control: the naive χ² rejects too rarely.
    """
    n, draws, rng = 300, 199, np.random.default_rng(4)
    df = pd.DataFrame({"y": rng.standard_normal(30), "g": np.repeat(np.arange(6), 5)})
    hypothesis = fit_models(df, "y ~ 1", {"": "y ~ 1 + (1 | g)"}, "auto", "drop", "df")[""]
    p, naive = np.empty((2, n))
    for i in range(n):
        alternative = hypothesis.alternative.refit(y=rng.standard_normal(30))
        T = 2 * (alternative.loglik - alternative.loglik_ols)
        simulated = null_draws([hypothesis], draws, seed=i, jobs=1)[:, 0]
        p[i] = p_value(reaches(simulated, T))
        naive[i] = stats.chi2.sf(T, 1)
    for alpha in (0.05, 0.2):
        assert abs((p <= alpha).mean() - alpha) <= 4 * mcse(alpha, n)
    assert abs((naive <= 0.2).mean() - 0.2) > 4 * mcse(0.2, n)


# ---------------------------------------------------------------- what a hypothesis is


@pytest.mark.parametrize(
    ("null", "alternative", "says", "mixture"),
    [
        ("y ~ x", "y ~ x + (1 | g)", "Var(Intercept)", ((0.5, 0), (0.5, 1))),
        ("y ~ 1", "y ~ x + (1 | g)", "x = Var(Intercept)", ((0.5, 1), (0.5, 2))),
        (
            "y ~ x + (1 | g)", "y ~ x + (1 + x | g)", "Var(x) = Cov(Intercept, x)",
            ((0.5, 1), (0.5, 2)),
        ),
        ("y ~ x + (0 + x | g)", "y ~ x + (1 + x || g)", "Var(Intercept)", ((0.5, 0), (0.5, 1))),
        ("y ~ x + (1 + x || g)", "y ~ x + (1 + x | g)", "Cov(Intercept, x)", ()),
        ("y ~ x", "y ~ x + (1 + x || g)", "Var(Intercept) = Var(x)", ()),
        ("y ~ x + (1 | g)", "y ~ x + w + (1 | g)", "w", ()),
        ("y ~ x + (1 | g)", "y ~ x + w + I(w**2) + (1 | g)", "w = I(w**2)", ()),
        (  # no names in common, and yet inside
            "y ~ I(x - 2 * w) + (1 | g)", "y ~ x + w + (1 | g)", "1 contrast of the fixed effects",
            (),
        ),
    ],
)  # fmt: skip
def test_what_the_null_says_and_its_law(null, alternative, says, mixture):
    result = pvalue(small(), null, alternative, draws=1)
    assert result.hypothesis == f"{says} = 0"
    assert result.mixture == mixture
    assert result.statistic >= 0
    assert result.method == (
        "REML" if null.split(" + (")[0] == alternative.split(" + (")[0] else "ML"
    )


def small():
    """Twelve clusters of six, in which intercepts and slopes vary."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 6)
    u, v = rng.standard_normal((2, 12))[:, g]
    x, w, e = rng.standard_normal((3, 72))
    return pd.DataFrame({"y": 1 + u + (1 + v) * x + e, "x": x, "w": w, "g": g})


def test_contrasts_are_zero_where_the_null_holds():
    """Lγ = 0 for every γ of the null, in whatever coding; Wald's χ² is that of the coefficient."""
    df = small()
    coded = fit_models(
        df, "y ~ I(x - 2 * w) + (1 | g)", {"": "y ~ x + w + (1 | g)"}, "ML", "drop", ""
    )
    L = coded[""].contrasts
    np.testing.assert_allclose(L @ [3.0, 1.0, -2.0], 0, atol=1e-12)
    assert abs(L @ [3.0, 1.0, 2.0]) > 0.1  # control
    test = pvalue(df, "y ~ x + (1 | g)", "y ~ x + w + (1 | g)")
    fit = simlab.fit("y ~ x + w + (1 | g)", df)
    z = fit.fixef["w"] / fit.std_error["w"]
    assert test.references.loc["Wald χ²", "statistic"] == pytest.approx(z**2, rel=1e-9)


def test_laws_that_do_not_exist_have_a_line_instead():
    both = simlab.pvalue(small(), "y ~ x", "y ~ x + (1 + x | g)", draws=9).references
    for name in ("χ̄² mixture", "exact null"):
        assert np.isnan(both.loc[name, "p_value"])
        assert "2 variances" in both.loc[name, "remark"]
    alone = simlab.pvalue(
        small(), "y ~ x + (1 + x || g)", "y ~ x + (1 + x | g)", draws=9
    ).references
    assert "none is needed" in alone.loc["χ̄² mixture", "remark"]
    assert "no variance is tested" in alone.loc["exact null", "remark"]
    assert alone.loc["naive χ²", "remark"].startswith("holds")


def test_no_exact_null_where_other_covariances_are_tested_too():
    df = small()
    turned = "y ~ x + (0 + I(x + 1) | g)", "y ~ x + (1 + x | g)"
    freed = "y ~ x + (1 + x || g)", "y ~ x + (1 + x | g) + (0 + w | g)"
    for (null, alternative), phrase in ((turned, "are not those of"), (freed, "covariances of")):
        hypothesis = fit_models(df, null, {"": alternative}, "auto", "drop", "")[""]
        rows = references(hypothesis, None, 9, 0, 1)
        assert phrase in rows.loc["exact null", "remark"]
        assert hypothesis.restriction.mixture == ((0.5, 1), (0.5, 2))


def test_a_singular_null_undoes_the_mixture():
    level = small().assign(y=np.tile([1.0, 2.0, 4.0, 3.0, 6.0, 2.0], 12))  # of all clusters
    test = pvalue(level, *SLOPE, draws=9)
    assert test.fits[0].singular
    assert "its conditions fail" in test.references.loc["χ̄² mixture", "remark"]
    assert any(note.startswith("null model: singular") for note in test.notes)


# ---------------------------------------------------------------- rows, streams, results


def test_all_models_have_the_rows_that_are_complete_for_all():
    df = small()
    df.loc[[3, 40], "w"] = np.nan
    df.loc[7, "x"] = np.nan
    models = ("y ~ x + (1 | g)", "y ~ x + w + (1 | g)")
    with pytest.warns(FitWarning, match="3 of 72 rows left out, with missing values in") as caught:
        test = pvalue(df, *models)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert test.statistic == pvalue(df.dropna(), *models).statistic
    assert [fit.nobs for fit in test.fits] == [69, 69]
    assert sum("rows left out" in note for note in test.notes) == 1


def test_numbers_do_not_depend_on_the_threads_or_on_how_many_are_asked_for():
    one, two = (pvalue(small(), *SLOPE, draws=1000, jobs=jobs) for jobs in (1, 2))
    assert np.array_equal(one.simulated, two.simulated)
    fewer = pvalue(small(), *SLOPE, draws=300)
    assert np.array_equal(fewer.simulated, one.simulated[:300])
    other = pvalue(small(), *SLOPE, draws=300, seed=1)
    assert not np.isin(other.simulated[other.simulated > 0], fewer.simulated).any()


def test_it_stops_at_the_same_draw_whatever_the_threads():
    formulas = ("y ~ w + x + (1 | g)", "y ~ w + x + (1 | g) + (0 + w | g)")
    whole = pvalue(small(), *formulas, draws=2000)
    assert whole.exceedances > 30
    for jobs in (1, 2):
        early = pvalue(small(), *formulas, draws=2000, jobs=jobs, stop=30)
        assert early.stopped
        assert early.exceedances == 30
        assert early.p_value == 30 / early.draws
        assert np.array_equal(early.simulated, whole.simulated[: early.draws])
        assert reaches(early.simulated, early.statistic)[-1]
    late = pvalue(small(), *SLOPE, draws=99, stop=30)
    assert not late.stopped
    assert late.p_value == (1 + late.exceedances) / 100


def test_a_failed_fit_counts_against_rejection(monkeypatch):
    from simlab.testing import pvalue as room

    def failing(*args):
        T = null_draws(*args)
        T[:5] = np.nan
        return T

    args = small(), "y ~ x + (1 | g)", "y ~ x + (1 + x | g)"
    before = pvalue(*args)
    monkeypatch.setattr(room, "null_draws", failing)
    after = pvalue(*args)
    lost = before.simulated[:5] < before.statistic
    assert after.failures == 5
    assert after.exceedances == before.exceedances + lost.sum()
    assert "in 5 draws a fit did not converge" in str(after)


def test_a_linear_null_is_a_mixed_model_without_variance():
    test = pvalue(small(), "y ~ x", "y ~ x + (1 | g)", draws=9)
    null, _ = test.fits
    df = small()
    slope = np.polyfit(df["x"], df["y"], 1)
    assert null.fixef.to_numpy() == pytest.approx(slope[::-1], rel=1e-10)
    assert not null.G_matrix.any()
    assert test.formulas == ("y ~ x", "y ~ x + (1 | g)")


def test_the_fits_are_those_of_fit():
    test = pvalue(data("hs"), SEVEN, FIVE, draws=1)
    for fit, model in zip(test.fits, ("m7", "m5"), strict=True):
        assert fit.loglik == fitted("hs", model, "ML").loglik


SECTORS = "mathach ~ ses + sector + (1 | school)"


@pytest.mark.filterwarnings("ignore:G is not identified")
@pytest.mark.parametrize("random", ["(sector | school)", "(0 + sector | school)"])
def test_a_variance_in_each_sector_is_not_at_a_boundary_where_they_are_equal(random):
    """Of G two numbers are known, the schools' variance in each sector: T ~ χ²(1)."""
    alternative = f"mathach ~ ses + sector + {random}"
    test = simlab.pvalue(hs(), SECTORS, alternative, draws=1999)
    naive, mixture = (test.references.loc[name] for name in ("naive χ²", "χ̄² mixture"))
    assert (naive.law, mixture.law) == ("χ²(1)", "")
    assert "no variance is at a boundary" in mixture.remark
    assert "combination of Var(" in test.nested.statement
    assert (test.simulated > 0).all()
    exceeding = (test.simulated > 2.705543).mean()  # 0.05 by the mixture
    assert abs(exceeding - 0.1) < 5 * np.sqrt(0.1 * 0.9 / 1999)
    fits = [simlab.fit(hs(), formula) for formula in (SECTORS, alternative)]
    assert fits[0].anova(fits[1]).frame.note.iloc[1] == ""


def test_control_independent_effects_of_sectors_are_at_a_boundary():
    alternative = "mathach ~ ses + sector + (sector || school)"
    test = simlab.pvalue(hs(), SECTORS, alternative, draws=1999)
    assert test.references.loc["χ̄² mixture"].law == "½χ²(0) + ½χ²(1)"
    assert abs((test.simulated == 0).mean() - 0.5) < 0.1
    fits = [simlab.fit(hs(), formula) for formula in (SECTORS, alternative)]
    assert fits[0].anova(fits[1]).frame.note.iloc[1] == BOUNDARY

"""The bootstrap's bookkeeping: which draws, which statistics, what is reported and refused.

Tolerances. A function of a fit and the statistic of the same name are of the same draws, by two
routes: both searches stop within 1e-9 standard errors, and 1e-6 of a standard error is asked for.
Exact repetition is asked for to the last bit.
"""

import numpy as np
import pandas as pd
import pytest
from fit_cases import R3, fit_formula, fitted, unbalanced

import simlab
from simlab.fitting.diagnostics import influence
from simlab.fitting.errors import FitError
from simlab.fitting.prediction import icc, r2
from simlab.testing.bootstrapping import samples
from simlab.testing.bootstrapping.statistics import read

KINDS = ("parametric", "clusters")
CASES = [("hs", "m5", "REML"), ("sleepstudy", "m3", "ML"), ("sim5", "m3", "REML")]


def three_blocks():
    return fit_formula(R3, unbalanced())


def everything(fit):
    """All that has a name, by the methods of a fit."""
    names, G = fit.design.random_names, fit.G_matrix
    result = dict(fit.fixef.add_prefix("b "))
    result |= {f"v {name}": G[a, a] for a, name in enumerate(names)}
    result |= {
        f"c {a}{b}": G[a, b] for a, b in sorted((b, a) for a, b in fit.optimum.free if a > b)
    }
    shares = r2(fit)
    return result | {
        "s": fit.sigma2**0.5, "s2": fit.sigma2, "i": icc(fit)["mean"],
        "m": shares["marginal"], "c": shares["conditional"],
    }  # fmt: skip


ALL = ["fixef", "G", "sigma", "sigma2", "icc", "r2"]


# ---- the named route and the route of functions ----------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", [*CASES, "r3"])
def test_a_function_gets_the_numbers_of_the_name(kind, case):
    fit = three_blocks() if case == "r3" else fitted(*case)
    result = simlab.bootstrap(fit, [*ALL, everything], draws=60, kind=kind, seed=2)
    q = len(result.estimate) // 2
    for table in (result.estimate.to_frame().T, result.replicates, result.jackknife):
        named, own = table.iloc[:, :q].to_numpy(), table.iloc[:, q:].to_numpy()
        apart = np.abs(named - own) / result.std_error["estimate"].to_numpy()[:q]
        assert np.nanmax(apart) < 1e-6
        assert (np.isnan(named) == np.isnan(own)).all()


def test_one_draw_does_not_pass_for_another():
    """Control: the tolerance above tells draws apart, and rows of another seed."""
    fit = fitted("hs", "m5", "REML")
    ours, others = (simlab.bootstrap(fit, ALL, draws=60, seed=s, interval=()) for s in (2, 3))
    apart = np.abs(ours.replicates - others.replicates) / ours.std_error["estimate"]
    assert (apart.max() > 0.5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_covariates_of_any_size_lose_nothing(kind):
    """x + 1e6 in place of x: the same draws of what does not depend on the origin."""
    df = unbalanced()
    near, far = (fit_formula("y ~ x + (1 + x | g)", df.assign(x=df["x"] + o)) for o in (0.0, 1e6))
    named = ["x", "sd(x)", "sigma", "icc", "r2"]
    a, b = (simlab.bootstrap(f, named, draws=100, kind=kind).replicates for f in (near, far))
    if kind == "clusters":  # a parametric draw has other projections to draw
        assert np.abs(a / b - 1).max().max() < 1e-4
    assert (np.abs(a.mean() - b.mean()) < 4 * np.sqrt((a.var() + b.var()) / 100)).all()


@pytest.mark.parametrize("case", CASES)
def test_estimates_are_those_of_the_fit(case):
    fit = fitted(*case)
    result = simlab.bootstrap(fit, draws=30, interval="percentile").estimate
    assert result[list(fit.fixef.index)].to_numpy() == pytest.approx(fit.gamma, rel=1e-12)
    table = fit.varcorr().table["estimate"]
    assert result[table.index].to_numpy() == pytest.approx(table.to_numpy(), rel=1e-9, nan_ok=True)
    assert result["icc"] == pytest.approx(icc(fit)["mean"], rel=1e-10)
    shares = result[["r2_marginal", "r2_conditional"]].to_numpy()
    assert shares == pytest.approx(r2(fit).to_numpy(), rel=1e-10)


def test_the_jackknife_is_that_of_influence():
    fit = fitted("hs", "m4", "REML")
    result = simlab.bootstrap(fit, ["varcorr", "sigma", "fixef"], draws=30)
    table = influence(fit)
    for name in ("sd((Intercept))", "sd(ses)", "sigma"):
        change = result.estimate[name] - result.jackknife[name]
        assert change.to_numpy() == pytest.approx(table[f"change {name}"].to_numpy(), abs=1e-8)
    assert list(result.jackknife.index) == list(table.index)


def test_weights_are_sums_of_coefficients():
    fit = fitted("hs", "m5", "REML")
    public = {"ses": 1, "ses:sectorPublic": 1}
    result = simlab.bootstrap(fit, ["fixef", public], draws=50, interval=())
    total = result.replicates["ses"] + result.replicates["ses:sectorPublic"]
    assert result.replicates["ses + ses:sectorPublic"].to_numpy() == pytest.approx(total.to_numpy())
    array = simlab.bootstrap(fit, [0, 1, 0, 1], draws=50, interval=())
    assert array.replicates.iloc[:, 0].to_numpy() == pytest.approx(total.to_numpy())


# ---- streams ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_draws_do_not_depend_on_threads_number_or_statistics(kind):
    fit = fitted("hs", "m5", "REML")
    whole = simlab.bootstrap(fit, draws=600, kind=kind, jobs=1).replicates
    assert simlab.bootstrap(fit, draws=600, kind=kind, jobs=2).replicates.equals(whole)
    fewer = simlab.bootstrap(fit, "icc", draws=300, kind=kind, interval=()).replicates
    assert fewer["icc"].equals(whole["icc"][:300])
    other = simlab.bootstrap(fit, draws=600, kind=kind, seed=1).replicates
    assert not np.isclose(other["ses"], whole["ses"]).any()


def test_progress_is_told_of_every_draw():
    class Told:
        def start(self, replicates, done):
            self.left = replicates - done

        def advance(self, replicates, failures):
            self.left -= replicates

    fit, listener = fitted("hs", "m4", "REML"), Told()
    simlab.bootstrap(fit, lambda f: f.sigma2, draws=20, interval=(), progress=listener)
    assert listener.left == 0
    simlab.bootstrap(fit, draws=300, interval=(), progress=listener)
    assert listener.left == 0
    simlab.bootstrap(fit, draws=300, progress=listener)
    assert listener.left == 0


# ---- the result ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result():
    return simlab.bootstrap(fitted("hs", "m5", "REML"), draws=999)


def test_summaries_are_those_of_the_replicates(result):
    draws = result.replicates
    assert result.draws == 999
    assert result.bias["estimate"].equals(draws.mean() - result.estimate)
    assert result.std_error["estimate"].equals(draws.std())
    normal = draws["ses"].std() / np.sqrt(2 * 999)
    assert result.std_error.loc["ses", "mcse"] == pytest.approx(normal, rel=0.15)
    frame = result.to_frame()
    assert len(frame) == 3 * len(result.estimate)
    row = frame[(frame["statistic"] == "icc") & (frame["interval"] == "bca")].iloc[0]
    assert row["lower"] == result.conf_int("bca").loc["icc", "lower"]
    assert row["draws"] == 999


def test_another_level_needs_no_new_draws(result):
    narrow, wide = result.conf_int("bca", 0.8), result.conf_int("bca", 0.95)
    fine = wide["lower"].notna()
    assert (narrow["lower"] >= wide["lower"])[fine].all()
    assert (narrow["upper"] <= wide["upper"])[fine].all()
    exact = np.sort(result.replicates["ses"])
    ends = result.conf_int("percentile", 0.9).loc["ses", ["lower", "upper"]].tolist()
    assert ends == pytest.approx([exact[49], exact[949]])  # the 50th and the 950th of 999


def test_the_text_says_what_was_done(result):
    text = str(result)
    assert "mathach ~ ses * sector + (1 + ses | school)" in text
    assert "999 draws from seed 0: none failed" in text
    assert "95 % intervals" in text
    assert all(len(line) <= 100 for line in text.split("\n"))
    assert repr(result) == text
    bare = simlab.bootstrap(fitted("hs", "m5", "REML"), "icc", draws=30, interval=())
    assert "intervals" not in str(bare)


def test_what_cannot_be_had_is_nan_with_a_reason():
    fit = fitted("sim5", "m3", "REML")
    assert fit.singular
    result = simlab.bootstrap(fit, ["cor((Intercept),x)", "x", "sigma"], draws=399)
    bca = result.conf_int("bca")
    assert np.isnan(bca.loc["cor((Intercept),x)"]).all()
    assert np.isfinite(bca.loc["x"]).all()
    assert any(
        "no BCa interval of cor((Intercept),x): all draws lie on one side" in n
        for n in result.notes
    )
    few = simlab.bootstrap(fit, "x", draws=19)
    assert few.intervals["lower"].isna().all()
    assert "too few draws" in few.notes[0]
    assert np.isfinite(few.conf_int("percentile", 0.9)["lower"]["x"])  # the first and the last


def test_a_statistic_that_does_not_vary_is_no_accident():
    """Without covariates the marginal R² is 0 in every draw."""
    result = simlab.bootstrap(fit_formula("y ~ 1 + (1 | g)", unbalanced()), ["r2", "sigma"])
    assert (result.replicates["r2_marginal"] == 0).all()
    assert result.std_error.loc["r2_marginal", "estimate"] == 0
    assert np.isnan(result.conf_int("bca").loc["r2_marginal", "lower"])
    assert "r2_marginal" in str(result)


def test_lost_columns_are_failures_not_numbers():
    """Two clusters of five have x = 1: without both, its coefficient cannot be estimated."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(5), 6)
    df = pd.DataFrame({"g": g, "x": (g < 2).astype(float)})
    df["y"] = rng.normal(size=30) + rng.normal(size=5)[g]
    fit = fit_formula("y ~ x + (1 | g)", df)
    draws = 2000
    result = simlab.bootstrap(fit, ["x", "sigma"], draws=draws, kind="clusters")
    share = (3 / 5) ** 5 + (2 / 5) ** 5
    assert abs(result.failures / draws - share) < 4 * np.sqrt(share * (1 - share) / draws)
    assert result.replicates["sigma"].isna().sum() == result.failures
    assert f"{result.failures} of 2000 draws could not be fitted" in str(result)
    by_rows = simlab.bootstrap(fit, lambda f: f.sigma2**0.5, draws=100, kind="clusters")
    apart = by_rows.replicates.iloc[:, 0] - result.replicates["sigma"][:100]
    assert np.nanmax(np.abs(apart)) < 1e-6
    assert by_rows.replicates.iloc[:, 0].isna().equals(result.failed[:100])


def test_results_of_functions_have_names():
    fit = fitted("hs", "m4", "REML")
    listed = simlab.bootstrap(fit, lambda f: [f.sigma2, f.deviance], draws=5, interval=())
    assert list(listed.estimate.index) == ["statistic[0]", "statistic[1]"]
    series = simlab.bootstrap(fit, [simlab.fitting.prediction.r2], draws=5, interval=())
    assert list(series.estimate.index) == ["marginal", "conditional"]


def test_chosen_clusters_are_counted():
    assert samples.all_but(np.arange(3), 3).tolist() == [[1, 2], [0, 2], [0, 1]]


# ---- misuse ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"statistic": "icx"}, "did you mean 'icc'"),
        ({"statistic": "sd(sex)"}, "did you mean 'sd(ses)'"),
        ({"statistic": {"sex": 1}}, "no coefficient 'sex'"),
        ({"statistic": [1, 2, 3]}, "it must be (2,)"),
        ({"statistic": []}, "statistic is empty"),
        ({"statistic": ["all", "ses"]}, "two are called 'ses'"),
        ({"statistic": ["icc", lambda f: {"icc": 1.0}]}, "two are called 'icc'"),
        ({"statistic": lambda f: f}, "gave MixedFit"),
        ({"statistic": lambda f: []}, "gave list"),
        ({"statistic": lambda f: range(int(f.sigma2 * 1e3) % 7 + 1)}, "the same numbers"),
        ({"draws": 0}, "draws is 0; it must be a whole number, 2 or more"),
        ({"draws": 99.0}, "draws is 99.0"),
        ({"seed": -1}, "seed is -1"),
        ({"jobs": 0}, "jobs is 0"),
        ({"kind": "rows"}, "kind is 'rows'"),
        ({"interval": "normal"}, "interval is 'normal'"),
        ({"interval": 3}, "interval is 3"),
        ({"level": 95}, "level is 95"),
    ],
)
def test_misuse_is_one_clear_line(options, phrase):
    with pytest.raises(FitError) as error:
        simlab.bootstrap(fitted("hs", "m4", "REML"), **{"draws": 20, **options})
    assert phrase in str(error.value)
    assert "\n" not in str(error.value)


def test_what_cannot_be_drawn_from_is_refused():
    with pytest.raises(FitError, match="not DataFrame"):
        simlab.bootstrap(unbalanced())
    df = unbalanced()
    two = fit_formula("y ~ 1 + (1 | g)", df[df["g"].isin(["c10", "c11"])])
    with pytest.raises(FitError, match="has 2 clusters"):
        simlab.bootstrap(two)


def test_bca_of_a_bootstrap_without_it_is_refused(result):
    with pytest.raises(FitError, match="kind is 'normal'"):
        result.conf_int("normal")
    fit = fitted("hs", "m4", "REML")
    with pytest.raises(FitError, match="call bootstrap with"):
        simlab.bootstrap(fit, "icc", draws=30, interval="basic").conf_int("bca")


def test_a_group_comes_before_a_coefficient_of_its_name():
    df = unbalanced().rename(columns={"x": "icc"})
    fit = fit_formula("y ~ icc + (1 | g)", df)
    assert read("icc", fit)[0].labels == ("icc",)
    assert read({"icc": 1}, fit)[0].labels == ("icc",)
    with pytest.raises(FitError, match="two are called 'icc'"):
        simlab.bootstrap(fit, draws=5)


# ---- the page for users ----------------------------------------------------------------------


def test_what_one_cluster_alone_tells_is_not_drawn():
    """All draws that could be fitted held that cluster, and its coefficient had SE 0."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 8)
    df = pd.DataFrame({"g": g, "y": rng.normal(size=96) + rng.normal(size=12)[g]})
    alone = simlab.fit(df.assign(k=np.where(g == 4, "a", "b")), "y ~ k + (1 | g)")
    with pytest.raises(FitError, match="without g 4 the coefficients cannot all be estimated"):
        simlab.bootstrap(alone, "fixef", kind="clusters", draws=99)
    assert (simlab.bootstrap(alone, "fixef", draws=99).replicates.std() > 0.1).all()
    two = simlab.fit(df.assign(k=np.where(g < 2, "a", "b")), "y ~ k + (1 | g)")
    assert simlab.bootstrap(two, "fixef", kind="clusters", draws=99).failed.sum() > 0

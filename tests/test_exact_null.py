"""The exact null of fitted models: against RLRsim's p-values, and against fits of drawn data."""

import numpy as np
import pytest
from fit_cases import data
from reference_cases import stored
from scipy import stats

import simlab
from simlab.data import hs
from simlab.fitting.errors import FitError
from simlab.mixed.exact import eigenvalues, null_law
from simlab.mixed.reduced import refit
from simlab.mixed.rotated import allocate
from simlab.mixed.supremum import suprema
from simlab.testing.draws import join, stream
from simlab.testing.exact import NoExactNullError, exact_null
from simlab.testing.studied.evaluation import exact_p_value

DRAWS = 100_000


def share(p_value, ref):
    """Distance of two Monte Carlo p-values in standard errors of their difference."""
    return abs(p_value - ref) / np.sqrt(2 * ref * (1 - ref) / DRAWS)


def six():
    df = hs()
    return df[df["school"].isin(df["school"].unique()[15:21])]


# -------------------------------------------------------------------------- p-values of RLRsim

TESTS = {
    "dyestuff": ("Yield ~ 1 + (1 | Batch)", lambda: data("Dyestuff")),
    "intercept": ("mathach ~ ses + (1 | school)", six),
    "intercept ML 1": ("mathach ~ ses + minority + (1 | school)", six),
    "slope": ("mathach ~ ses + (0 + ses | school)", six),
}


@pytest.mark.parametrize("name", stored("exact.json")["tests"])
def test_exact_p_values(name):
    ref = stored("exact.json")["tests"][name]
    design, method, q = name.split()
    formula, rows = TESTS.get(name, TESTS[design])
    fit = simlab.fit(formula, rows(), method)
    null = exact_null(fit, (), 0, int(q))
    p = np.mean(null.statistics >= ref["statistic"])
    assert null.kind == "exact"
    assert share(p, ref["p"]) <= 4
    assert share(stats.chi2.sf(ref["statistic"], 1 + int(q)), ref["p"]) > 10  # control


@pytest.mark.parametrize("name", ["hs", "hsb", "sim5"])
def test_approximate_p_values(name):
    ref = stored("tests.json")[name]
    y, x, g, slope = ref["y"], ref["x"], ref["group"], ref["slope"]
    fit = simlab.fit(f"{y} ~ {x} + (1 + {x} || {g})", data(name))
    null = exact_null(fit, ("(Intercept)",), 1)
    p = np.mean(null.statistics > max(slope["independent"], 0))
    assert null.kind == "approximate"
    assert "approximation" in null.conditions
    assert share(p, slope["independent_exact_p"]) <= 4
    naive = stats.chi2.sf(slope["independent"], 1)
    assert share(naive, slope["independent_exact_p"]) > 10  # control


# ------------------------------------------------------------------------------ fits of draws

CASES = {
    "intercept": ("mathach ~ ses", "(1 | school)", "REML", 0),
    "slope": ("mathach ~ ses", "(0 + ses | school)", "REML", 0),
    "full": ("mathach ~ ses", "(1 | school)", "ML", 0),
    "one fixed effect": ("mathach ~ 1", "(1 | school)", "ML", 1),
}


def uneven():
    """Two schools whole, and four of which a few students are known."""
    df = six().copy()
    place = df.groupby("school").cumcount()
    code = df["school"].astype("category").cat.codes
    return df[place < code.map({0: 99, 1: 99, 2: 3, 3: 3, 4: 2, 5: 4})]


def one_large():
    """One school of 96 students, two schools taken for one, and 38 of three."""
    df = hs()
    names = df["school"].unique()
    df["school"] = df["school"].replace(names[0], names[1])
    few = df["school"] != names[1]
    return df[~few | (df.groupby("school").cumcount() < 3)]


def fits_of_draws(case, df, B, seed):
    """Likelihood-ratio statistics of B draws from the null, fitted; the draws; the alternative."""
    fixed, random, method, q = CASES[case]
    alternative = simlab.fit(f"mathach ~ ses + {random}", df, method)
    small = simlab.fit(f"{fixed} + {random}", df, method) if q else alternative
    joint = join([small, alternative], null=True)
    responses = joint.draw(stream(seed, 0, 0), B)
    null, full = (refit(model, responses).deviance for model in joint.models)
    return null - full, responses, joint, alternative


def parts(responses, joint, fit, law):
    """w and R of the very same draws, by the eigenvectors of Z'(I − P_X)Z."""
    J, d = joint.reduced.R.shape[:2]
    X = (joint.reduced.R @ np.eye(d)[:, fit.design.fixed]).reshape(J * d, -1)
    z = joint.reduced.R[:, :, int(fit.design.random[0])]
    Z = np.zeros((J * d, J))
    for j in range(J):
        Z[j * d : (j + 1) * d, j] = z[j]
    Q = np.linalg.qr(X)[0]
    left = Z - Q @ (Q.T @ Z)
    U, s, _ = np.linalg.svd(left, full_matrices=False)
    order = np.argsort(s)[J - len(law.mu) :]
    np.testing.assert_allclose(s[order] ** 2 / (Z**2).sum(axis=0).max(), law.mu, rtol=1e-8)
    e = responses.e.reshape(-1, J * d)
    w = (e @ U[:, order]) ** 2
    residual = e - (e @ Q) @ Q.T
    return w, (residual**2).sum(axis=1) + responses.rss - w.sum(axis=1)


@pytest.mark.parametrize("case", ["intercept", "slope", "full"])
@pytest.mark.parametrize("rows", [six, uneven, one_large])
def test_the_statistic_of_every_draw_is_that_of_the_fits(case, rows):
    result, responses, joint, fit = fits_of_draws(case, rows(), 500, seed=1)
    law = null_law(eigenvalues(fit.clusters.rotated, 0), fit.method == "REML")
    w, R = parts(responses, joint, fit, law)
    expected = np.empty(len(R))
    suprema(law, w, R, expected)
    np.testing.assert_allclose(result, expected, atol=1e-8)  # never below G = 0
    assert 0.1 < np.mean(expected > 1e-6) < 0.6
    if rows is one_large:  # control: the likelihood falls at λ = 0 in some of those above 0
        falls = w @ law.weight[:, 0] <= R * law.slope[0]
        assert np.mean(falls & (result > 0.01)) > 0.005


@pytest.mark.parametrize("case", CASES)
def test_fitted_draws_have_the_exact_distribution(case):
    q = CASES[case][-1]
    result, *_, fit = fits_of_draws(case, uneven(), 4000, seed=2)
    result[result < 1e-7] = 0.0  # where the fits agree but for rounding
    exact = exact_null(fit, (), 0, q, draws=20_000).statistics
    exact[exact < 1e-7] = 0.0
    assert stats.ks_2samp(result, exact).pvalue > 0.01
    naive = stats.chi2.rvs(1 + q, size=20_000, random_state=3)
    assert stats.ks_2samp(result, naive).pvalue < 1e-6


# -------------------------------------------------------------------------------- the front-end


def test_numbers_depend_on_the_seed_and_on_nothing_else():
    fit = simlab.fit("mathach ~ ses + (1 | school)", six())
    one = exact_null(fit, (), 0, draws=1000, jobs=1).statistics
    assert len(one) == 1000
    np.testing.assert_array_equal(one, exact_null(fit, (), 0, draws=1000, jobs=4).statistics)
    np.testing.assert_array_equal(one, exact_null(fit, (), 0, draws=3000).statistics[:1000])
    other = exact_null(fit, (), 0, draws=1000, seed=1).statistics
    assert (one != other).mean() > 0.3


def test_the_unit_of_the_random_effect_does_not_matter():
    df = six()
    laws = [
        exact_null(
            simlab.fit("mathach ~ v + (0 + v | school)", df.assign(v=df["ses"] * unit)), (), 0
        ).statistics
        for unit in (1.0, 1e5)
    ]
    np.testing.assert_allclose(laws[0], laws[1], atol=1e-7)


@pytest.mark.filterwarnings("ignore::simlab.fitting.errors.FitWarning")  # of C(school)
@pytest.mark.parametrize(
    ("formula", "method", "null_random", "added", "q", "line"),
    [
        ("ses + (1 + ses | school)", "REML", (), None, 0, "2 variances are tested at once"),
        ("ses + (1 + ses || school)", "REML", (), None, 0, "2 variances are tested at once"),
        ("ses + (1 + ses | school)", "REML", ("(Intercept)",), 1, 0, "covariances of 'ses'"),
        ("ses + (1 + ses || school)", "ML", ("(Intercept)",), 1, 0, 'method="REML"'),
        ("ses + (1 | school)", "REML", (), 0, 1, 'method="ML"'),
        ("ses + (1 | school)", "ML", ("(Intercept)",), None, 1, "no variance is tested"),
        ("ses + (1 + ses || school)", "REML", ("(Intercept)",), 0, 0, "are not those of the"),
        ("C(school) + (1 | school)", "ML", (), 0, 0, "take up all"),
    ],
)
def test_where_there_is_none_one_line_says_why(formula, method, null_random, added, q, line):
    fit = simlab.fit(f"mathach ~ {formula}", six(), method)
    with pytest.raises(NoExactNullError, match="no exact null distribution: ") as caught:
        exact_null(fit, null_random, added, q)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_there_is_one_the_line_states_its_conditions():
    fit = simlab.fit("mathach ~ ses + (1 | school)", six(), "ML")
    null = exact_null(fit, (), 0, 1, draws=10)
    assert "1 fixed effect and the variance of '(Intercept)' tested" in null.conditions
    with pytest.raises(FitError, match="draws is 0"):
        exact_null(fit, (), 0, draws=0)


def test_as_many_effects_as_rows_leave_no_residual():
    df = hs()
    df = df[df.groupby("school").cumcount() < 1 + (df["school"] == df["school"].iloc[0])]
    fit = simlab.fit("mathach ~ ses + (0 + ses | school)", df)
    assert (len(df), fit.nclusters) == (41, 40)
    with pytest.raises(NoExactNullError, match="no residual is left"):
        exact_null(fit, (), 0)


def test_where_no_cluster_says_anything_there_is_no_exact_p_value():
    nothing = allocate(np.array([0, 3]), 1, 2)
    nothing.n_rows[0] = 18
    assert np.isnan(exact_p_value(nothing, 1.0, None))

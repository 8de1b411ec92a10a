"""Exact deletion of clusters against refits from the rows, R, closed forms and a dense likelihood.

Tolerances. Refits from the rows: 1e-8 of a standard error, or of the largest entry; both searches
stop within 1e-9 standard errors, and only the engine's units differ. R: lme4 1.1-31 (R 4.2.2) with
bobyqa run to rhoend = 1e-12, which leaves about 1e-7 in its θ; 5e-6 absolute in numbers of order
one, five times what is observed. Closed forms: 1e-8.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fit_cases import fit_design, fit_formula, fitted

from simlab.fitting.diagnostics import influence
from simlab.fitting.diagnostics.influences import _gamma
from simlab.fitting.errors import FitError
from simlab.mixed.deletion import _without, aliased, delete_each

CASES = [
    ("hs", "m4", "REML"),
    ("hs", "m1", "ML"),
    ("hs", "m5", "ML"),  # singular, and without some schools not
    ("sim5", "m3", "REML"),  # singular, and without any cluster too
    ("Machines", "m3", "REML"),  # three random effects, six clusters
    ("sleepstudy", "m4", "ML"),  # no random intercept
    ("Orthodont", "m4", "REML"),
]

# mathach ~ ses + (1 + ses | school) on hs: refitted by lmer(hs[hs$school != s, ]). Columns:
# cook, mdffits, covratio, covtrace, dfbetas (2), changes of sd, sd, cor, sigma.
R_VALUES = {
    ("REML", "1317"): """0.00347298213067 0.00334550263379 1.08791594333592 0.08629794728744
        -0.01483140720714 -0.08068125824967 -0.03019887721854 -0.01045313980945
        -0.01546256010976 -0.01534936583146""",
    ("REML", "5619"): """0.0729753487520 0.0806148585370 0.9423756714751 0.0532172583781
        0.0574614158898 0.3723663885648 -0.0128711392355 0.1797874656463
        0.2187972657729 0.0165010302249""",
    ("REML", "8854"): """0.10745265302843 0.12820693754540 0.85483292449609 0.14186862135463
        -0.45903763489368 -0.03039338311187 0.23148438911429 0.00193029964234
        0.00945038873646 -0.01370380139969""",
    ("ML", "5619"): """0.0745330884917 0.0826627142587 0.9368369222415 0.0586791770846
        0.0563270351944 0.3759820446323 -0.0103845884100 0.1929031510274
        0.2706345369900 0.0162800857108""",
    ("ML", "7688"): """0.12245344798003 0.13870478918635 0.89307535278388 0.10223622624478
        0.40973214645845 -0.31052019693731 0.19291767239294 0.00473542067324
        -0.09471497463917 -0.03762998142880""",
}


def without(fit, j):
    """Refit from the rows, without those of cluster j."""
    design = fit.design
    keep = design.cluster != j
    codes = design.cluster[keep]
    return fit_design(
        replace(
            design,
            D=np.ascontiguousarray(design.D[keep]),
            y=design.y[keep],
            cluster=codes - (codes > j),
            clusters=design.clusters.delete(j),
        ),
        fit.method,
    )


def deviation(fit, result, i, other):
    """Largest differences of γ̂, its covariance, σ² and G, each relative to its own size."""
    units = fit.clusters.units
    scale = units.s_y**2 * result.sigma2[i]
    V = scale * units.A @ result.phi[i] @ units.A.T
    G = scale * units.B @ result.delta[i] @ units.B.T
    return (
        np.abs((_gamma(fit, result)[i] - other.gamma) / other.std_error).max(),
        np.abs(V - other.covariance).max() / np.abs(other.covariance).max(),
        abs(scale / other.sigma2 - 1),
        np.abs(G - other.G_matrix).max() / np.abs(other.G_matrix).max(),
    )


def deleted(fit):
    which = np.arange(fit.nclusters)
    return delete_each(fit.optimum, fit.clusters.rest, fit.clusters.n, which)


@pytest.mark.parametrize("case", CASES)
def test_every_cluster_left_out_equals_a_refit_from_the_rows(case):
    fit = fitted(*case)
    result = deleted(fit)
    for j in range(fit.nclusters):
        other = without(fit, j)
        assert max(deviation(fit, result, j, other)) < 1e-8, j
        assert result.singular[j] == other.singular


def test_the_wrong_cluster_left_out_is_told_apart():
    """Control: the fit of all clusters, or without the next one, does not pass for it."""
    fit = fitted("hs", "m4", "REML")
    result = deleted(fit)
    assert min(deviation(fit, result, 3, fit)) > 1e-5
    assert min(deviation(fit, result, 3, without(fit, 4))) > 1e-5


def test_some_deletions_are_singular_and_some_are_not():
    """R's fit of all schools by ML is singular."""
    fit = fitted("hs", "m5", "ML")
    table = influence(fit)
    assert fit.singular
    assert 0 < table["singular"].sum() < len(table)


@pytest.mark.parametrize(("method", "school"), R_VALUES)
def test_measures_agree_with_lme4(method, school):
    table = influence(fitted("hs", "m4", method), [school])
    names = [
        "cook", "mdffits", "covratio", "covtrace", "dfbetas (Intercept)", "dfbetas ses",
        "change sd((Intercept))", "change sd(ses)", "change cor((Intercept), ses)", "change sigma",
    ]  # fmt: skip
    theirs = np.array(R_VALUES[method, school].split(), float)
    np.testing.assert_allclose(table.loc[school, names].astype(float), theirs, rtol=0, atol=5e-6)
    # control: the other method is not within the tolerance
    other = influence(fitted("hs", "m4", {"ML": "REML", "REML": "ML"}[method]), [school])
    assert np.abs(other.loc[school, names].astype(float) - theirs).min() > 1e-5


def test_the_mean_of_balanced_clusters_in_closed_form():
    """γ̂ = ȳ, hence γ̂ − γ̂₍ⱼ₎ = (ȳ_j − ȳ)/(J − 1)."""
    fit = fitted("Dyestuff", "m1", "REML")
    means = pd.Series(fit.design.y).groupby(fit.design.cluster).mean().to_numpy()
    expected = (means - means.mean()) / (len(means) - 1)
    table = influence(fit)
    dfbetas = expected / fit.std_error.iloc[0]
    np.testing.assert_allclose(table["dfbetas (Intercept)"], dfbetas, rtol=1e-8)
    np.testing.assert_allclose(table["cook"], dfbetas**2, rtol=1e-8)
    assert np.abs(expected).min() > 0.09  # nothing is 0 on both sides


def minus_2_loglik(fit, gamma, G, sigma2):
    """From the density of all rows; of REML without its constants in X."""
    X, Z, y, cluster = fit.design.X, fit.design.Z, fit.design.y, fit.design.cluster
    V = (Z @ G @ Z.T) * (cluster[:, None] == cluster) + sigma2 * np.eye(len(y))
    inverse = np.linalg.inv(V)
    information = X.T @ inverse @ X
    value = np.linalg.slogdet(V)[1]
    if fit.method == "REML":
        gamma = np.linalg.solve(information, X.T @ inverse @ y)
        value += np.linalg.slogdet(information)[1]
    e = y - X @ gamma
    return value + e @ inverse @ e


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_displacement_is_the_rise_of_the_deviance(method):
    fit = fitted("sleepstudy", "m3", method)
    table = influence(fit)
    least = minus_2_loglik(fit, fit.gamma, fit.G_matrix, fit.sigma2)
    for j, label in enumerate(fit.design.clusters):
        other = without(fit, j)
        rise = minus_2_loglik(fit, other.gamma, other.G_matrix, other.sigma2) - least
        np.testing.assert_allclose(table.loc[label, "displacement"], rise, rtol=1e-7, atol=1e-9)
    assert table["displacement"].min() > 0
    assert table["displacement"].max() > 0.5


def lines(seed=1, J=12, n=6, shift=0.0, slopes=0.5):
    """Data with lines that differ between clusters; `shift` is added to the last cluster."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(J), n)
    x = rng.normal(size=J * n)
    u = rng.normal(size=(J, 2)) * [1.0, slopes]
    y = 1 + 2 * x + u[g, 0] + u[g, 1] * x + rng.normal(size=J * n)
    y[g == J - 1] += shift
    return pd.DataFrame({"y": y, "x": x, "g": [f"c{j}" for j in g]})


def test_a_cluster_that_lies_apart_is_found_and_no_other():
    table = influence(fit_formula("y ~ x + (1 | g)", lines(shift=15.0, slopes=0.0)))
    assert table["mdffits"].idxmax() == "c11"
    assert table["mdffits"].nlargest(2).iloc[1] < 0.1 * table["mdffits"].max()
    assert table["displacement"].idxmax() == "c11"
    assert table.loc["c11", "change sd((Intercept))"] > 2
    plain = influence(fit_formula("y ~ x + (1 | g)", lines(slopes=0.0)))
    assert plain["mdffits"].max() < 0.1 * table["mdffits"].max()
    assert plain.loc["c11", "change sd((Intercept))"] < 0.5


def test_nothing_cancels_beside_a_gigantic_cluster():
    """Its rows set the engine's units, in which the squares of the others have eight digits."""
    df = lines()
    df.loc[df["g"] == "c0", "y"] *= 1e4
    fit = fit_formula("y ~ x + (1 | g)", df)
    assert max(deviation(fit, deleted(fit), 0, without(fit, 0))) < 1e-6
    terms = np.array([1e20, 3.0, 4.0])
    np.testing.assert_array_equal(_without(terms), [7.0, 1e20, 1e20])
    assert terms.sum() - terms[0] == 0.0  # control: what the sums avoid


def test_a_column_that_lives_in_one_cluster_gives_a_note():
    df = lines()
    df["z"] = np.where(df["g"] == "c3", np.arange(len(df)) % 2, 4.0)
    table = influence(fit_formula("y ~ x + z + (1 | g)", df))
    assert table.loc["c3", "note"] == "without it the column z is a combination of others"
    assert not table.loc["c3", "converged"]
    assert table.loc["c3", ["cook", "displacement", "dfbetas x", "change sigma"]].isna().all()
    others = table.drop("c3")
    assert (others["note"] == "").all()
    assert others["converged"].all()
    assert others.select_dtypes(float).notna().all().all()


def test_a_random_slope_that_lives_in_one_cluster_gives_a_note():
    df = lines()
    df["z"] = np.where(df["g"] == "c3", np.arange(len(df)) % 3, 0.0)
    table = influence(fit_formula("y ~ x + (1 + z | g)", df))
    assert table.loc["c3", "note"] == "without it the random effect z cannot be told from others"
    assert (table["note"] != "").sum() == 1


def test_no_residual_without_a_cluster_gives_a_note():
    """Without the large cluster there are as many rows as coefficients."""
    rng = np.random.default_rng(3)
    df = lines(J=5, n=2)
    df["g"] = df["g"].replace("c4", "c3")
    df = pd.concat([df, lines(seed=2, J=1, n=20).assign(g="large")], ignore_index=True)
    more = list("abcdefhk")
    df[more] = rng.normal(size=(len(df), len(more)))
    table = influence(fit_formula(f"y ~ x + {' + '.join(more)} + (1 | g)", df))
    assert "take up what clusters differ by" in table.loc["large", "note"]
    assert np.isnan(table.loc["large", "cook"])
    assert table["converged"].sum() == len(table) - 1


def test_aliased_names_the_first_column_that_adds_nothing():
    rng = np.random.default_rng(4)
    a = rng.normal(size=(20, 2))
    columns = np.column_stack([a, a @ [1.0, 2.0], rng.normal(size=20)])
    gram = columns.T @ columns
    full = gram[np.ix_([0, 1, 3], [0, 1, 3])]
    assert aliased(gram[None], gram).tolist() == [2]
    assert aliased(full[None], full).tolist() == [-1]


def test_a_choice_of_clusters_gives_their_rows_of_the_whole_table():
    fit = fitted("hs", "m4", "REML")
    labels = ["8854", "1317"]
    pd.testing.assert_frame_equal(influence(fit, labels), influence(fit).loc[labels])
    pd.testing.assert_frame_equal(influence(fit, "8854"), influence(fit).loc[["8854"]])
    assert influence(fit).index.name == "school"


def test_what_cannot_be_asked_is_said_in_one_line():
    with pytest.raises(FitError, match="no cluster '9999' in school; its labels are such as 1317"):
        influence(fitted("hs", "m4", "REML"), ["9999"])
    with pytest.raises(FitError, match="g has 2 clusters"):
        influence(fit_formula("y ~ x + (1 | g)", lines(J=2)))

"""No digit is lost far from the origin: x at 10⁶ ± 10⁻³, y at 10⁸ ± 1, against extended precision.

The oracles work on the same floats, row by row, in numpy's longdouble (64 bits of mantissa on
x86: 1e-19 of 1e8 is 1e-11, so sums of squares of deviations of size 1e-3 keep 13 digits). CR2 takes
roots of matrices, which longdouble has not; it gets the rows less their mean, a difference of
neighbouring floats, which is exact. The HLM is compared with itself on rows moved by powers of two,
which is exact as well. Tolerance 1e-9, of which the oracles use 1e-12. Control: cluster means that
are held as floats at 10⁶ are wrong by 1e-8 of their spread, and every method that uses them by more
than the tolerance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import simlab
from simlab.estimators import METHODS, REGISTRY, Sample
from simlab.moments import Moments, from_rows

pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 60, reason="longdouble is no wider than double here"
)

RTOL = 1e-9
LONG = np.longdouble
NUMBERS = ["estimate", "std_error", "df"]
BETWEEN = ("pooled", "pooled_robust", "ecological")  # what uses the means of clusters for its slope


def rows(far: bool = True, J: int = 12) -> pd.DataFrame:
    """Rows in J clusters of 3 to 8, far from the origin, or moved by powers of two to it."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(J), rng.integers(3, 9, J))
    near = rng.normal(0, 1, J)[g] + rng.normal(0, 1, len(g))
    y = 2 * near + rng.normal(0, 1, J)[g] + rng.normal(0, 1, len(g))
    x, y = 2.0**20 + 1e-3 * near, 2.0**27 + y
    df = pd.DataFrame({"y": y, "x": x, "g": g, "s": np.where(g < J // 2, "a", "b")})
    return df if far else df.assign(x=df.x - 2.0**20, y=df.y - 2.0**27)


def compared(df: pd.DataFrame, group: str | None = None) -> pd.DataFrame:
    return simlab.compare(df, "y", "x", "g", group).set_index(["method", "term"])


# ---------------------------------------------------------------- oracles, row by row


def pieces(df: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x and y of every row, and their cluster's means, in extended precision."""
    x, y = df.x.to_numpy().astype(LONG), df.y.to_numpy().astype(LONG)
    means = [np.array([v[df.g == g].mean() for g in df.g]) for v in (x, y)]
    return x, y, *means


def least_squares(x: np.ndarray, y: np.ndarray, df: int) -> tuple[list[LONG], list[LONG], int]:
    """Intercept and slope of y on x, their standard errors, and the degrees of freedom."""
    n, dx, dy = len(x), x - x.mean(), y - y.mean()
    b = (dx * dy).sum() / (dx * dx).sum()
    sigma2 = ((dy - b * dx) ** 2).sum() / df
    variance = sigma2 / (dx * dx).sum()
    errors = [np.sqrt(sigma2 / n + x.mean() ** 2 * variance), np.sqrt(variance)]
    return [y.mean() - b * x.mean(), b], errors, df


def pooled(df: pd.DataFrame) -> tuple[list[LONG], list[LONG], int]:
    x, y, *_ = pieces(df)
    return least_squares(x, y, len(x) - 2)


def ecological(df: pd.DataFrame) -> tuple[list[LONG], list[LONG], int]:
    _, _, x, y = pieces(df)
    first = np.unique(df.g.to_numpy(), return_index=True)[1]
    return least_squares(x[first], y[first], len(first) - 2)


def common(df: pd.DataFrame) -> tuple[list[LONG], list[LONG], int]:
    x, y, x_mean, y_mean = pieces(df)
    return tuple(
        part[1:] if isinstance(part, list) else part
        for part in least_squares(x - x_mean, y - y_mean, len(x) - df.g.nunique() - 1)
    )


def lines(df: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], LONG]:
    x, y, *_ = pieces(df)
    own = [x[df.g == g] for g in df.g.unique()], [y[df.g == g] for g in df.g.unique()]
    fits = [least_squares(a, b, 1)[0] for a, b in zip(*own, strict=True)]
    rss = sum(
        ((b - b.mean() - f[1] * (a - a.mean())) ** 2).sum()
        for a, b, f in zip(*own, fits, strict=True)
    )
    return np.array([f[0] for f in fits]), np.array([f[1] for f in fits]), own[0], rss


def two_stage(df: pd.DataFrame) -> tuple[list[LONG], list[LONG], int]:
    *coefficients, _, _ = lines(df)
    J = len(coefficients[0])
    spread = [np.sqrt(((b - b.mean()) ** 2).sum() / (J - 1) / J) for b in coefficients]
    return [b.mean() for b in coefficients], spread, J - 1


def separate(df: pd.DataFrame) -> tuple[list[LONG], list[LONG], int]:
    intercepts, slopes, x, rss = lines(df)
    J, nu = len(slopes), len(df) - 2 * len(slopes)
    ss = [((v - v.mean()) ** 2).sum() for v in x]
    parts = (
        sum(1 / LONG(len(v)) + v.mean() ** 2 / s for v, s in zip(x, ss, strict=True)),
        sum(1 / s for s in ss),
    )
    return [intercepts.mean(), slopes.mean()], [np.sqrt(rss / nu * p) / J for p in parts], nu


def robust(df: pd.DataFrame) -> tuple[list[LONG], list[LONG], list[float]]:
    """CR2 and the degrees of freedom of Bell and McCaffrey, by matrices of all rows."""
    x0, y0 = df.x.mean(), df.y.mean()
    X = np.column_stack([np.ones(len(df)), df.x - x0])
    bread = np.linalg.inv(X.T @ X)
    b = bread @ X.T @ (df.y - y0).to_numpy()
    e = (df.y - y0).to_numpy() - X @ b
    H = X @ bread @ X.T
    L = np.array([[1.0, -x0], [0.0, 1.0]])
    meat, projected = np.zeros((2, 2)), []
    for g in df.g.unique():
        at = (df.g == g).to_numpy()
        values, vectors = np.linalg.eigh(np.eye(at.sum()) - H[np.ix_(at, at)])
        A = vectors @ np.diag(values**-0.5) @ vectors.T
        score = X[at].T @ A @ e[at]
        meat += np.outer(score, score)
        projected.append((np.eye(len(df)) - H)[:, at] @ A @ X[at] @ bread @ L.T)
    V = L @ bread @ meat @ bread @ L.T
    P = np.array(projected)  # (J, N, 2)
    df_ = []
    for t in range(2):
        gram = P[:, :, t] @ P[:, :, t].T
        df_.append(np.trace(gram) ** 2 / (gram**2).sum())
    return [LONG(y0) + b[0] - LONG(x0) * b[1], LONG(b[1])], list(np.sqrt(np.diag(V))), df_


ORACLES = {
    "pooled": pooled, "pooled_robust": robust, "fixed_effects_separate": separate,
    "fixed_effects_common": common, "two_stage": two_stage, "ecological": ecological,
}  # fmt: skip


@pytest.mark.parametrize("method", ORACLES)
@pytest.mark.parametrize("far", [True, False])
def test_compare_has_every_digit(method: str, far: bool) -> None:
    df = rows(far)
    estimates, errors, nu = ORACLES[method](df)
    result = compared(df).loc[method][NUMBERS]
    expected = pd.DataFrame({"estimate": estimates, "std_error": errors, "df": nu})
    np.testing.assert_allclose(result, expected.to_numpy(float), rtol=RTOL)


@pytest.mark.parametrize("method", BETWEEN)
def test_control_means_held_at_the_origin_lose_digits(method: str) -> None:
    df = rows()
    estimates, errors, _ = ORACLES[method](df)
    m = from_rows(df.x.to_numpy(), df.y.to_numpy(), df.g.to_numpy(), np.zeros(12, np.int64))
    fitted = REGISTRY[method].fit(Sample(m))
    off = [fitted.estimate[0, 1] / estimates[1] - 1, fitted.std_error[0, 1] / errors[1] - 1]
    assert 2 * RTOL < np.abs(np.array(off, float)).max() < 1e-5


# ---------------------------------------------------------------- other origins


@pytest.mark.parametrize("group", [None, "s"])
def test_an_exact_shift_moves_nothing_but_intercepts(group: str | None) -> None:
    far, near = compared(rows(), group), compared(rows(far=False), group)
    other = ~near.index.get_level_values("term").str.startswith("intercept")
    np.testing.assert_allclose(far[NUMBERS][other], near[NUMBERS][other], rtol=RTOL)
    assert far.status.tolist() == near.status.tolist()
    for (_, term), row in near[~other].iterrows():
        if " - " not in term:
            method = _
            kind = "between" if method == "hlm_contextual" else "slope"
            slope = near.loc[(method, term.replace("intercept", kind)), "estimate"]
            moved = row.estimate + 2.0**27 - 2.0**20 * slope
            assert far.loc[(method, term), "estimate"] == pytest.approx(moved, rel=RTOL)


@pytest.mark.parametrize("method", [m.name for m in METHODS if not m.oracle])
def test_a_block_of_a_study_keeps_its_digits(method: str) -> None:
    """Moments that were drawn are the data, and about 10⁶ they are what they are about 0."""
    rng, (B, J) = np.random.default_rng(1), (20, 30)
    n = rng.integers(3, 9, (B, J)).astype(float)
    near, ss = rng.normal(size=(B, J)), rng.chisquare(n - 1)
    drawn = (
        2.0**20 + 1e-3 * near, 2.0**27 + near + rng.normal(size=(B, J)), 1e-6 * ss,
        1e-3 * (ss + np.sqrt(ss) * rng.normal(size=(B, J))), rng.chisquare(n - 2),
    )  # fmt: skip
    there = Moments(n, *drawn, np.array([0, 12, J]))
    here = there.moved(-(2.0**20), -(2.0**27))
    one = REGISTRY[method]
    result, expected = (one.fit(Sample(m)) for m in (there, here))
    terms = np.repeat([kind != "intercept" for kind in one.kinds], 3)
    off = (np.abs(result.estimate - expected.estimate) / expected.std_error)[:, terms]
    assert off.max() < RTOL
    for a, b in ((result.std_error, expected.std_error), (result.df, expected.df)):
        np.testing.assert_allclose(a[:, terms], b[:, terms], rtol=RTOL)
    np.testing.assert_array_equal(result.status, expected.status)


@pytest.mark.parametrize("group", [None, "s"])
def test_the_fit_as_a_whole_keeps_its_digits(group: str | None) -> None:
    far, near = (
        simlab.fit_statistics(df, "y", "x", "g", group).set_index(["method", "statistic"])
        for df in (rows(), rows(far=False))
    )
    invariant = [s not in ("sd intercept", "correlation") for s in near.index.get_level_values(1)]
    numbers = ["value", "num_df", "den_df", "p_value"]
    np.testing.assert_allclose(far[numbers][invariant], near[numbers][invariant], rtol=1e-8)


def test_variances_at_zero_are_those_at_the_grand_mean_carried_over() -> None:
    """G at x = 0, with x at 100 ± 1, where it can be told from either side."""
    df = rows(far=False).assign(x=lambda d: 1e3 * d.x)
    there = df.assign(x=df.x + 128.0)
    wanted = ["sd intercept", "sd slope", "correlation", "sigma"]
    near, far = (
        simlab.fit_statistics(d, "y", "x", "g").set_index(["method", "statistic"]).value["hlm"]
        for d in (df, there)
    )
    g00, g11 = near["sd intercept"] ** 2, near["sd slope"] ** 2
    g01 = near["correlation"] * near["sd intercept"] * near["sd slope"]
    moved = g00 - 2 * 128 * g01 + 128**2 * g11
    expected = [
        np.sqrt(moved), np.sqrt(g11), (g01 - 128 * g11) / np.sqrt(moved * g11), near["sigma"],
    ]  # fmt: skip
    np.testing.assert_allclose(far[wanted], expected, rtol=1e-6)


def test_beta_space_keeps_its_digits() -> None:
    far, near = (simlab.beta_space(df, "y", "x", "g")[""] for df in (rows(), rows(far=False)))
    np.testing.assert_allclose(far.arc[:, 1], near.arc[:, 1], rtol=RTOL)
    moved = near.arc[:, 0] + 2.0**27 - 2.0**20 * near.arc[:, 1]
    np.testing.assert_allclose(far.arc[:, 0], moved, rtol=RTOL)
    for label, line in near.lines.items():
        (g00, g01), (_, g11) = line.covariance
        expected = [
            [g00 - 2 * 2.0**20 * g01 + 2.0**40 * g11, g01 - 2.0**20 * g11],
            [g01 - 2.0**20 * g11, g11],
        ]
        np.testing.assert_allclose(far.lines[label].covariance, expected, rtol=1e-8)


def test_rows_that_differ_by_rounding_alone_are_constant_wherever_the_origin_is() -> None:
    """0.1 + 0.2 and 0.3 differ in their last bit, and so do 10⁶ and the next floats."""
    df = rows(far=False).assign(x=lambda d: 1e3 * d.x)
    constant = df.g == 0
    for origin, step in ((0.3, 2.0**-54), (1e6, 2.0**-33)):
        x = df.x.where(~constant, origin + step * (np.arange(len(df)) % 3))
        table = compared(df.assign(x=x))
        assert table.loc[("two_stage", "slope"), "dropped"] == 1
        x = x.where(~constant, origin)
        again = compared(df.assign(x=x))
        np.testing.assert_allclose(table[NUMBERS], again[NUMBERS], rtol=1e-9)

"""What shifts, scales and names must not change, for every estimator.

Tolerances. A sum of a shift c and data of spread s is itself rounded to ε c, so answers may move by
about ε c/s of a standard error; 1e4 ε c/s is allowed (the mixed models differentiate twice). On top
of that 1e-7 of a standard error, as far as Newton's method goes on; degrees of freedom, which rest
on the curvature at the optimum, to 1e-5 relative. Every run sees the same examples.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlab.estimators import METHODS, Known, Sample
from simlab.moments import from_rows

fixed = settings(deadline=None, derandomize=True, max_examples=25, database=None)

EPS = np.finfo(float).eps
every = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


@st.composite
def populations(draw):
    """Rows in two sectors from any γ, G, σ², with a contextual effect, and the true G and σ²."""
    scale = st.sampled_from([0.0, 0.1, 1.0, 10.0])
    root = np.array([[draw(scale), 0.0], [draw(st.sampled_from([-1.0, 0.0, 2.0])), draw(scale)]])
    sigma = draw(st.sampled_from([0.1, 1.0, 30.0]))
    gamma = draw(st.tuples(*[st.floats(-20, 20)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = rng.integers(3, 12, 14)
    cluster = np.repeat(np.arange(14), sizes)
    m, u = rng.standard_normal(14), root @ rng.standard_normal((2, 14))
    x = m[cluster] + rng.standard_normal(len(cluster))
    y = gamma[0] + gamma[1] * x + gamma[2] * m[cluster] + u[0, cluster] + u[1, cluster] * x
    y = y + sigma * rng.standard_normal(len(cluster))
    return Rows(x, y, cluster, np.repeat([0, 1], [6, 8]), root @ root.T, sigma**2)


class Rows:
    """One data set and its variances, under the maps that are tried on it."""

    def __init__(self, x, y, cluster, sector, G, sigma2):
        self.x, self.y, self.cluster, self.sector, self.G, self.sigma2 = (
            x,
            y,
            cluster,
            sector,
            G,
            sigma2,
        )

    def but(self, **changes):
        fields = {k: getattr(self, k) for k in ("x", "y", "cluster", "sector", "G", "sigma2")}
        return Rows(**{**fields, **changes})

    def fit(self, method):
        """Terms (kind, place) of the estimates, standard errors and df, and the status."""
        moments = from_rows(self.x, self.y, self.cluster, self.sector)
        fitted = method.fit(Sample(moments, Known(self.G, self.sigma2)))
        shape = (len(method.kinds), 3)
        parts = (fitted.estimate[0], fitted.std_error[0], fitted.df[0])
        return *(part.reshape(shape) for part in parts), int(fitted.status[0])


def same(a, b, std_error, slack=0.0):
    np.testing.assert_array_less(abs(a - b), np.broadcast_to((1e-7 + slack) * std_error, a.shape))


def same_df(a, b, slack=0.0):
    np.testing.assert_allclose(a, b, rtol=1e-5 + slack)


@every
@fixed
@given(rows=populations(), shift=st.sampled_from([-3.0, 1e3, -1e6, 1e6]))
def test_a_constant_added_to_y_moves_the_intercept_only(method, rows, shift):
    b, se, df, _ = rows.fit(method)
    c, se_c, df_c, _ = rows.but(y=rows.y + shift).fit(method)
    slack = 1e4 * EPS * abs(shift) / np.sqrt(rows.sigma2)
    expected = b.copy()
    if "intercept" in method.kinds:
        expected[0, :2] += shift
    same(c, expected, se, slack)
    np.testing.assert_allclose(se_c, se, rtol=1e-6 + slack)
    same_df(df_c, df, slack)


@every
@fixed
@given(rows=populations(), shift=st.sampled_from([-3.0, 1e3, -1e6, 1e6]))
def test_a_constant_added_to_x_moves_the_intercept_only(method, rows, shift):
    """The intercept moves by −c times the coefficient of everything that holds x."""
    if method.oracle:  # its G is told at x = 0, where a distant origin leaves no digits
        shift = np.clip(shift, -1e3, 1e3)
    T = np.array([[1.0, -shift], [0.0, 1.0]])
    b, se, df, _ = rows.fit(method)
    c, se_c, df_c, _ = rows.but(x=rows.x + shift, G=T @ rows.G @ T.T).fit(method)
    ratio = max(1.0, np.sqrt(np.trace(rows.G) / rows.sigma2))
    slack = 1e4 * EPS * abs(shift) * ratio * (abs(shift) if method.oracle else 1.0)
    slopes = [i for i, kind in enumerate(method.kinds) if kind != "intercept"]
    same(c[slopes], b[slopes], se[slopes], slack)
    np.testing.assert_allclose(se_c[slopes], se[slopes], rtol=1e-6 + slack)
    same_df(df_c[slopes], df[slopes], slack)
    if "intercept" in method.kinds:
        of_x = method.kinds.index("between" if "between" in method.kinds else "slope")
        same(c[0] + shift * c[of_x], b[0], se[0] + abs(shift) * se[of_x], slack)


@every
@fixed
@given(
    rows=populations(),
    s=st.sampled_from([1e-4, 0.3, 1e5]),
    t=st.sampled_from([1e-5, -2.0, 1e4]),
)
def test_units_of_x_and_y(method, rows, s, t):
    b, se, df, status = rows.fit(method)
    G = rows.G * t**2 / np.array([[1, s], [s, s * s]])
    changed = rows.but(x=s * rows.x, y=t * rows.y, G=G, sigma2=rows.sigma2 * t**2)
    c, se_c, df_c, status_c = changed.fit(method)
    unit = np.array([[t if kind == "intercept" else t / s] for kind in method.kinds])
    same(c / unit, b, se)
    np.testing.assert_allclose(se_c / abs(unit), se, rtol=1e-6)
    same_df(df_c, df)
    assert status_c == status


@every
@fixed
@given(rows=populations(), seed=st.integers(0, 1000))
def test_names_of_clusters_and_order_of_rows(method, rows, seed):
    rng = np.random.default_rng(seed)
    new = np.concatenate([rng.permutation(6), 6 + rng.permutation(8)])
    order = rng.permutation(len(rows.x))
    b, se, df, status = rows.fit(method)
    changed = rows.but(x=rows.x[order], y=rows.y[order], cluster=new[rows.cluster][order])
    c, se_c, df_c, status_c = changed.fit(method)
    same(c, b, se)
    np.testing.assert_allclose(se_c, se, rtol=1e-6)
    same_df(df_c, df)
    assert status_c == status


@every
@fixed
@given(rows=populations())
def test_swapping_the_sectors_turns_the_sign_of_differences(method, rows):
    b, se, df, status = rows.fit(method)
    swapped = rows.but(cluster=(rows.cluster + 8) % 14, sector=np.repeat([0, 1], [8, 6]))
    c, se_c, df_c, status_c = swapped.fit(method)
    places = [1, 0, 2]
    same(c[:, places] * [1, 1, -1], b, se)
    np.testing.assert_allclose(se_c[:, places], se, rtol=1e-6)
    same_df(df_c[:, places], df)
    assert status_c == status


@every
@fixed
@given(rows=populations(), slope=st.floats(-50, 50))
def test_a_line_added_to_y_is_added_to_the_slope(method, rows, slope):
    """y + a x: every slope and the between effect gain a, the contextual effect nothing."""
    b, se, df, _ = rows.fit(method)
    c, se_c, df_c, _ = rows.but(y=rows.y + slope * rows.x).fit(method)
    gain = np.array([[slope * (kind in ("slope", "between"))] for kind in method.kinds])
    same(c, b + gain * [1, 1, 0], se, 1e4 * EPS * abs(slope) / np.sqrt(rows.sigma2))
    np.testing.assert_allclose(se_c, se, rtol=1e-6)
    same_df(df_c, df)


def test_a_change_of_one_row_is_noticed():
    """Control: the tolerances are far below what one student among a hundred changes."""
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(14), 7)
    x, y = rng.standard_normal((2, 98))
    rows = Rows(x, y, cluster, np.repeat([0, 1], [6, 8]), np.eye(2), 1.0)
    changed = rows.but(y=y + 1e-4 * (np.arange(98) == 5))
    for method in METHODS:
        b, se, *_ = rows.fit(method)
        assert (abs(changed.fit(method)[0] - b)[:, 0] > 1e-6 * se[:, 0]).any()

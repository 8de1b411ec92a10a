"""Lines in beta space: covariances against least squares and lme4's model, and the arc."""

import numpy as np
import pytest

import simlab
from simlab.data import hs


@pytest.fixture(scope="module")
def beta():
    return simlab.beta_space(hs(), "mathach", "ses", "school", "sector")


def least_squares(x, y):
    """Coefficients of one line, and (X'X)⁻¹."""
    X = np.column_stack([np.ones(len(x)), x])
    inverse = np.linalg.inv(X.T @ X)
    return inverse @ X.T @ y, inverse


def test_the_pooled_line_and_its_covariance(beta):
    """σ² is common to the sectors."""
    df, rss, lines = hs(), 0.0, {}
    for sector, part in df.groupby("sector", observed=True):
        x, y = part["ses"].to_numpy(), part["mathach"].to_numpy()
        lines[sector] = least_squares(x, y)
        rss += ((y - lines[sector][0][0] - lines[sector][0][1] * x) ** 2).sum()
    sigma2 = rss / (len(df) - 4)
    for sector, (center, inverse) in lines.items():
        result = beta[sector].lines["pooled"]
        np.testing.assert_allclose(result.center, center, rtol=1e-9)
        np.testing.assert_allclose(result.covariance, sigma2 * inverse, rtol=1e-7, atol=1e-9)
        assert not np.allclose(result.covariance, 1.01 * sigma2 * inverse, rtol=1e-3)


def test_two_stages_vary_as_the_schools_lines_do(beta):
    df, own = hs(), {}
    for sector, part in df.groupby("sector", observed=True):
        lines = [
            least_squares(one["ses"].to_numpy(), one["mathach"].to_numpy())[0]
            for _, one in part.groupby("school")
        ]
        own[sector] = np.array(lines)
    J = sum(map(len, own.values()))
    pooled = sum((len(b) - 1) * np.cov(b.T) for b in own.values()) / (J - len(own))
    for sector, lines in own.items():
        result = beta[sector].lines["two_stage"]
        np.testing.assert_allclose(result.center, lines.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(result.covariance, pooled / len(lines), rtol=1e-6)


def test_hlm_is_the_mixed_model(beta):
    """One line for each sector: the covariance is that of `simlab.fit`, and so lme4's."""
    fit = simlab.fit("mathach ~ 0 + sector + sector:ses + (1 + ses | school)", hs())
    for sector in ("Catholic", "Public"):
        names = [f"sector{sector}", f"sector{sector}:ses"]
        result = beta[sector].lines["hlm"]
        np.testing.assert_allclose(result.center, fit.fixef[names], rtol=1e-6)
        np.testing.assert_allclose(result.covariance, fit.vcov.loc[names, names], rtol=1e-4)


def test_groups_are_independent_where_their_lines_are(beta):
    for name in ("pooled", "two_stage"):
        parts = [beta[sector].lines[name] for sector in ("Catholic", "Public")]
        difference = beta["Public - Catholic"].lines[name]
        np.testing.assert_allclose(difference.center, parts[1].center - parts[0].center)
        total = parts[0].covariance + parts[1].covariance
        np.testing.assert_allclose(difference.covariance, total, rtol=1e-6)


@pytest.mark.parametrize("place", ["Catholic", "Public", "Public - Catholic"])
def test_the_pooled_line_is_on_the_arc(beta, place):
    arc, lines = beta[place].arc, beta[place].lines
    np.testing.assert_allclose(arc[50], lines["pooled"].center, rtol=1e-9)
    off = np.abs(arc - lines["hlm"].center).max(axis=1)
    assert off.min() > 1e-3  # control: another line is not
    slope = simlab.compare(hs(), "mathach", "ses", "school", "sector").set_index(["method", "term"])
    within = slope.loc[("fixed_effects_common", f"slope[{place}]"), "estimate"]
    assert arc[-1, 1] == pytest.approx(within, rel=1e-9)


def bend(arc):
    """How far an arc departs from its chord, as a share of its length."""
    chord = arc[-1] - arc[0]
    across = np.array([-chord[1], chord[0]]) / np.linalg.norm(chord)
    return np.abs((arc - arc[0]) @ across).max() / np.linalg.norm(chord)


def test_only_the_difference_is_an_arc(beta):
    assert bend(beta["Catholic"].arc) < 1e-12
    assert bend(beta["Public - Catholic"].arc) > 1e-3


def test_one_group_has_no_name():
    beta = simlab.beta_space(hs(), "mathach", "ses", "school")
    assert list(beta) == [""]
    assert len(beta[""].lines) == 6

"""From draws to p-values: validity, intervals, early stopping, several hypotheses.

Laws are known here, so shares are held to 4 Monte Carlo standard errors, with a control that fails.
"""

import numpy as np
import pytest
from fit_cases import data
from scipy import stats

import simlab
from simlab.testing.monte_carlo import interval, p_value, reaches
from simlab.testing.multiplicity import adjust

NULL = "mathach ~ ses + (1 | school)"


def mcse(share, n):
    return np.sqrt(share * (1 - share) / n)


# ---------------------------------------------------------------- one p-value


def test_ties_and_failures_reach_the_statistic():
    T = np.array([0.0, 1.0, 1.0 - 1e-9, 1.0 - 1e-7, np.nan])
    assert reaches(T, 1.0).tolist() == [False, True, True, False, True]
    assert reaches(np.array([0.0, 0.0]), 0.0).all()
    assert reaches(np.array([1e6 - 1e-3]), 1e6).all()


def test_the_size_is_exact_in_any_number_of_draws():
    """T and 100 draws of one law: P(p ≤ 0.05) = 5/101. Control: P(g/B ≤ 0.05) is above 0.05."""
    n, B = 40_000, 100
    rng = np.random.default_rng(1)
    exceedances = rng.binomial(B, rng.uniform(size=n))
    p = {g: p_value(np.arange(B) < g) for g in range(B + 1)}
    result = np.array([p[g] for g in exceedances])
    assert abs((result <= 0.05).mean() - 5 / 101) <= 4 * mcse(0.05, n)
    assert (exceedances / B <= 0.05).mean() - 0.05 > 4 * mcse(0.05, n)


def test_the_size_is_exact_when_stopped_early():
    """Besag and Clifford: p = h/l, or (g + 1)/(B + 1) at the end. Control: (h + 1)/(l + 1)."""
    n, B, h, alpha = 20_000, 99, 10, 0.2
    rng = np.random.default_rng(2)
    p, control = np.empty((2, n))
    for i, share in enumerate(rng.uniform(size=n)):
        reached = rng.uniform(size=B) < share
        so_far = np.cumsum(reached)
        l = 1 + int(np.searchsorted(so_far, h))  # noqa: E741
        p[i] = p_value(reached[:l], h)
        control[i] = (reached[:l].sum() + 1) / (len(reached[:l]) + 1)
    assert abs((p <= alpha).mean() - alpha) <= 4 * mcse(alpha, n)
    assert abs((control <= alpha).mean() - alpha) > 4 * mcse(alpha, n)


@pytest.mark.parametrize("g", [0, 3, 99, 100])
def test_the_interval_is_that_of_clopper_and_pearson(g):
    reached = np.arange(100) < g
    theirs = stats.binomtest(g, 100).proportion_ci(0.9, "exact")
    ours = interval(reached, None, 0.9)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert p_value(reached) == (g + 1) / 101


@pytest.mark.parametrize(("h", "l"), [(10, 57), (1, 1), (1, 30), (20, 20)])
def test_the_interval_after_stopping_is_that_of_the_negative_binomial(h, l):  # noqa: E741
    reached = np.arange(l) >= l - h
    low, high = interval(reached, h, 0.9)
    at_most, at_least = stats.nbinom(h, low).cdf(l - h), stats.nbinom(h, high).sf(l - h - 1)
    assert at_most == pytest.approx(0.05, rel=1e-9)
    if l == h:  # all of them: as good as certain
        assert high == 1
    else:
        assert at_least == pytest.approx(0.05, rel=1e-9)
        wider = interval(reached, None, 0.9)  # control: as if l had been fixed
        assert wider[1] > high


def test_intervals_cover():
    rng, n, theta = np.random.default_rng(3), 2000, 0.1
    for stop in (None, 10):
        covered = 0
        for _ in range(n):
            reached = rng.uniform(size=199) < theta
            if stop:
                reached = reached[: 1 + int(np.searchsorted(np.cumsum(reached), stop))]
            low, high = interval(reached, stop, 0.95)
            covered += low <= theta <= high
        assert covered / n >= 0.95 - 4 * mcse(0.95, n)
        assert covered / n < 1  # control: they are not just wide


# ---------------------------------------------------------------- several


def by_hand(observed, simulated):
    """Max-T as Westfall and Young write it (algorithm 2.8), draw by draw."""
    order = np.argsort(-observed)
    single, down = np.ones_like(observed), np.ones_like(observed)
    for T in simulated:
        single += T.max() >= observed
        for k, m in enumerate(order):
            down[m] += T[order[k:]].max() >= observed[m]
    single, down = single / (len(simulated) + 1), down / (len(simulated) + 1)
    down[order] = np.maximum.accumulate(down[order])
    return single, down


def test_max_T_is_that_of_the_definition():
    rng = np.random.default_rng(4)
    observed, simulated = np.array([3.0, 9.0, 5.0]), rng.chisquare(1, (500, 3))
    raw = (1 + (simulated >= observed).sum(axis=0)) / 501
    adjusted = adjust(observed, simulated, raw, alike=True)
    single, down = by_hand(observed, simulated)
    assert adjusted.procedure == "max-T"
    np.testing.assert_allclose(adjusted.single_step, single, rtol=1e-12)
    np.testing.assert_allclose(adjusted.step_down, down, rtol=1e-12)
    assert (adjusted.single_step >= adjusted.step_down).all()
    assert (adjusted.step_down >= raw).all()


def test_min_P_is_max_T_of_ranks():
    """So it does not change if a statistic is put on another scale; max-T does."""
    rng = np.random.default_rng(5)
    observed, simulated = np.array([3.0, 9.0, 5.0]), rng.chisquare(1, (500, 3))
    raw = (1 + (simulated >= observed).sum(axis=0)) / 501
    pool = np.vstack([observed, simulated])
    p = (pool[None] >= pool[:, None]).mean(axis=1)  # of every draw among all
    np.testing.assert_allclose(p[0], raw)
    adjusted = adjust(observed, simulated, raw, alike=False)
    assert adjusted.procedure == "min-P"
    single, down = by_hand(-p[0], -p[1:])
    np.testing.assert_allclose(adjusted.single_step, single, rtol=1e-12)
    np.testing.assert_allclose(adjusted.step_down, down, rtol=1e-12)
    scale = np.array([1.0, 10.0, 100.0])
    again = adjust(observed * scale, simulated * scale, raw, alike=False)
    np.testing.assert_array_equal(again.single_step, adjusted.single_step)
    other = adjust(observed * scale, simulated * scale, raw, alike=True)
    assert abs(other.single_step - adjusted.single_step).max() > 0.1


def test_holm_and_bonferroni_are_those_of_r():
    """p.adjust(c(0.01, 0.02, 0.03, 0.5), "holm"): 0.04 0.06 0.06 0.50."""
    p = np.array([0.03, 0.01, 0.5, 0.02])
    adjusted = adjust(np.ones(4), np.ones((3, 4)), p, alike=True)
    np.testing.assert_allclose(adjusted.holm, [0.06, 0.04, 0.5, 0.06])
    np.testing.assert_allclose(adjusted.bonferroni, [0.12, 0.04, 1.0, 0.08])


@pytest.mark.parametrize("alike", [True, False])
def test_the_familywise_error_is_nominal(alike):
    """Ten statistics that go together, 2,000 data sets: P(least p ≤ α) = α, by either procedure.

    Controls: raw p-values reject too often, Holm's too rarely.
    """
    n, B, M, alpha = 2000, 99, 10, 0.1
    rng = np.random.default_rng(6)
    rejected = np.zeros(4)
    for _ in range(n):
        T = (rng.standard_normal((B + 1, 1)) + 0.4 * rng.standard_normal((B + 1, M))) ** 2
        raw = (1 + (T[1:] >= T[0]).sum(axis=0)) / (B + 1)
        adjusted = adjust(T[0], T[1:], raw, alike)
        kinds = (adjusted.single_step, adjusted.step_down, raw, adjusted.holm)
        rejected += [p.min() <= alpha + 1e-12 for p in kinds]
    single, down, raw, holm = rejected / n
    if alike:
        assert abs(single - alpha) <= 4 * mcse(alpha, n)
    else:  # least ranks are often equal, and a tie counts against rejection
        assert single <= alpha + 4 * mcse(alpha, n)
        assert single > holm
    assert down == single  # the first step is the same
    assert raw - alpha > 4 * mcse(alpha, n)
    assert alpha - holm > 4 * mcse(alpha, n)


def test_failed_draws_count_against_every_hypothesis():
    observed, simulated = np.array([3.0, 9.0]), np.ones((9, 2))
    simulated[0, 1] = np.nan
    for alike in (True, False):
        adjusted = adjust(observed, simulated, np.array([0.1, 0.2]), alike)
        assert adjusted.single_step[1] == 0.2


def test_several_alternatives_share_their_draws():
    models = {
        "sector": "mathach ~ ses + sector + (1 | school)",
        "sex": "mathach ~ ses + sex + (1 | school)",
        "minority": "mathach ~ ses + minority + (1 | school)",
    }
    together = simlab.pvalue(data("hs"), NULL, models, draws=999)
    assert list(together) == list(models)
    assert together.procedure == "max-T"
    T = np.column_stack([test.simulated for test in together.tests.values()])
    for name, formula in models.items():
        alone = simlab.pvalue(data("hs"), NULL, formula, draws=1)
        assert together[name].statistic == pytest.approx(alone.statistic, abs=1e-9)
        assert together[name].draws == 999
    observed = together.adjusted["statistic"].to_numpy()
    single, down = by_hand(observed, T)
    np.testing.assert_allclose(together.adjusted["single_step"], single)
    np.testing.assert_allclose(together.adjusted["step_down"], down)
    assert (together.adjusted["step_down"] <= together.adjusted["bonferroni"]).all()
    frame = together.to_frame()
    assert frame.loc[("sex", "simulated"), "holm"] == together.adjusted.loc["sex", "holm"]
    assert np.isnan(frame.loc[("sex", "naive χ²"), "holm"])
    with pytest.raises(simlab.Error, match="no alternative 'age'; there are sector, sex, minority"):
        together["age"]


def test_hypotheses_of_different_laws_are_compared_by_their_p_values():
    models = ["mathach ~ ses + sex + (1 | school)", "mathach ~ ses + (1 + ses || school)"]
    together = simlab.pvalue(data("hs"), NULL, models, draws=199, exact_draws=0)
    assert together.procedure == "min-P"
    assert {test.method for test in together.tests.values()} == {"ML"}
    assert "min-P compares each p" in " ".join(str(together).split())

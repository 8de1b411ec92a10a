"""P-values of a likelihood-ratio test by other ways than simulation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from simlab.fitting.hypotheses import wald
from simlab.fitting.record import DF
from simlab.moments import Floats
from simlab.testing.exact import NoExactNullError, exact_null
from simlab.testing.likelihood_ratio import chi2, mixture
from simlab.testing.monte_carlo import p_value, reaches
from simlab.testing.nested import NestedFits
from simlab.text.numbers import degrees

WALD: dict[str, DF] = {
    "Wald χ²": "normal",
    "Satterthwaite": "satterthwaite",
    "Kenward–Roger": "kenward-roger",
}
"""Tests of fixed effects in the alternative refitted by REML, and their degrees of freedom."""

FOR_MOMENTS = 50  # draws, with fewer of which their mean and variance are not worth having

nan = float("nan")


class Reference(NamedTuple):
    """A p-value by another way."""

    reference: str  # name of the way
    law: str  # to which the statistic is referred; "" where there is no such p-value
    statistic: float  # degrees of freedom are NaN where the law has none
    num_df: float
    den_df: float
    p_value: float  # NaN where there is none
    remark: str  # conditions on which it rests, or why it is lacking


def references(
    hypothesis: NestedFits, simulated: Floats | None, exact_draws: int, seed: int, jobs: int
) -> pd.DataFrame:
    """All the p-values that there are for a hypothesis, and why others are lacking, by "reference".

    Laws that take the moments of draws have those of `simulated` T*, (B,), NaN where a fit failed;
    the exact null distribution is drawn from `exact_draws` times, where there is one and this is
    not 0.
    """
    rows = [_naive(hypothesis)]
    if hypothesis.restriction.fixed_only:
        rows += _walds(hypothesis)
        if simulated is not None and np.isfinite(simulated).sum() >= FOR_MOMENTS:
            rows += _by_moments(hypothesis, simulated[np.isfinite(simulated)])
    else:
        rows.append(_mixture(hypothesis))
        if exact_draws:
            rows.append(_exact(hypothesis, exact_draws, seed, jobs))
    return pd.DataFrame(rows, columns=list(Reference._fields)).set_index("reference")


def _naive(h: NestedFits) -> Reference:
    """Reference of the χ² of df parameters, as if none were at a boundary."""
    df, _, random = h.restriction
    remark = "holds as the number of clusters grows"
    if random:
        at = "a variance is" if random == 1 else f"{random} variances are"
        remark = f"conservative, for under H0 {at} at the boundary"
    T = h.statistic
    return Reference("naive χ²", f"χ²({df})", T, df, nan, chi2(T, df), remark)


def _lacking(name: str, remark: str) -> Reference:
    return Reference(name, "", nan, nan, nan, nan, remark)


def _mixture(h: NestedFits) -> Reference:
    """Reference of the mixture of χ² laws; or why there is none."""
    T, name, parts = h.statistic, "χ̄² mixture", h.restriction.mixture
    if not (random := h.restriction.random):
        remark = "none is needed, for no variance is at a boundary under H0: χ² is the law"
        return _lacking(name, remark)
    if not parts:
        remark = (
            f"none in closed form: {random} variances are at the boundary, so its weights depend "
            "on the design"
        )
        return _lacking(name, remark)
    law = " + ".join(f"½χ²({df})" for _, df in parts)
    remark = "holds as the number of clusters grows (Self & Liang 1987, Stram & Lee 1994)"
    if not h.linear and h.null.singular:
        remark = "its conditions fail: the null model is singular, so other variances are 0 too"
    return Reference(name, law, T, nan, nan, mixture(T, parts), remark)


def _exact(h: NestedFits, draws: int, seed: int, jobs: int) -> Reference:
    """Exact in samples of any size, or by a law that is exact for a like model and then says so."""
    T, (df, q, _) = h.statistic, h.restriction
    try:
        null = exact_null(h.alternative, h.null_random, h.new_effect, q, df, draws, seed, jobs)
    except NoExactNullError as error:
        return _lacking("exact null", f"does not exist: {error.args[0]}")
    p = p_value(reaches(null.statistics, T))
    return Reference(f"{null.kind} null", f"{draws:,} draws", T, nan, nan, p, null.conditions)


def _walds(h: NestedFits) -> Iterator[Reference]:
    """Wald tests of the same contrasts in the alternative by REML."""
    fit = h.alternative.refit(method="REML")
    for name, df in WALD.items():
        test = wald(fit, h.contrasts, df)
        remark = "; ".join(["Wald tests in the alternative refitted by REML", *test.notes])
        num, den = test.num_df, test.den_df
        law, value = _law_F(num, den), test.F
        if test.chi2 is not None:
            law, value, den = f"χ²({num})", test.chi2, nan
        yield Reference(name, law, value, num, den, test.p_value, remark)


def _by_moments(h: NestedFits, simulated: Floats) -> Iterator[Reference]:
    """Laws with the moments of the draws, as in Halekoh & Højsgaard (2014, JSS 59(9), section 5).

    Bartlett: T·df/Ē ~ χ²(df), Ē the mean of T*. Gamma: of the same mean and variance. F: T/df ~
    F(df, d) of the same mean, d = 2E/(E − 1) with E = Ē/df; it needs E > 1. (pbkrtest takes Ē for
    E, which is the same for df = 1 only.)
    """
    T, df = h.statistic, h.restriction.df
    mean, variance = float(simulated.mean()), float(simulated.var(ddof=1))
    remark = (
        "laws with the mean of T* (gamma: and its variance), which smooth what was simulated, "
        "also beyond the least p that draws can give"
    )
    corrected = T * df / mean
    yield Reference("Bartlett", f"χ²({df})", corrected, df, nan, chi2(corrected, df), remark)
    shape, scale = mean**2 / variance, variance / mean
    p = float(special.gammaincc(shape, T / scale))
    yield Reference("gamma", f"Γ({shape:.3g}, {scale:.3g})", T, nan, nan, p, remark)
    ratio = mean / df
    if ratio > 1:
        den = 2 * ratio / (ratio - 1)
        p = float(special.fdtrc(df, den, T / df))
        yield Reference("F", _law_F(df, den), T / df, df, den, p, remark)
    else:
        yield _lacking("F", "no such law, for the mean of T* is not above its df")


def _law_F(num: float, den: float) -> str:
    return f"F({num}, {degrees(den)})"

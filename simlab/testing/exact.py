"""The exact null distribution of the test of one variance component, where it exists.

It exists when the null model is linear and the alternative has one random effect more; the
variance is then tested alone, or together with fixed effects (by ML). Where an independent random
effect is added to others, the law of the model with the tested effect alone is a good approximation
(Greven, Crainiceanu, Küchenhoff & Peters 2008, Journal of Computational and Graphical Statistics
17:870). It is never passed off as exact.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from simlab.fitting.errors import FitError
from simlab.fitting.result import MixedFit
from simlab.mixed.exact import Eigenvalues, draw, eigenvalues, null_law
from simlab.moments import Floats
from simlab.testing.draws import EXACT_DRAWS, in_chunks


class NoExactNullError(FitError):
    """There is no exact null distribution, nor an approximation; the argument says why."""

    def __str__(self) -> str:
        return f"no exact null distribution: {self.args[0]}"


class ExactNull(NamedTuple):
    """Draws of the likelihood-ratio statistic under the null hypothesis."""

    # D₀ − D₁, differences of deviances, (B,); 0 where the variance is estimated as 0
    statistics: Floats
    # exact for normal errors in samples of any size, or an approximation
    kind: Literal["exact", "approximate"]
    conditions: str  # on which it rests, in one line


def exact_null(
    alternative: MixedFit,
    null_random: tuple[str, ...],
    added: int | None,
    q: int = 0,
    df: int | None = None,
    draws: int = 100_000,
    seed: int = 0,
    jobs: int = -1,
) -> ExactNull:
    """Draw from the exact null distribution of the test of one variance.

    No model is fitted: the statistic is drawn as a function of J + 1 independent χ². `null_random`
    are the random effects of the null model, with the covariances that they have in the
    alternative; `added` is the tested one, by its index there, None if it is not clear which. The
    null model lacks q fixed effects, and df (1 + q by default) parameters in all.

    Raises
    ------
    NoExactNullError
        If there is none.
    """
    if draws < 1:
        raise FitError(f"draws is {draws}; at least 1 is needed")
    known = _known(alternative, null_random, added, q, 1 + q if df is None else df)
    law = null_law(known, alternative.method == "REML", q)
    chunks = in_chunks(lambda rng, B: draw(rng, law, B), draws, seed, EXACT_DRAWS, jobs)
    statistics = np.concatenate(list(chunks))[:draws]
    kind: Literal["exact", "approximate"] = "approximate" if null_random else "exact"
    assert added is not None
    name = alternative.design.random_names[added]
    return ExactNull(statistics, kind, _conditions(name, alternative.method, null_random, q))


def _known(
    fit: MixedFit, null_random: tuple[str, ...], added: int | None, q: int, df: int
) -> Eigenvalues:
    """Eigenvalues that the law depends on, where there is such a law."""
    reason = _why_not(fit, null_random, added, q, df)
    if added is None or reason:
        raise NoExactNullError(reason)
    name, known = fit.design.random_names[added], eigenvalues(fit.clusters.rotated, added)
    if not len(known.mu):
        raise NoExactNullError(f"the fixed effects take up all of the random effect '{name}'")
    if known.df < 1:
        raise NoExactNullError(
            f"'{name}' and the fixed effects fit all rows exactly, no residual is left"
        )
    return known


def _why_not(
    fit: MixedFit, null_random: tuple[str, ...], added: int | None, q: int, df: int
) -> str:
    """Reason why models of this form have no such law; empty if they may have."""
    names, blocks = fit.design.random_names, fit.design.blocks
    tested = len(names) - len(null_random)
    if tested < 1:
        return "no variance is tested, only fixed effects or covariances"
    if tested > 1:
        return f"{tested} variances are tested at once, and it exists for one at a time"
    if added is None or names[added] in null_random:
        return "the random effects of the null model are not those of the alternative"
    name = names[added]
    if (blocks == blocks[added]).sum() > 1:
        return (
            f"the covariances of '{name}' are tested together with its variance; it exists "
            "for an independent effect, written with || or a bar of its own"
        )
    if fit.method == "REML" and q > 0:
        return (
            "the models are by REML and have different fixed parts, so that their "
            'likelihoods cannot be compared; refit both with method="ML"'
        )
    if fit.method == "ML" and null_random:
        return (
            "the null model has other random effects, and the approximation for that "
            'case is by REML; refit both with method="REML"'
        )
    if df > q + 1:
        return "covariances of other random effects are tested together with the variance"
    return ""


def _conditions(name: str, method: str, null_random: tuple[str, ...], q: int) -> str:
    """Sentence on whether the null distribution is exact, and of which test."""
    errors = "normal errors"
    if null_random:
        others = ", ".join(f"'{other}'" for other in null_random)
        return (
            f"an approximation (Greven et al. 2008), with {errors}, by REML: the null distribution "
            f"as if '{name}' were the only random effect, though the null model has {others}"
        )
    fixed = f"{q} fixed effect{'s' * (q > 1)} and the variance" if q else "the variance"
    return (
        f"exact (Crainiceanu & Ruppert 2004) in samples of any size, with {errors}, by "
        f"{method}: a linear null model, and {fixed} of '{name}' tested"
    )

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
from simlab.mixed.exact import Eigenvalues, draw, from_gram, null_law
from simlab.moments import Floats
from simlab.testing.draws import EXACT_DRAWS, in_chunks


class ExactNull(NamedTuple):
    """Draws of the likelihood-ratio statistic under the null hypothesis.

    Attributes
    ----------
    statistics : (B,)
        D₀ − D₁, differences of deviances; 0 where the variance is estimated as 0.
    kind : {"exact", "approximate"}
        Exact for normal errors in samples of any size, or an approximation.
    conditions : str
        What it rests on, in one line.
    """

    statistics: Floats
    kind: Literal["exact", "approximate"]
    conditions: str


def exact_null(
    alternative: MixedFit,
    null_random: tuple[str, ...],
    added: int,
    q: int = 0,
    draws: int = 100_000,
    seed: int = 0,
    jobs: int = -1,
) -> ExactNull:
    """Draw from the exact null distribution of the test of one variance.

    No model is fitted: the statistic is drawn as a function of J + 1 independent χ².

    Parameters
    ----------
    alternative : MixedFit
        The larger model.
    null_random : tuple of str
        Random effects of the null model, with the covariances that they have in the alternative;
        empty for a linear model.
    added : int
        The tested random effect, by its place among those of the alternative.
    q : int
        Fixed effects that the alternative has and the null model has not.
    draws : int
        How many, at least 1.
    seed : int
        Of the random streams.
    jobs : int
        Threads; −1 for one per core. No number depends on it.

    Returns
    -------
    ExactNull

    Raises
    ------
    FitError
        With the line of `no_exact_null` if there is none.
    """
    if draws < 1:
        raise FitError(f"draws is {draws}; at least 1 is needed")
    found = eigenvalues(alternative, added)
    reason = _why_not(alternative, null_random, added, q, found)
    if reason is not None:
        raise FitError(reason)
    law = null_law(found, alternative.method == "REML", q)
    chunks = in_chunks(lambda rng, B: draw(rng, law, B), draws, seed, EXACT_DRAWS, jobs)
    statistics = np.concatenate(list(chunks))[:draws]
    kind: Literal["exact", "approximate"] = "approximate" if null_random else "exact"
    return ExactNull(statistics, kind, _conditions(alternative, null_random, added, q))


def no_exact_null(
    alternative: MixedFit, null_random: tuple[str, ...], added: int | None, q: int = 0
) -> str | None:
    """Say why there is no exact null distribution, nor its approximation; None if there is one.

    Parameters
    ----------
    alternative, null_random, q
        As for `exact_null`.
    added : int or None
        The tested random effect; None if it is not clear which that is.

    Returns
    -------
    str or None
        One line.
    """
    found = None if added is None else eigenvalues(alternative, added)
    return _why_not(alternative, null_random, added, q, found)


def eigenvalues(fit: MixedFit, added: int) -> Eigenvalues:
    """Eigenvalues of one random effect, as though it were alone.

    From the rotated clusters, in the engine's units: columns are centred and scaled there, and
    no row is looked at.

    Parameters
    ----------
    fit : MixedFit
        The alternative.
    added : int
        The random effect, by its place; independent of the others.

    Returns
    -------
    Eigenvalues
    """
    rotated = fit.clusters.rotated
    K, x = rotated.K[:, added], rotated.xy[:, :, :-1]
    XX = np.einsum("jak,jal->kl", x, x) + rotated.rest[0, :-1, :-1]
    return from_gram((K**2).sum(axis=1), np.einsum("ja,jak->jk", K, x), XX, fit.nobs)


def _why_not(
    fit: MixedFit,
    null_random: tuple[str, ...],
    added: int | None,
    q: int,
    found: Eigenvalues | None,
) -> str | None:
    names, blocks = fit.design.random_names, fit.design.blocks
    tested = len(names) - len(null_random)
    start = "no exact null distribution:"
    if tested < 1:
        return f"{start} no variance is tested, only fixed effects or covariances"
    if tested > 1:
        return f"{start} {tested} variances are tested at once, and it exists for one at a time"
    if added is None or found is None or names[added] in null_random:
        return f"{start} the random effects of the null model are not those of the alternative"
    name = names[added]
    if (blocks == blocks[added]).sum() > 1:
        return (
            f"{start} the covariances of '{name}' are tested together with its variance; it exists "
            "for an independent effect, written with || or a bar of its own"
        )
    if fit.method == "REML" and q > 0:
        return (
            f"{start} the models are by REML and have different fixed parts, so that their "
            'likelihoods cannot be compared; refit both with method="ML"'
        )
    if fit.method == "ML" and null_random:
        return (
            f"{start} the null model has other random effects, and the approximation for that "
            'case is by REML; refit both with method="REML"'
        )
    if not len(found.mu):
        return f"{start} the fixed effects take up all of the random effect '{name}'"
    if found.df < 1:
        return f"{start} '{name}' and the fixed effects fit all rows exactly, no residual is left"
    return None


def _conditions(fit: MixedFit, null_random: tuple[str, ...], added: int, q: int) -> str:
    name, errors = fit.design.random_names[added], "normal errors"
    if null_random:
        others = ", ".join(f"'{other}'" for other in null_random)
        return (
            f"an approximation (Greven et al. 2008), with {errors}, by REML: the null distribution "
            f"as if '{name}' were the only random effect, though the null model has {others}"
        )
    fixed = f"{q} fixed effect{'s' * (q > 1)} and the variance" if q else "the variance"
    return (
        f"exact (Crainiceanu & Ruppert 2004) in samples of any size, with {errors}, by "
        f"{fit.method}: a linear null model, and {fixed} of '{name}' tested"
    )

"""Bootstrap samples of a fit: parametric, or of whole clusters; refitted in the compiled loop.

Parametric draws are y = Xγ̂ + σ̂y*, y* without a fixed part: γ̂* = γ̂ + σ̂Aγ̃*, G* = σ̂²G̃*,
σ*² = σ̂²σ̃*². Draws of clusters are in the units of the fit: γ̂* = b + s_y Aγ̃*, G* = s_y²G̃*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from simlab.fitting.result import MixedFit
from simlab.formula import Design
from simlab.mixed.deletion import aliased
from simlab.mixed.many import Refits, refit_clusters
from simlab.mixed.reduced import refit
from simlab.mixed.rows import sort
from simlab.moments import Floats, Ints
from simlab.parallel import in_threads
from simlab.testing.bootstrapping.row_samples import of_clusters, of_responses
from simlab.testing.bootstrapping.statistics import Estimates
from simlab.testing.draws import BOOTSTRAP, CHUNK, CLUSTER_BOOTSTRAP, in_chunks, join
from simlab.testing.monte_carlo import Bools


def of_fit(fit: MixedFit) -> Estimates:
    """Return the estimates of the fit itself, as B = 1."""
    o, s_y = fit.optimum, fit.clusters.units.s_y
    G = s_y**2 * o.sigma2 * o.delta
    spread = _spread(_sums(fit), np.ones((1, fit.nclusters)))
    B = fit.clusters.units.B
    return Estimates(fit.gamma[None], G[None], np.array([fit.sigma2]), B, *spread)


class Sample(NamedTuple):
    """A chunk of draws, refitted, and as rows for functions of a fit, made one by one if asked."""

    estimates: Estimates
    designs: Iterator[Design | None]  # None where a column is lost


def parametric(fit: MixedFit, draws: int, seed: int, jobs: int) -> Iterator[Sample]:
    """Draw u ~ N(0, Ĝ) and ε ~ N(0, σ̂²), and refit; yield a chunk of draws at a time."""
    joint = join([fit])
    sigma = float(np.sqrt(fit.sigma2))
    spread = _spread(_sums(fit), np.ones((1, fit.nclusters)))

    def chunk(rng: Generator, size: int) -> Sample:
        """Sample of `size` responses drawn from the fitted model, refitted."""
        responses = joint.draw(rng, size)
        fits = refit(joint.models[0], responses)
        estimates = _estimates(fit, fits, fit.gamma, sigma, *spread)
        return Sample(estimates, of_responses(fit, joint, responses, rng))

    return in_chunks(chunk, draws, seed, BOOTSTRAP, jobs)


def clusters(fit: MixedFit, draws: int, seed: int, jobs: int) -> Iterator[Sample]:
    """Draw J of the J clusters with replacement, and refit; yield a chunk of draws at a time."""
    refitted, J = _refitted(fit), fit.nclusters

    def chunk(rng: Generator, size: int) -> Sample:
        """Sample of `size` sets of J clusters drawn with replacement, refitted."""
        return refitted(rng.integers(J, size=(size, J)))

    return in_chunks(chunk, draws, seed, CLUSTER_BOOTSTRAP, jobs)


def jackknife(fit: MixedFit, jobs: int) -> Iterator[Sample]:
    """Refit with one of the J clusters left out, in turn; yield a chunk of them at a time."""
    refitted, J = _refitted(fit), fit.nclusters

    def chunk(first: int) -> Sample:
        """Sample of the fits without each of `CHUNK` clusters."""
        return refitted(all_but(np.arange(first, min(first + CHUNK, J)), J))

    return in_threads(chunk, ((first,) for first in range(0, J, CHUNK)), jobs)


def all_but(left_out: Ints, J: int) -> Ints:
    """Return the J clusters less one, (M,) to (M, J − 1)."""
    others = np.arange(J - 1)
    return others + (others >= left_out[:, None])


def estimable(fit: MixedFit, chosen: Ints) -> Bools:
    """Whether X and Z keep their rank in the chosen clusters, (B, J') to (B,) bool."""
    times = _counts(chosen, fit.nclusters)
    lost = np.zeros(len(chosen), dtype=bool)
    for gram in _grams(fit):
        lost |= aliased(np.tensordot(times, gram, 1), gram.sum(axis=0)) >= 0
    return ~lost


def dispensable(fit: MixedFit) -> Bools:
    """Whether X and Z keep their rank without each cluster, (J,) bool."""
    lost = np.zeros(fit.nclusters, dtype=bool)
    for gram in _grams(fit):
        whole = gram.sum(axis=0)
        lost |= aliased(whole - gram, whole) >= 0
    return ~lost


def _grams(fit: MixedFit) -> tuple[Floats, Floats]:
    """X̃_j'X̃_j and Z̃_j'Z̃_j of each cluster, (J, k, k) and (J, r, r)."""
    k = fit.clusters.rotated.xy.shape[2] - 1
    x, K = fit.clusters.rotated.xy[:, :, :k], fit.clusters.rotated.K
    fixed = np.einsum("jac,jad->jcd", x, x) + fit.clusters.rest[:, :k, :k]
    return fixed, K @ K.transpose(0, 2, 1)


def _refitted(fit: MixedFit) -> Callable[[Ints], Sample]:
    """Return a function that refits to chosen clusters, (B, J')."""
    rotated, rest, n, units, *_ = fit.clusters
    sums = _sums(fit)

    def refitted(chosen: Ints) -> Sample:
        """Fits to chosen clusters (B, J'); NaN where X or Z lose rank."""
        fits = refit_clusters(rotated, rest, n, chosen, fit.method == "REML")
        fine = estimable(fit, chosen)
        fits.sigma2[~fine] = np.nan
        spread = _spread(sums, _counts(chosen, len(n)))
        estimates = _estimates(fit, fits, units.b, units.s_y, *spread)
        return Sample(estimates, of_clusters(fit, chosen, fine))

    return refitted


def _estimates(
    fit: MixedFit, fits: Refits, origin: Floats, scale: float, xx: Floats, zz: Floats
) -> Estimates:
    """γ = origin + scale·Aγ̃, G and σ² times scale²."""
    units = fit.clusters.units
    failed = np.isnan(fits.sigma2)
    fits.gamma[failed], fits.G[failed] = np.nan, np.nan
    gamma = origin + scale * fits.gamma @ units.A.T
    return Estimates(gamma, scale**2 * fits.G, scale**2 * fits.sigma2, units.B, xx, zz)


def _counts(chosen: Ints, J: int) -> Floats:
    """Number of times that a cluster is chosen, (B, J') to (B, J)."""
    B = len(chosen)
    indices = chosen + J * np.arange(B)[:, None]
    return np.bincount(indices.ravel(), minlength=B * J).reshape(B, J).astype(float)


# ------------------------------------------------------------- rows: spread of X and of Z̃


class _Sums(NamedTuple):
    """Sums over the rows of each cluster."""

    # products of [1 X_c], X_c being X less its mean so that no digits are lost, (J, p + 1, p + 1)
    xx: Floats
    zz: Floats  # Z̃_j'Z̃_j, (J, r, r)


def _sums(fit: MixedFit) -> _Sums:
    """Sums of squares and products of X, and K_jK_j', by cluster."""
    X, K = fit.design.X, fit.clusters.rotated.K
    rows, first = sort(fit.design.cluster)
    X = np.column_stack([np.ones(len(X)), X - X.mean(axis=0)])[rows]
    products = [np.add.reduceat(X * X[:, [a]], first[:-1]) for a in range(X.shape[1])]
    return _Sums(np.stack(products, axis=1), K @ K.transpose(0, 2, 1))


def _spread(sums: _Sums, times: Floats) -> tuple[Floats, Floats]:
    """Covariance of X over the rows, and mean of z̃z̃', clusters counted so many times, (B, J)."""
    xx, zz = (np.tensordot(times, part, 1) for part in sums)
    N, total = xx[:, :1, :1], xx[:, 1:, :1]
    return (xx[:, 1:, 1:] - total @ xx[:, :1, 1:] / N) / (N - 1), zz / N

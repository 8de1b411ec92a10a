"""Estimators: what they are, what they receive and what they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from simlab.moments import Floats, Moments, Rows
from simlab.words import Kind, Status, Target, term_names

Estimand = Target | Literal["mixture"]
Truth = Mapping[str, float] | Callable[[dict[str, Any]], Mapping[str, float]] | None


class Known(NamedTuple):
    """True variances, for estimators that know them: G (2, 2) and σ²."""

    G: Floats
    sigma2: float


class About(NamedTuple):
    """Facts of a sample that a user's method may ask for, besides its numbers."""

    sectors: tuple[str, ...]
    # rows of a replicate, by its index in the sample, as a data frame of its own
    frame: Callable[[int], pd.DataFrame]
    # a random stream, by the index of a replicate in the sample and the name of a method
    rng: Callable[[int, str], Generator]
    numbers: tuple[int, ...]  # of the B replicates, in their condition
    level: float  # of the study's intervals

    def at(self, b: int) -> About:
        """Return the same for the one replicate at b."""
        return self._replace(
            frame=lambda _: self.frame(b),
            rng=lambda _, name: self.rng(b, name),
            numbers=self.numbers[b : b + 1],
        )


class Centred(NamedTuple):
    """Moments whose means are about the point (x, y), where they keep their digits.

    A float near 10⁶ has no digit beyond 10⁻¹⁰, and so has the mean of a cluster there; about the
    grand mean it has all of them.
    """

    moments: Moments
    x: float
    y: float


class Sample(NamedTuple):
    """B replicates of a data set, as an estimator sees them."""

    moments: Moments
    known: Known | None = None  # true variances
    rows: Rows | None = None  # for the methods that need them
    about: About | None = None  # what a method of the user may ask
    # moments about the grand mean; of a data set, which has rows to take them from
    about_mean: Centred | None = None

    @property
    def centred(self) -> Centred:
        """The moments about the grand mean, or as they are. A method may use these or `moments`."""
        return self.about_mean or Centred(self.moments, 0.0, 0.0)

    def at(self, b: int) -> Sample:
        """Return the sample of one replicate."""
        one = slice(b, b + 1)
        rows = self.rows and self.rows._replace(first=self.rows.first[one])
        return self._replace(
            moments=self.moments.take(one),
            rows=rows,
            about=self.about and self.about.at(b),
            about_mean=self.about_mean
            and self.about_mean._replace(moments=self.about_mean.moments.take(one)),
        )


class Estimates(NamedTuple):
    """B replicates of an estimator's T terms.

    Terms are ordered by kind and, within a kind, sector by sector and then sector s minus the first
    sector; `Estimator.others` come last. NaN where a replicate has no estimate.
    """

    estimate: Floats  # (B, T), as the following two
    std_error: Floats
    df: Floats
    status: NDArray[np.int8]  # values of `Status`, (B,)
    dropped: NDArray[np.int32]  # clusters that could not be used, (B,)
    G: Floats | None = None  # variance components of a mixed model: G (B, 2, 2), σ² (B,)
    sigma2: Floats | None = None
    # intervals and p-values of the method's own, (B, T), instead of those of Student's t
    lower: Floats | None = None
    upper: Floats | None = None
    p_value: Floats | None = None
    # what went wrong in the replicates with status error, by their index
    messages: Mapping[int, str] = MappingProxyType({})
    # of the user's code, by the index of the replicate
    warnings: Mapping[int, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Estimator:
    """A method, as the registry holds it."""

    name: str  # as written in configurations, and of its file
    # what it estimates in each sector; `slope` is the coefficient of x as the method has it: of x
    # in a row, or of x̄_j when it regresses means
    kinds: tuple[Kind, ...]
    estimand: Estimand  # what its slope is for: β_W, β_B, or neither alone
    fit: Callable[[Sample], Estimates]
    # λ of its probability limit β_W + λ(β_B − β_W), where it has a closed form
    lambda_: Callable[[SizeMoments], float] | None = None
    # that it averages the clusters' own lines, each alike or by its ss_x: what it aims at when the
    # clusters stay the same
    averages: Literal["equally", "by information"] | None = None
    needs: Literal["moments", "rows"] = "moments"  # what `Sample` must hold
    mixed: bool = False  # whether it estimates G and σ²
    # whether it needs the true variances, and so cannot be used on data
    oracle: bool = False
    # whether it is linear in y once its variances are fixed, so that its limit can be computed
    linear: bool = True
    # terms besides those of `kinds`, named as they are; of all sectors at once
    others: tuple[str, ...] = ()
    # what is true of `others`: numbers by term, or a function of the population, as a mapping of
    # what the study's file says of it, that returns these
    truth: Truth = None

    def terms(self, sectors: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of its T terms."""
        return (*term_names(self.kinds, sectors), *self.others)


class SizeMoments(NamedTuple):
    """Moments of one sector's x and sizes, for probability limits in closed form."""

    n: float  # E n_j and E 1/n_j
    inverse_n: float
    between: float  # variance of the latent cluster means m_j, and of x about them
    within: float
    latent: bool  # whether β_B − β_W multiplies m_j (True) or the sample mean x̄_j


def none_between(_: SizeMoments) -> float:
    """λ = 0: the method uses nothing but the variation within clusters."""
    return 0.0


def sector_contrasts(n_sectors: int) -> Floats:
    """Each sector, then each later sector minus the first. (2S − 1, S)."""
    identity = np.eye(n_sectors)
    return np.vstack([identity, identity[1:] - identity[0]])


def contrasts(weights: Floats, n_sectors: int) -> Floats:
    """Apply the (K, k) weights of kinds in each sector and difference of sectors. (T, S, k)."""
    product = weights[:, None, None, :] * sector_contrasts(n_sectors)[None, :, :, None]
    return product.reshape(-1, n_sectors, weights.shape[1])


def assemble(
    coefficients: list[Floats],
    variances: list[Floats],
    df: Floats,
    dropped: NDArray[np.int32] | None = None,
    alone: bool = False,
) -> Estimates:
    """Turn independent coefficients of the sectors into terms; one (B, S) for each kind.

    df is (B,) for all terms or (B, T). A replicate with no positive degrees of freedom or no finite
    standard error is not estimable, unless estimates stand `alone`: then their errors are NaN.
    """
    C = sector_contrasts(coefficients[0].shape[-1])
    estimate = np.concatenate([b @ C.T for b in coefficients], axis=-1)
    with np.errstate(invalid="ignore"):
        std_error = np.sqrt(np.concatenate([v @ (C * C).T for v in variances], axis=-1))
    df = np.broadcast_to(df if df.ndim == 2 else df[:, None], estimate.shape)
    known = (np.isfinite(std_error) & (df > 0)).all(axis=-1)
    bad = ~(np.isfinite(estimate).all(axis=-1) & (known | alone))
    blank, unknown = bad[:, None], (bad | ~known)[:, None]
    return Estimates(
        np.where(blank, np.nan, estimate),
        np.where(unknown, np.nan, std_error),
        np.where(unknown, np.nan, df),
        np.where(bad, Status.NOT_ESTIMABLE, Status.OK).astype(np.int8),
        np.zeros(len(bad), dtype=np.int32) if dropped is None else dropped,
    )

"""What an estimator is, what it receives and what it returns."""

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
    """True variances, for estimators that are told them: G (2, 2) and σ²."""

    G: Floats
    sigma2: float


class About(NamedTuple):
    """What a method of the user may ask of a sample, beside its numbers.

    Attributes
    ----------
    sectors : tuple of str
        Their names.
    frame : callable
        Rows of a replicate, by its place in the sample, as a data frame of its own.
    rng : callable
        A random stream, by a replicate's place in the sample and the name of a method.
    numbers : tuple of int
        Numbers of the B replicates in their condition.
    level : float
        Level of the study's intervals.
    """

    sectors: tuple[str, ...]
    frame: Callable[[int], pd.DataFrame]
    rng: Callable[[int, str], Generator]
    numbers: tuple[int, ...]
    level: float

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
    """B replicates of a data set, as an estimator sees them.

    Attributes
    ----------
    moments : Moments
        Of the clusters.
    known : Known, optional
        True variances.
    rows : Rows, optional
        The rows, for the methods that need them.
    about : About, optional
        What a method of the user may ask.
    about_mean : Centred, optional
        The moments about the grand mean; of a data set, which has rows to take them from.
    """

    moments: Moments
    known: Known | None = None
    rows: Rows | None = None
    about: About | None = None
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

    Terms are ordered by kind and, within a kind, sector by sector and then
    sector s minus the first sector; `Estimator.others` come last.

    Attributes
    ----------
    estimate, std_error, df : (B, T)
        NaN where a replicate has none.
    status : (B,)
        Values of `Status`.
    dropped : (B,)
        Number of clusters that could not be used.
    G, sigma2 : (B, 2, 2), (B,), optional
        Variance components of a mixed model.
    lower, upper, p_value : (B, T), optional
        Intervals and p-values of the method's own, which take the place of those of Student's t.
    messages : dict of int to str, optional
        What went wrong in the replicates with status error, by their place.
    warnings : dict of int to tuple of str, optional
        Warnings of the user's code, by the place of the replicate.
    """

    estimate: Floats
    std_error: Floats
    df: Floats
    status: NDArray[np.int8]
    dropped: NDArray[np.int32]
    G: Floats | None = None
    sigma2: Floats | None = None
    lower: Floats | None = None
    upper: Floats | None = None
    p_value: Floats | None = None
    messages: Mapping[int, str] = MappingProxyType({})
    warnings: Mapping[int, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Estimator:
    """A method, as the registry holds it.

    Attributes
    ----------
    name : str
        As written in configurations, and of its file.
    kinds : tuple of Kind
        What it estimates in each sector. `slope` is the coefficient of x as the
        method has it: of x in a row, or of x̄_j when it regresses means.
    estimand : Estimand
        What its slope is for: β_W, β_B, or neither alone.
    fit : callable
        Sample to Estimates.
    share : callable, optional
        λ of its probability limit β_W + λ(β_B − β_W), from the population's
        `SizeMoments`; omitted when it has no closed form.
    averages : "equally" or "by information", optional
        That it averages the clusters' own lines, each alike or by its ss_x: what
        it aims at when the clusters stay the same.
    needs : "moments" or "rows"
        What `Sample` must hold.
    mixed : bool
        Whether it estimates G and σ².
    oracle : bool
        Whether it must be told the truth, and so cannot be used on data.
    linear : bool
        Whether it is linear in y once its variances are fixed, so that its probability limit can
        be computed.
    others : tuple of str
        Terms that it estimates beside those of `kinds`, named as they are; of all sectors at once.
    truth : mapping or callable, optional
        What is true of `others`: numbers by term, or a function of the population, as a mapping of
        what the study's file says of it, that returns these.
    """

    name: str
    kinds: tuple[Kind, ...]
    estimand: Estimand
    fit: Callable[[Sample], Estimates]
    share: Callable[[SizeMoments], float] | None = None
    averages: Literal["equally", "by information"] | None = None
    needs: Literal["moments", "rows"] = "moments"
    mixed: bool = False
    oracle: bool = False
    linear: bool = True
    others: tuple[str, ...] = ()
    truth: Truth = None

    def terms(self, sectors: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of its T terms."""
        return (*term_names(self.kinds, sectors), *self.others)


class SizeMoments(NamedTuple):
    """What closed-form probability limits need of one sector's x and sizes.

    Attributes
    ----------
    n, inverse_n : float
        E n_j and E 1/n_j.
    between, within : float
        Variance of the latent cluster means m_j, and of x about them.
    latent : bool
        Whether β_B − β_W multiplies m_j (True) or the sample mean x̄_j.
    """

    n: float
    inverse_n: float
    between: float
    within: float
    latent: bool


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
    """Turn independent coefficients of the sectors into terms.

    Parameters
    ----------
    coefficients, variances : list of (B, S)
        One per kind.
    df : (B,) or (B, T)
        Degrees of freedom of all terms, or of each.
    dropped : (B,), optional
        Clusters left out.
    alone : bool
        Whether an estimate stands without a standard error, which is then NaN.

    Returns
    -------
    Estimates
        A replicate with no positive degrees of freedom or no finite standard
        error is not estimable, unless its estimates stand alone.
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

"""Performance measures: functions of means over replicates, with their derivatives.

With means m of quantities z of n replicates, the value is f(m). Its Monte Carlo standard error is
that of the infinitesimal jackknife (Efron 1982, *The Jackknife, the Bootstrap and Other Resampling
Plans*, chapter 6),

    MCSE² = Σψ_i²/(n(n − 1)),   ψ_i = f'(m)·(z_i − m),

which takes nothing for normal: S = √m with z_i = (θ̂_i − mean θ̂)² has ψ_i = (z_i − S²)/(2S). A
share p has MCSE √(p(1 − p)/n).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from simlab.errors import ArgumentError
from simlab.performance.moments import Counts, Floats, Moments, Powers, quietly
from simlab.performance.stream import Replicates, Stream

Z = 1.96
"""Half-width of a 95 % interval, in standard errors."""


class Measured(NamedTuple):
    """A performance measure, cell by cell.

    Attributes
    ----------
    value, mcse : ndarray of float, shape (...)
        The measure, NaN where it is undefined or no replicate is available; its Monte Carlo
        standard error, in the same unit, NaN where n < 2.
    n : ndarray of int, shape (...)
        Replicates that entered.
    """

    value: Floats
    mcse: Floats
    n: Counts


@dataclass(frozen=True)
class Means:
    """Means over replicates, of which a measure is a function; `m[i]` is that of its i-th feature.

    `features` (...) are a mean where the power is 1, a variance or covariance with divisor n − 1
    where it is 2; `theta` and `centre` (...) the target, and what estimates were summed about;
    `covariance` of i and j is the centred sum of products of two features.
    """

    features: tuple[Floats, ...]
    n: Counts
    theta: Any
    centre: Any
    covariance: Callable[[int, int], Floats]

    def __getitem__(self, i: Any) -> Any:
        return self.features[i]


def over(a: Any, b: Any) -> Any:
    """a/b, NaN where b = 0: what is divided by it is undefined there, not infinite."""
    return a / np.where(np.asarray(b) == 0, np.nan, b)


def by_name(measure: str, names: Sequence[str], arrays: Sequence[ArrayLike]) -> dict[str, Floats]:
    """Name the arrays that a measure is called with."""
    if len(names) != len(arrays):
        raise ArgumentError(f"{measure} needs {', '.join(names)}; {len(arrays)} arrays are given")
    return {k: np.asarray(x, dtype=np.float64) for k, x in zip(names, arrays, strict=True)}


def first(m: Means) -> Floats:
    """Return the first mean: the value of a measure that is one."""
    return m.features[0]


def one(m: Means) -> tuple[Any, ...]:  # noqa: ARG001
    """Return the derivative of `first`."""
    return (1.0,)


@dataclass(frozen=True)
class Measure:
    """A performance measure.

    Called with arrays (..., n), replicates last, in the order of `arguments`, it measures them.

    Attributes
    ----------
    name : str
        Name of its variable; `<name>_mcse`, `<name>_n`, `<name>_low`, `<name>_high` go with it.
    long_name, units : str
        As in the CF conventions; units "1" is a ratio or a share.
    definition : str
        Formula or sentence of its value.
    stream : Stream
        What it needs of each replicate.
    value, slope : callable
        f, and the tuple of its derivatives by each feature: functions of `Means`.
    features : tuple of tuple of int
        Which features of the stream; by default all.
    against_target : bool
        Whether f needs the target.
    share : bool
        Whether it is a share of replicates: its interval is Wilson's, and it is known only if it
        has varied.
    normal : callable, optional
        Its MCSE if estimates are normal, where that is another; a function of `Means`.
    mcse : str
        Formula of its Monte Carlo standard error.
    """

    name: str
    long_name: str
    units: str
    definition: str
    stream: Stream
    value: Callable[[Means], Any] = first
    slope: Callable[[Means], tuple[Any, ...]] = one
    features: Powers = ()
    against_target: bool = False
    share: bool = False
    normal: Callable[[Means], Any] | None = None
    mcse: str = "infinitesimal jackknife"

    def __post_init__(self) -> None:
        if not self.features:
            object.__setattr__(self, "features", self.stream.features)

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of the value: one for each fit, each of its terms, or each target of these."""
        if self.stream.per in ("fit", "test"):
            return ("estimator",) if self.stream.per == "fit" else ("test", "kind")
        target = self.against_target or self.stream.per in ("target", "pair and target")
        return ("estimator", "term", *(("target",) if target else ()))

    @property
    def order(self) -> int:
        """Order of the moments of the estimate that must exist for it to be known."""
        degree = self.stream.degree or (0,) * self.stream.variables
        return max(sum(e * d for e, d in zip(p, degree, strict=True)) for p in self.features)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arrays that it is called with."""
        names = tuple(name for name in self.stream.needs if name != "theta")
        if self.stream.per == "pair":
            return (*names, "reference")
        return (*names, *(("theta",) if "target" in self.dims else ()))

    def means(self, sums: Moments, theta: Any, centre: Any) -> Means:
        """Return what f is a function of."""
        stream = self.stream

        def covariance(i: int, j: int) -> Floats:
            """Centred sum of products of features i and j."""
            return stream.covariance(sums, self.features[i], self.features[j])

        features = tuple(stream.summary(sums, p) for p in self.features)
        return Means(features, sums.n, theta, centre, covariance)

    @quietly
    def measured(
        self, sums: Moments, theta: Any = 0.0, centre: Any = 0.0, mcse: str = "jackknife"
    ) -> Measured:
        """Measure sums, shape (...).

        Of pairs theta, the target, and centre, what estimates were summed about, are (2, ...).
        mcse="normal" takes estimates for normal, as Morris, White & Crowther (2019), Table 6.
        """
        m = self.means(sums, theta, centre)
        known = ~np.isnan(theta)
        if self.stream.per == "pair" and self.against_target:
            known = known.all(axis=0)  # of both
        n = np.where(known, m.n, 0) if self.against_target else m.n
        value = np.broadcast_to(np.asarray(self.value(m), dtype=np.float64), n.shape)
        if mcse == "normal" and (self.normal is not None or self.share):
            error = self.normal(m) if self.normal else np.sqrt(value * (1 - value) / n)
        else:
            error = self._jackknife(m, value, n)
        value, error = np.where(n > 0, value, np.nan), np.where(n > 1, error, np.nan)
        return Measured(value, error, n)

    def _jackknife(self, m: Means, value: Floats, n: Counts) -> Floats:
        """Standard error √(Σψ²/(n(n − 1))), from the slopes of f and the features' covariances."""
        slope = self.slope(m)
        squares: Any = 0.0
        for i, left in enumerate(slope):
            squares = squares + left * left * m.covariance(i, i)
            for j in range(i):
                squares = squares + 2 * left * slope[j] * m.covariance(i, j)
        squares = np.maximum(squares, 0.0)
        if not self.share:
            return np.asarray(np.sqrt(squares / (n * (n - 1))))
        return np.where((value == 0) | (value == 1), cautious(value, n), np.sqrt(squares) / n)

    @quietly
    def influence(self, replicates: Replicates, ok: Any) -> tuple[Floats, Counts, Floats]:
        """Return value and n, (...), and ψ of each replicate, (..., b).

        Arrays of replicates are (..., b), as is `ok`: which of them may enter; ψ is NaN for the
        others.
        """
        x = np.where(ok, self.stream.values(replicates), np.nan)
        m = self.means(
            self.stream.of_values(x), replicates.theta[..., 0], replicates.centre[..., 0]
        )
        d = self.stream.deviations(x)
        at = [self.stream.features.index(p) for p in self.features]
        psi = sum(np.asarray(g)[..., None] * d[i] for g, i in zip(self.slope(m), at, strict=True))
        return np.asarray(self.value(m)), m.n, np.asarray(psi)

    def __call__(
        self, *arrays: ArrayLike, alpha: float = 0.05, mcse: str = "jackknife"
    ) -> Measured:
        """Measure arrays of replicates.

        Parameters
        ----------
        *arrays : array_like, shape (..., n)
            As `arguments` names them; the target theta is (...). Replicates are last, leading
            axes broadcast, NaN is a replicate without a value.
        alpha : float
            Level of tests.
        mcse : {"jackknife", "normal"}
            As for `measured`.
        """
        given = by_name(self.name, self.arguments, arrays)
        target = given.pop("theta", np.array(0.0))
        whole = np.broadcast_arrays(*given.values(), target[..., None])[:-1]
        *shape, b = whole[0].shape
        L = prod(shape)
        flat = {name: x.reshape(L, b) for name, x in zip(given, whole, strict=True)}
        theta = np.broadcast_to(target, shape).reshape(L, 1)
        flat |= {"theta": theta, "centre": np.where(np.isnan(theta), 0.0, theta)}
        r = [Replicates(flat, alpha)]
        if "reference" in flat:
            r.append(Replicates({**flat, self.arguments[0]: flat["reference"]}, alpha))
        sums = self.stream.moments(self.stream.of(*r))
        measured = self.measured(sums, theta[:, 0], flat["centre"][:, 0], mcse)
        value, error, n = measured
        return Measured(value.reshape(shape), error.reshape(shape), n.reshape(shape))

    def interval(self, result: Measured) -> tuple[Floats, Floats]:
        """Return the 95 % Monte Carlo interval of each value: Wilson's of a share."""
        if not self.share:
            half = Z * result.mcse
            return result.value - half, result.value + half
        return wilson(result)


@quietly
def wilson(share: Measured) -> tuple[Floats, Floats]:
    """Return the interval of a share (Wilson 1927, JASA 22:209).

    n is the number of independent replicates that have the Monte Carlo standard error of the share,
    which is n itself where that is √(p(1 − p)/n).
    """
    p, mcse, n = share
    n = np.where((p > 0) & (p < 1) & (mcse > 0), p * (1 - p) / mcse**2, n)
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


@quietly
def cautious(p: Floats, n: Counts) -> Floats:
    """Return an MCSE of a share p that is not 0 where p is 0 or 1.

    √(p̃(1 − p̃)/n) with p̃ = (np + 2)/(n + 4), the share of Agresti and Coull (1998, American
    Statistician 52:119). It is never below √(p(1 − p)/n), which takes a share that has not varied
    yet for one that is known.
    """
    shrunk = (n * p + 2) / (n + 4)
    return np.asarray(np.sqrt(shrunk * (1 - shrunk) / n))

"""Streams: the few numbers of each replicate that are summed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.performance import ends as endings
from simlab.performance import moments as sums
from simlab.performance.ends import Ends
from simlab.performance.moments import Counts, Floats, Moments, Powers, quietly

Per = Literal["fit", "term", "target", "pair", "pair and target", "best", "test"]
"""What a stream has one value for: a fit, each of its terms, each target of these; two estimators
of a term, and each target; a term paired with the oracle's best estimate; each kind of p-value and
level of a test."""


class Replicates:
    """Arrays of replicates (..., b) by name, as `r.estimate`.

    Of each term: estimate, std_error, lower, upper, p_value, NaN where a fit failed; theta, the
    target, where there is one; centre, a number near the estimates; alpha, the level of tests. Of
    each fit: status; run, NaN where it has not been; dropped. Of each test: test_p_value.
    """

    def __init__(
        self, arrays: Mapping[str, Floats], alpha: float = 0.05,
        view: Callable[[str, Floats], Floats] = lambda _, x: x,
    ) -> None:  # fmt: skip
        self.arrays, self.alpha, self.view = arrays, alpha, view

    def __getattr__(self, name: str) -> Floats:
        try:
            return self.view(name, self.arrays[name])
        except KeyError:
            raise AttributeError(f"replicates have no {name!r}") from None

    def seen(self, view: Callable[[str, Floats], Floats]) -> Replicates:
        """Return the same replicates, with another view of each array."""
        return Replicates(self.arrays, self.alpha, view)


@dataclass(frozen=True)
class Stream:
    """Numbers of each replicate, of which means, variances and covariances are summed.

    Attributes
    ----------
    name : str
        What its sums are called.
    needs : tuple of str
        Arrays of `Replicates` without which a replicate does not enter; of both estimators where
        it is for pairs. "theta" stands for one value per target.
    each : callable
        `Replicates` to one array, or a tuple of arrays, (..., b); for pairs, of two `Replicates`.
    features : tuple of tuple of int
        Powers of the deviations whose means a measure may be a function of: (1, 0) is the mean of
        the first variable, (2, 0) its variance, (1, 1) the covariance of two.
    per : str
        What it has one value for.
    degree : tuple of int
        Power of the estimate in each variable: moments of that order must exist.
    odd : tuple of bool
        Of pairs, which variables change their sign when the two change places; of outcomes that
        are counted, the order is reversed then.
    """

    name: str
    needs: tuple[str, ...]
    each: Callable[..., Any] | None
    features: Powers = ((1,),)
    per: Per = "term"
    degree: tuple[int, ...] = ()
    odd: tuple[bool, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return what is needed to read its sums, as JSON stores it; see `stream_of`."""
        kind = type(self).__name__
        return {"kind": kind, **{name: getattr(self, name) for name in _LAYOUT}}

    @cached_property
    def powers(self) -> Powers:
        """Powers of the moments that are kept."""
        return sums.needed(self.features)

    @property
    def variables(self) -> int:
        """Number of values of each replicate, k."""
        return len(self.features[0])

    def values(self, *replicates: Replicates) -> Floats:
        """Return the numbers of each replicate, (k, ..., b); NaN where it does not enter."""
        x, ok = self._stacked(*replicates)
        return x if x.dtype.kind == "f" and ok.all() else np.where(ok, x, np.nan)

    def _stacked(self, *replicates: Replicates) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The numbers, (k, ..., b), and which replicates enter."""
        assert self.each is not None
        values = self.each(*replicates)
        if isinstance(values, tuple):
            return np.stack(np.broadcast_arrays(*values)), self._known(*replicates)
        return np.asarray(values)[None], self._known(*replicates)

    def _known(self, *replicates: Replicates) -> NDArray[np.bool_]:
        """Mask of the replicates that have every array that is needed."""
        ok: Any = np.True_
        for r in replicates:
            for name in self.needs:
                ok = ok & ~np.isnan(getattr(r, name))
        return np.asarray(ok)

    def of(self, *replicates: Replicates) -> Any:
        """Sum replicates."""
        return self.of_values(self.values(*replicates))

    def of_values(self, x: Floats) -> Any:
        """Sum the numbers that `values` has returned."""
        return sums.moments(x, self.powers)

    def merge(self, a: Any, b: Any) -> Any:
        """Put two sums together, the earlier one first."""
        return sums.merge(a, b, self.powers)

    def moments(self, total: Any) -> Moments:
        """Return sums as means and moments."""
        return total  # type: ignore[no-any-return]

    @quietly
    def summary(self, moments: Moments, p: tuple[int, ...]) -> Floats:
        """Return the mean of a product of deviations; a variance where it is of degree 2."""
        n = moments.n
        if sum(p) == 1:
            return np.where(n > 0, moments.mean[..., p.index(1)], np.nan)
        M = moments.M[..., self.powers.index(p)]
        return np.where(n > 1, M / (n - 1), np.nan) if sum(p) == 2 else M / n

    @quietly
    def covariance(self, moments: Moments, p: tuple[int, ...], q: tuple[int, ...]) -> Floats:
        """Return the centred sum of products of two features over replicates."""
        together = moments.M[..., self.powers.index(tuple(map(sum, zip(p, q, strict=True))))]
        if sum(p) == 1 or sum(q) == 1:
            return together
        at = [moments.M[..., self.powers.index(one)] for one in (p, q)]
        return together - at[0] * at[1] / moments.n

    @quietly
    def deviations(self, x: Floats) -> list[Floats]:
        """Return the deviation of every feature of replicates x (k, ..., b) from its mean."""
        n = (~np.isnan(x[0])).sum(axis=-1, keepdims=True)
        d = x - np.nansum(x, axis=-1, keepdims=True) / n
        d -= np.nansum(d, axis=-1, keepdims=True) / n
        each = [sums.product_of(d, p) for p in self.features]
        return [one - np.nansum(one, axis=-1, keepdims=True) / n for one in each]


class Counted(Stream):
    """Counts of outcomes, of which a replicate has one at most; its sums are the hits.

    The i-th feature is the share of the i-th outcome.
    """

    @property
    def powers(self) -> Powers:
        """None: hits are enough."""
        return ()

    def of(self, *replicates: Replicates) -> Moments:
        """Count replicates."""
        hit, ok = self._stacked(*replicates)
        ok = np.broadcast_to(ok, hit.shape[1:])
        n, hits = (np.asarray(x.sum(axis=-1), dtype=np.int64) for x in (ok, hit & ok))
        return _counted(n, hits)

    def of_values(self, x: Floats) -> Moments:
        """Count what `values` has returned."""
        return _counted((~np.isnan(x)).sum(axis=-1)[0], (x == 1).sum(axis=-1))

    def merge(self, a: Moments, b: Moments) -> Moments:
        """Add counts."""
        return Moments(a.n + b.n, a.mean + b.mean, a.M)

    @quietly
    def summary(self, moments: Moments, p: tuple[int, ...]) -> Floats:
        """Return the share of an outcome."""
        return np.asarray(moments.mean[..., p.index(1)] / moments.n)

    @quietly
    def covariance(self, moments: Moments, p: tuple[int, ...], q: tuple[int, ...]) -> Floats:
        """Return n(p_i − p_i²), or −n p_i p_j."""
        one, other = (moments.mean[..., x.index(1)] for x in (p, q))
        return np.asarray(
            one * ((moments.n - one) / moments.n) if p == q else -one * other / moments.n
        )


def _counted(n: Counts, hits: Counts) -> Moments:
    """Write counts as `Moments`: hits (k, ...) stand where the means stand."""
    return Moments(n, np.moveaxis(hits, 0, -1), np.zeros((*n.shape, 0)))


class Containing(NamedTuple):
    """Sums of `MeanContained`: moments of the estimates, and ends of the intervals."""

    estimate: Moments
    ends: Ends


class MeanContained(Stream):
    """Counts of intervals that contain the mean of all estimates; see `ends`."""

    def of_values(self, x: Floats) -> Containing:
        """Sum estimates, lower and upper ends, (3, ..., b)."""
        a, lower, upper = x.reshape(3, prod(x.shape[1:-1]), x.shape[-1])
        moments = sums.moments(a[None], self.powers)
        return Containing(moments, endings.ends(a, lower, upper, _bracket(moments)))

    def merge(self, a: Containing, b: Containing) -> Containing:
        """Put two sums together, the earlier one first."""
        moments = sums.merge(a.estimate, b.estimate, self.powers)
        return Containing(moments, endings.merge(a.ends, b.ends, _bracket(moments)))

    def moments(self, total: Containing) -> Moments:
        """Return the share of intervals that contain the mean, with Σψ² as its moment."""
        return endings.containing(total.ends, total.estimate)


def _bracket(moments: Moments) -> Floats:
    """Bracket around the mean estimate of each cell, (2, L)."""
    return endings.around(moments.mean[:, 0], moments.n, moments.M[:, 0])


_LAYOUT = ("name", "per", "features", "odd")


def stream_of(entry: Mapping[str, Any]) -> Stream:
    """Return the stream whose `Stream.layout` is given: its sums can be read, and none be taken."""
    kinds = {kind.__name__: kind for kind in (Stream, Counted, MeanContained)}
    name, per, features, odd = (entry[key] for key in _LAYOUT)
    return kinds[entry["kind"]](name, (), None, tuple(map(tuple, features)), per, odd=tuple(odd))

"""The sums of a run of blocks of one condition: made of a block, and merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from simlab.performance.aims import Aims
from simlab.performance.moments import Floats
from simlab.performance.outline import Outline
from simlab.performance.stream import Per, Replicates


class Node(NamedTuple):
    """Everything that the replicates of some blocks add to the measures.

    Attributes
    ----------
    replicates : int
    seconds : float
        Core time that they took.
    sums : tuple
        Of each stream of the outline.
    """

    replicates: int
    seconds: float
    sums: tuple[Any, ...]


PER_TERM = ("estimate", "std_error", "lower", "upper", "p_value")
READ = (*PER_TERM, "status", "dropped", "test_p_value")
"""Arrays that are read of a block: the first (b, estimator, term); status, −1 where a fit has not
been run, and dropped (b, estimator); test_p_value (b, test, kind), None without tests."""

Arrays = Mapping[str, Any]


@np.errstate(invalid="ignore", over="ignore")
def leaf(block: Arrays, outline: Outline, aims: Aims, seconds: float = 0.0) -> Node:
    """Sum one block.

    A replicate whose fit failed has no estimate, and enters a sum only where all that the sum
    needs is available.
    """
    seen = _views(block, outline, aims)
    sums = tuple(stream.of(*seen[stream.per]()) for stream in outline.streams)
    return Node(int((block["status"] >= 0).any(axis=1).sum()), seconds, sums)


def _views(
    block: Arrays, outline: Outline, aims: Aims
) -> dict[Per, Callable[[], tuple[Replicates, ...]]]:
    """What a stream is given of a block, by what it has one value for."""
    e, t = outline.cells
    own, reference = outline.pairs
    status = block["status"].T
    fitted = (status == 0) | (status == 1)

    def cells(values: Floats) -> Floats:
        """(L, b), NaN where the fit failed."""
        here = np.ascontiguousarray(values[:, e, t].T)
        if not fitted.all():
            here[~fitted[e]] = np.nan
        return here

    terms = {name: cells(block[name]) for name in PER_TERM}
    terms |= {"theta": aims.theta[..., None], "centre": aims.centre[:, None]}
    r = Replicates(terms, outline.alpha)
    fits = {
        "status": status,
        "run": np.where(status >= 0, 1.0, np.nan),
        "dropped": np.where(fitted, block["dropped"].T, np.nan),
    }

    def by_target(name: str, x: Floats) -> Floats:
        return x if name == "theta" else x[:, None]

    def two(which: Any) -> Replicates:
        return r.seen(lambda _, x: x[which])

    def two_by_target(which: Any) -> Replicates:
        return r.seen(lambda name, x: by_target(name, x[which]))

    def best() -> tuple[Replicates, Replicates]:
        """Each slope, and the oracle's best estimate of the same mixture; (R, b)."""
        which, slope, contextual, _ = outline.best
        mixed = {
            name: terms[name][slope] + aims.share[:, None] * terms[name][contextual]
            for name in ("estimate", "centre")
        }
        # 0 is as good a centre as any where there is none.
        mixed["centre"] = np.where(np.isfinite(mixed["centre"]), mixed["centre"], 0.0)
        return two(which), Replicates(mixed)

    def tests() -> tuple[Replicates]:
        p_value = np.moveaxis(block["test_p_value"], 0, -1)
        return (Replicates({"test_p_value": p_value[..., None, :]}),)

    return {
        "fit": lambda: (Replicates(fits),),
        "term": lambda: (r,),
        "target": lambda: (r.seen(by_target),),
        "pair": lambda: (two(own), two(reference)),
        "pair and target": lambda: (two_by_target(own), two_by_target(reference)),
        "best": best,
        "test": tests,
    }


def empty(outline: Outline) -> Node:
    """Sums over no replicates."""
    return Node(0, 0.0, tuple(s.nothing(outline.shape(s.per)) for s in outline.streams))


def merge(a: Node, b: Node, outline: Outline) -> Node:
    """Put the sums of two runs of blocks together, the earlier one first."""
    each = zip(outline.streams, a.sums, b.sums, strict=True)
    sums = tuple(stream.merge(one, other) for stream, one, other in each)
    return Node(a.replicates + b.replicates, a.seconds + b.seconds, sums)

"""The sums of a run of blocks of one condition: made of a block, and merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from simlab.performance.layout import Aims, Layout
from simlab.performance.moments import Floats
from simlab.performance.stream import Per, Replicates
from simlab.words import FITTED


class Node(NamedTuple):
    """Sums over the replicates of some blocks: all that the measures need of them.

    Their number, the core seconds that they took, and the sums of each stream of the layout.
    """

    replicates: int
    seconds: float
    sums: tuple[Any, ...]


PER_TERM = ("estimate", "std_error", "lower", "upper", "p_value")
READ = (*PER_TERM, "status", "dropped", "test_p_value")
"""Arrays that are read of a block: the first (b, estimator, term); status, −1 where a fit has not
been run, and dropped (b, estimator); test_p_value (b, test, kind), None without tests. A block may
have warned (b, estimator) too."""

Arrays = Mapping[str, Any]


@np.errstate(invalid="ignore", over="ignore")
def leaf(block: Arrays, layout: Layout, aims: Aims, seconds: float = 0.0) -> Node:
    """Sum one block.

    A replicate whose fit failed has no estimate, and enters a sum only where all that the sum needs
    is available.
    """
    seen = _views(block, layout, aims)
    sums = tuple(stream.of(*seen[stream.per]()) for stream in layout.streams)
    return Node(int((block["status"] >= 0).any(axis=1).sum()), seconds, sums)


def replicates(block: Arrays, alpha: float) -> Replicates:
    """Return the arrays of a block, replicates last, NaN where a fit failed.

    Those of terms are (estimator, term, b), of fits (estimator, b), of tests (test, kind, b).
    """
    status = block["status"].T
    fitted = np.isin(status, FITTED)
    arrays = {name: np.moveaxis(block[name], 0, -1).copy() for name in PER_TERM}
    if not fitted.all():
        for values in arrays.values():
            values.swapaxes(1, 2)[~fitted] = np.nan
    arrays["status"] = status
    arrays["run"] = np.where(status >= 0, 1.0, np.nan)
    arrays["dropped"] = np.where(fitted, block["dropped"].T, np.nan)
    if "warned" in block:
        arrays["warned"] = block["warned"].T * 1.0
    if block.get("test_p_value") is not None:
        arrays["test_p_value"] = np.moveaxis(block["test_p_value"], 0, -1)
    return Replicates(arrays, alpha)


def _views(
    block: Arrays, layout: Layout, aims: Aims
) -> dict[Per, Callable[[], tuple[Replicates, ...]]]:
    """Functions that return the replicates for a stream, by what the stream has one value for."""
    own, reference = layout.pairs
    whole = replicates(block, layout.alpha)
    cells = {name: whole.arrays[name][layout.cells] for name in PER_TERM}
    cells |= {"theta": aims.theta[..., None], "centre": aims.centre[:, None]}
    r = Replicates(cells, layout.alpha)

    def two(which: Any) -> Replicates:
        """Replicates of some cells, such as the first ones of all pairs."""
        return r.seen(lambda _, x: x[which])

    def by_target(which: Any = ...) -> Replicates:
        """Replicates of some cells, with an axis of targets before that of replicates."""
        return r.seen(lambda name, x: x[which] if name == "theta" else x[which][:, None])

    def tests() -> tuple[Replicates]:
        """The p-values of tests, with an axis of nominal levels before that of replicates."""
        return (whole.seen(lambda _, x: x[..., None, :]),)

    return {
        "fit": lambda: (whole,),
        "term": lambda: (r,),
        "target": lambda: (by_target(),),
        "pair": lambda: (two(own), two(reference)),
        "pair and target": lambda: (by_target(own), by_target(reference)),
        "best": lambda: (two(layout.best.own), _best(cells, layout, aims)),
        "test": tests,
    }


def _best(cells: Mapping[str, Floats], layout: Layout, aims: Aims) -> Replicates:
    """The oracle's best estimate of the mixture of each cell that has one, (R, b)."""
    _, slope, contextual, _ = layout.best
    mixed = {
        name: cells[name][slope] + aims.weight[:, None] * cells[name][contextual]
        for name in ("estimate", "centre")
    }
    # 0 is as good a centre as any where there is none.
    mixed["centre"] = np.where(np.isfinite(mixed["centre"]), mixed["centre"], 0.0)
    return Replicates(mixed)


def empty(layout: Layout) -> Node:
    """Sums over no replicates."""
    none = (np.empty((s.variables, *layout.shape(s.per), 0)) for s in layout.streams)
    sums = (s.of_values(x) for s, x in zip(layout.streams, none, strict=True))
    return Node(0, 0.0, tuple(sums))


def merge(a: Node, b: Node, layout: Layout) -> Node:
    """Put the sums of two runs of blocks together, the earlier one first."""
    each = zip(layout.streams, a.sums, b.sums, strict=True)
    sums = tuple(stream.merge(one, other) for stream, one, other in each)
    return Node(a.replicates + b.replicates, a.seconds + b.seconds, sums)

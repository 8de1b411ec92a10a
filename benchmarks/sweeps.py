"""What the time of a replicate depends on: the size of the clusters, and their number."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.clock import Action, Measured, core
from benchmarks.populations import BLOCK, CLUSTERS, SIZE, study
from benchmarks.section import Effort, Row, Section
from benchmarks.units import factor, micro, rate, spread, three
from simlab.config import Study
from simlab.runner import prepare, run_block

SIZES = (10, 30, 100, 300, 1000, 3000)
NUMBERS = (10, 40, 100, 400, 1000, 4000)
ROWS = 2**21  # that a block stands for at most, where its time grows with them


def sizes(effort: Effort, stack: ExitStack) -> Section:  # noqa: ARG001
    """Time a replicate with all methods for small to large clusters, drawn in both ways."""
    swept = SIZES[:2] if effort.quick else SIZES
    return Section(
        title="Size of the clusters",
        words=(
            f"Core time of one replicate with all methods, draw to p-values; J = {CLUSTERS}, "
            "n ~ Poisson(n). The two ways of drawing have the same law."
        ),
        actions={
            f"{draw}, n = {n}": _action(study(size=n, draw=draw, replicates=replicates))
            for n in swept
            for draw, replicates in (("moments", BLOCK), ("rows", _shorter(CLUSTERS, n)))
        },
        columns=(
            "n", "moments, core µs a replicate", "min to max", "replicates per core-second",
            "rows, core µs a replicate", "min to max", "rows over moments", "min to max",
        ),
        rows=lambda found: [_size(found, n) for n in swept],
    )  # fmt: skip


def clusters(effort: Effort, stack: ExitStack) -> Section:  # noqa: ARG001
    """Time a replicate for few to many clusters, with all methods and with `hlm` alone."""
    swept = NUMBERS[:2] if effort.quick else NUMBERS
    return Section(
        title="Number of clusters",
        words=(
            "Core time of one replicate, draw to p-values, with all methods and with `hlm` alone; "
            f"n ~ Poisson({SIZE})."
        ),
        actions={
            f"{name}, J = {J}": _action(
                study(clusters=J, replicates=_shorter(J, SIZE), estimators=estimators)
            )
            for J in swept
            for name, estimators in (("all", ()), ("hlm", ("hlm",)))
        },
        columns=(
            "J", "all methods, core µs a replicate", "min to max", "core µs a cluster",
            "`hlm` alone, core µs a replicate", "min to max", "core µs a cluster",
        ),
        rows=lambda found: [_number(found, J) for J in swept],
    )  # fmt: skip


def _shorter(J: int, n: float) -> int:
    """Replicates of a block that stays short enough to be repeated."""
    return min(BLOCK, max(8, int(ROWS / (J * n))))


def _action(one: Study) -> Action:
    work = prepare(one)
    return core(lambda: run_block(work, 0, 0), one.replicates)


def _size(found: Measured, n: int) -> Row:
    moments, rows = found[f"moments, n = {n}"], found[f"rows, n = {n}"]
    ratio = rows.over(moments)
    return (
        f"{n:,}", micro(moments.median), spread(moments, micro), rate(moments.median),
        micro(rows.median), spread(rows, micro), factor(ratio.median), spread(ratio, three),
    )  # fmt: skip


def _number(found: Measured, J: int) -> Row:
    cells = [f"{J:,}"]
    for name in ("all", "hlm"):
        repeats = found[f"{name}, J = {J}"]
        cells += [micro(repeats.median), spread(repeats, micro), micro(repeats.median / J)]
    return tuple(cells)

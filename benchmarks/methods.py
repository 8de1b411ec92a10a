"""Every method alone, and what is around the methods."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benchmarks.clock import Action, Measured, Repeats, core
from benchmarks.populations import BLOCK, WORDS, study
from benchmarks.section import Effort, Row, Section
from benchmarks.units import micro, rate, spread
from simlab.estimators import METHODS, Estimator, Sample
from simlab.inference import infer
from simlab.moments import Moments
from simlab.runner import SLAB, prepare, run_block
from simlab.sampling import draw_block

DRAW, INFER, ALL = "draw the moments", "intervals and p-values", "all together"


def methods(effort: Effort, stack: ExitStack) -> Section:  # noqa: ARG001
    """Time the draw, each method's fit, the inference, and studies of each method and of all."""
    return Section(
        title="Methods",
        words=(
            f"Core time of one replicate; {WORDS}. The part alone: fits begin from moments that "
            "are drawn already. As a study: draw, fit, intervals and p-values, with this method "
            "alone and, in the last row, with all of them."
        ),
        actions={**_parts(), **_studies()},
        columns=(
            "what", "the part alone, core µs a replicate", "min to max",
            "as a study, core µs a replicate", "min to max", "replicates per core-second",
        ),
        rows=_rows,
    )  # fmt: skip


def _parts() -> dict[str, Action]:
    """Draw, every method, inference; in the slabs that `run_block` uses."""
    work = prepare(study())
    job = work.jobs[0]

    def draw() -> Moments:
        key = job.condition.key
        return draw_block(job.plan, "new-clusters", False, work.study.seed, key, 0, BLOCK)[0]

    moments, step = draw(), SLAB // job.plan.J
    slabs = [slice(a, min(a + step, BLOCK)) for a in range(0, BLOCK, step)]
    samples = [Sample(moments.take(slab), job.known) for slab in slabs]
    block = run_block(work, 0, 0)

    def fit(method: Estimator) -> None:
        for sample in samples:
            method.fit(sample)

    fits = {method.name: core(partial(fit, method), BLOCK) for method in METHODS}
    inference = core(lambda: infer(block.estimate, block.std_error, block.df), BLOCK)
    return {DRAW: core(draw, BLOCK), **fits, INFER: inference}


def _studies() -> dict[str, Action]:
    """A block of a study with each method alone, and with all."""
    works = {_study(m.name): prepare(study(estimators=(m.name,))) for m in METHODS}
    works[ALL] = prepare(study())
    return {name: core(partial(run_block, work, 0, 0), BLOCK) for name, work in works.items()}


def _study(method: str) -> str:
    return f"a study of {method}"


def _rows(found: Measured) -> list[Row]:
    def part(name: str) -> Row:
        return (micro(found[name].median), spread(found[name], micro))

    def whole(repeats: Repeats) -> Row:
        return (micro(repeats.median), spread(repeats, micro), rate(repeats.median))

    return [
        (DRAW, *part(DRAW), "", "", ""),
        *((f"`{m.name}`", *part(m.name), *whole(found[_study(m.name)])) for m in METHODS),
        (INFER, *part(INFER), "", "", ""),
        (f"**{ALL}**", "", "", *whole(found[ALL])),
    ]

"""Which line is which? The course's summary of methods, measured.

Students sit in schools. The effect of x among students of a school is β_W, among schools β_B. Of
the usual ways to draw a line through such data, which estimates β_W, which β_B, which neither; does
more data help; and can its standard error be believed?

The whole study has 12,000 replicates: `simlab run configs/methods_summary.yaml` in a checkout.
"""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure

import simlab
from simlab.config import Study
from simlab.course.demos.claims import Number, above, below, claim, within
from simlab.course.demos.showing import LARGER, MORE, Demo, Measured
from simlab.methods import label
from simlab.plots import bias_sweep, panels, sampling_distributions
from simlab.tables import StudyTable
from simlab.text.numbers import se_error
from simlab.words import ORACLE

IN_SWEEP = ("ecological", "pooled", "hlm", "hlm_contextual")
HONEST = ("two_stage", "hlm_contextual")


def find(study: Study) -> Measured:
    """Run the study, and measure against GLS with the true variances."""
    return read(simlab.run(study))


def read(ds: xr.Dataset) -> Measured:
    """Measure a study that was run."""
    return Measured(ds, simlab.measure(ds, reference=ORACLE))


def table(result: Measured) -> StudyTable:
    """Lay out the course's table, with the measured words."""
    return simlab.methods_table(result.ds)


def draw(result: Measured) -> Figure:
    """Put the sampling distributions next to the bias as clusters grow."""
    figure, (left, right) = panels(
        "What each method estimates, and how surely", "Bias as schools get more students",
        ratios=(1.45, 1),
    )  # fmt: skip
    sampling_distributions(result.ds, condition=result.places.base or 0, ax=left)
    bias_sweep(result.measures, LARGER, estimators=IN_SWEEP, ax=right)
    return figure


def notice(result: Measured) -> list[str]:
    """Say in words, with the numbers of this run, what the table and the picture show."""
    base, same = result.places.base or 0, result.places.same
    return [
        _mixtures(result, base),
        _consistency(result),
        _honesty(result, base),
        *([] if same is None else [_same_schools(result, same)]),
        _efficiency(result, base),
    ]


def _mixtures(result: Measured, base: int) -> str:
    """Say how far each slope has gone from β_W to β_B."""
    pooled, hlm, context = (
        result.lambda_(method, base) for method in ("pooled", "hlm", "hlm_contextual")
    )
    return claim(
        f"Pooling mixes β_W and β_B: its slope has gone {pooled:.0%} of the way to β_B, that of "
        f"HLM {hlm:.0%}, that of HLM + context {context:.1%}.",
        above(hlm),
        below(hlm, pooled),
        below(pooled, 1),
        within(context, 0, 0.05),
    )


def _consistency(result: Measured) -> str:
    """Say what more schools, and larger ones, do to the bias of HLM."""
    at = result.places

    def ends(factor: str) -> list[tuple[float, Number]]:
        """Return the bias of HLM at the smallest and at the largest level."""
        swept = at.sweep(factor)
        return [
            (float(at.sizes[factor][c] or 0), result.number("bias", "hlm", condition=c))
            for c in (swept[0], swept[-1])
        ]

    (few, at_few), (many, at_many) = ends(MORE)
    (small, at_small), (large, at_large) = ends(LARGER)
    return claim(
        f"The bias of HLM is {at_few:.2f} at {few:g} and {at_many:.2f} at {many:g} schools; it "
        f"is {at_small:.2f} at {small:g} and {at_large:z.2f} at {large:g} students a school.",
        above(at_many, at_few.value / 2),
        above(at_small, 0.1),
        within(at_large, 0, 0.1),
    )


def _honesty(result: Measured, base: int) -> str:
    """Say whose standard errors can be believed where other schools are drawn."""
    pooled, fixed = (
        result.number("relative_error", method, condition=base)
        for method in ("pooled", "fixed_effects_separate")
    )
    others = {m: result.number("relative_error", m, condition=base) for m in HONEST}
    return claim(
        f"Standard error under new schools: pooled {-pooled.value:.0f} % and fixed effects "
        f"{-fixed.value:.0f} % too small; of "
        + ", ".join(f"{label(m)} {se_error(n.value)}" for m, n in others.items())
        + ".",
        below(pooled, -20),
        below(fixed, -5),
        *(within(n, 0, 20) for n in others.values()),
    )


def _same_schools(result: Measured, same: int) -> str:
    """Say the same of fixed effects where the schools stay."""
    error = result.number("relative_error", "fixed_effects_separate", condition=same)
    return claim(
        "With other students of the same schools, that of fixed effects is off by "
        f"{se_error(error.value)}: this is the question it answers.",
        within(error, 0, 20),
    )


def _efficiency(result: Measured, base: int) -> str:
    """Say how near the honest methods come to the best estimator."""
    two_stage, context = (result.number("efficiency", m, condition=base) for m in HONEST)
    return claim(
        "Efficiency for β_W, against GLS with the true variances: "
        f"two-stage {two_stage:.1%}, HLM + context {context:.1%}.",
        above(two_stage, 0.5),
        above(context, 0.5),
    )


DEMO = Demo(find, table, draw, notice, replicates=1000)

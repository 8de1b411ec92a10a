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


def table(result: Measured) -> str:
    """Lay out the course's table, with the measured words."""
    return str(simlab.methods_table(result.ds))


def draw(result: Measured) -> Figure:
    """Put the sampling distributions beside the bias as clusters grow."""
    figure, (left, right) = panels(
        "What each method estimates, and how surely", "Bias as schools get more students",
        ratios=(1.45, 1),
    )  # fmt: skip
    sampling_distributions(result.ds, condition=result.places.base or 0, ax=left)
    bias_sweep(result.measures, LARGER, estimators=IN_SWEEP, ax=right)
    return figure


def notice(result: Measured) -> list[str]:
    """Say in words, with the numbers of this run, what the table and the picture show."""
    at = result.places
    base = at.base or 0

    def lambda_(method: str) -> Number:
        return result.lambda_(method, base)

    def ends(factor: str) -> list[tuple[float, Number]]:
        """Return the bias of HLM at the smallest and at the largest level."""
        swept = at.sweep(factor)
        return [
            (float(at.sizes[factor][c] or 0), result.number("bias", "hlm", condition=c))
            for c in (swept[0], swept[-1])
        ]

    def off(method: str, condition: int) -> Number:
        return result.number("relative_error", method, condition=condition)

    (few, at_few), (many, at_many) = ends(MORE)
    (small, at_small), (large, at_large) = ends(LARGER)
    pooled, fixed = off("pooled", base), off("fixed_effects_separate", base)
    others = [off(m, base) for m in HONEST]
    lines = [
        claim(
            f"Pooling mixes β_W and β_B: its slope has gone {lambda_('pooled'):.0%} of the way to "
            f"β_B, that of HLM {lambda_('hlm'):.0%}, that of HLM + context "
            f"{lambda_('hlm_contextual'):.1%}.",
            above(lambda_("hlm")),
            below(lambda_("hlm"), lambda_("pooled")),
            below(lambda_("pooled"), 1),
            within(lambda_("hlm_contextual"), 0, 0.05),
        ),
        claim(
            f"The bias of HLM is {at_few:.2f} at {few:g} and {at_many:.2f} at {many:g} schools; it "
            f"is {at_small:.2f} at {small:g} and {at_large:z.2f} at {large:g} students a school.",
            above(at_many, at_few.value / 2),
            above(at_small, 0.1),
            within(at_large, 0, 0.1),
        ),
        claim(
            f"Standard error under new schools: pooled {-pooled.value:.0f} % and fixed effects "
            f"{-fixed.value:.0f} % too small; of "
            + ", ".join(
                f"{label(m)} {se_error(n.value)}" for m, n in zip(HONEST, others, strict=True)
            )
            + ".",
            below(pooled, -20),
            below(fixed, -5),
            *(within(n, 0, 20) for n in others),
        ),
    ]
    if at.same is not None:
        again = off("fixed_effects_separate", at.same)
        lines.append(
            claim(
                "With other students of the same schools, that of fixed effects is off by "
                f"{se_error(again.value)}: this is the question it answers.",
                within(again, 0, 20),
            )
        )
    efficiency = [
        result.number("efficiency", m, condition=base) for m in ("two_stage", "hlm_contextual")
    ]
    lines.append(
        claim(
            "Efficiency for β_W, against GLS with the true variances: "
            f"two-stage {efficiency[0]:.1%}, HLM + context {efficiency[1]:.1%}.",
            *(above(n, 0.5) for n in efficiency),
        )
    )
    return lines


DEMO = Demo(find, table, draw, notice, replicates=1000)

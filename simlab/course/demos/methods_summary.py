"""Which line is which? The course's summary of methods, measured.

Students sit in schools. The effect of x among students of a school is β_W, among schools β_B. Of
the usual ways to draw a line through such data, which estimates β_W, which β_B, which neither; does
more data help; and can its standard error be believed?

The whole study has 12,000 replicates: `simlab run configs/methods_summary.yaml` in a checkout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simlab
from simlab.config import Study
from simlab.course.demos.claims import Number, above, below, claim, within
from simlab.course.demos.readings import Measured
from simlab.course.demos.stage import Demo
from simlab.measures.conditions import config_of
from simlab.methods import label
from simlab.plots import bias_sweep, panels, sampling_distributions
from simlab.text.numbers import se_error
from simlab.verdicts.places import Places, places
from simlab.words import ORACLE

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

MORE, LARGER = "population.clusters", "population.cluster_sizes.mean"
IN_SWEEP = ("ecological", "pooled", "hlm", "hlm_contextual")
HONEST = ("two_stage", "hlm_contextual")


def find(study: Study) -> Measured:
    """Run the study, and measure against GLS with the true variances."""
    return read(simlab.run(study))


def read(ds: xr.Dataset) -> Measured:
    """Measure a study that was run."""
    return Measured(ds, simlab.measure(ds, reference=ORACLE))


def where(found: Measured) -> tuple[Places, int]:
    """Return where the sweeps of the study are, and its base condition."""
    at = places(found.measures, config_of(found.measures))
    return at, at.base or 0


def table(found: Measured) -> str:
    """Lay out the course's table, with the measured words."""
    return str(simlab.methods_table(found.ds))


def draw(found: Measured) -> Figure:
    """Put the sampling distributions beside the bias as clusters grow."""
    figure, (left, right) = panels(
        "What each method estimates, and how surely", "Bias as schools get more students",
        ratios=(1.45, 1),
    )  # fmt: skip
    sampling_distributions(found.ds, condition=where(found)[1], ax=left)
    bias_sweep(found.measures, LARGER, estimators=IN_SWEEP, ax=right)
    return figure


def notice(found: Measured) -> list[str]:
    """Say in words, with the numbers of this run, what the table and the picture show."""
    at, base = where(found)
    gap = found.truth("beta_between", condition=base) - found.truth(condition=base)

    def share(method: str) -> Number:
        bias = found.number("bias", method, condition=base)
        return Number(f"λ of {label(method)}", bias.value / gap, bias.mcse / abs(gap))

    def ends(factor: str) -> list[tuple[float, Number]]:
        """Return the bias of HLM at the smallest and at the largest level."""
        swept = at.sweep(factor)
        return [
            (float(at.sizes[factor][c] or 0), found.number("bias", "hlm", condition=c))
            for c in (swept[0], swept[-1])
        ]

    def off(method: str, condition: int) -> Number:
        return found.number("relative_error", method, condition=condition)

    (few, at_few), (many, at_many) = ends(MORE)
    (small, at_small), (large, at_large) = ends(LARGER)
    pooled, fixed = off("pooled", base), off("fixed_effects_separate", base)
    others = [off(m, base) for m in HONEST]
    lines = [
        claim(
            f"Pooling mixes β_W and β_B: its slope has gone {share('pooled'):.0%} of the way to "
            f"β_B, that of HLM {share('hlm'):.0%}, that of HLM + context "
            f"{share('hlm_contextual'):.1%}.",
            above(share("hlm")),
            below(share("hlm"), share("pooled")),
            below(share("pooled"), 1),
            within(share("hlm_contextual"), 0, 0.05),
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
        found.number("efficiency", m, condition=base) for m in ("two_stage", "hlm_contextual")
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

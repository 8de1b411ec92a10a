"""What is a p-value of a variance? Testing whether slopes vary.

With a random slope the likelihood is higher. By more than chance makes it? The statistic is T, the
difference of the deviances, and textbooks refer it to χ² with one degree of freedom. But a variance
cannot be negative. Where there is none, the best estimate is 0 in about half of all samples, and T
is 0 with it. What is the law of T then, and how often does a test reject that should in 5 %?

The model without a random slope is fitted to one sample and drawn from: there the null hypothesis
is true. Both models are fitted to every draw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import special

import simlab
from simlab.config import Study
from simlab.course.demos.claims import Number, above, below, claim, rate, within
from simlab.course.demos.showing import Demo, plus_minus
from simlab.moments import Floats
from simlab.plots import null_distribution, panels
from simlab.testing.result import PValue
from simlab.text import Table

LEVEL = 0.05
NULL, ALTERNATIVE = "y ~ x + (1 | cluster)", "y ~ x + (1 + x || cluster)"
CHI2, MIXTURE, SIMULATED, DROPPED = "χ²(1)", "½χ²(0) + ½χ²(1)", "simulated", "zeros dropped"


class Result(NamedTuple):
    """A test by simulation, and ways to refer its statistic."""

    test: PValue  # of the one sample
    p_values: dict[str, float]  # of its statistic, by way
    sizes: dict[str, Number]  # share of draws from the null model that each way rejects at 5 %
    zeros: Number  # share of these draws with T* = 0


def find(study: Study) -> Result:
    """Test one sample of the study, with as many draws as it has replicates."""
    rows = simlab.replicate(study)
    test = simlab.pvalue(rows, NULL, ALTERNATIVE, draws=study.replicates, seed=study.seed)
    assert isinstance(test, PValue)
    T = test.simulated
    ways: dict[str, Callable[[Floats], Floats]] = {
        CHI2: lambda t: special.chdtrc(1, t),
        MIXTURE: lambda t: np.where(t > 0, special.chdtrc(1, t) / 2, 1.0),
        SIMULATED: lambda t: simulated(T, t),
        DROPPED: lambda t: simulated(T[T > 0], t),
    }
    return Result(
        test,
        {name: float(way(np.array([test.statistic]))[0]) for name, way in ways.items()},
        {name: rate(f"rejections by {name}", way(T) <= LEVEL) for name, way in ways.items()},
        rate("share of draws with T* = 0", T == 0),
    )


def simulated(draws: Floats, t: Floats) -> Floats:
    """Return p = (1 + #{T* ≥ t}) / (B + 1)."""
    fewer = np.searchsorted(np.sort(draws), t, side="left")
    return np.asarray((1 + len(draws) - fewer) / (len(draws) + 1))


def table(result: Result) -> Table:
    """Lay out the p-values of the sample, and how often each way rejects a true null hypothesis."""
    body = [
        [name, f"{result.p_values[name]:.4f}", plus_minus(result.sizes[name], ".2%")]
        for name in result.sizes
    ]
    T = f"p of T = {result.test.statistic:.2f}"
    return Table(["T is referred to", T, "rejects at 5 % where H0 is true"], body)


def draw(result: Result) -> Figure:
    """Draw the law of T where the null hypothesis is true, and the sample's own T."""
    figure, (ax,) = panels("", size=(12, 7))
    null_distribution(result.test, ax=ax)
    return figure


def notice(result: Result) -> list[str]:
    """Say in words what the table and the figure show."""
    size, p = result.sizes, result.p_values
    return [
        claim(
            f"Where slopes do not vary, T is exactly 0 in {result.zeros:.0%} of samples. χ² gives "
            "that no probability at all.",
            above(result.zeros, 0.4),
        ),
        claim(
            f"So the test by χ² is too cautious: it rejects in {size[CHI2]:.1%} of samples, not in "
            f"5 %. Halving its p-values brings that to {size[MIXTURE]:.1%}, near to what it should "
            "be; it is right for many schools, and these are few.",
            below(size[CHI2], 0.04),
            within(size[MIXTURE], LEVEL, 0.02),
        ),
        claim(
            "The simulated p-value is the share of draws with T* ≥ T, and right by construction. "
            f"Zeros are draws like others: without them it rejects in {size[DROPPED]:.1%} only.",
            within(size[SIMULATED], 0.05, 0.01),
            below(size[DROPPED], 0.04),
        ),
        claim(
            f"In this sample, where slopes do vary, p is {p[CHI2]:.3f} by χ², {p[MIXTURE]:.3f} by "
            f"the mixture, {p[SIMULATED]:.3f} by simulation, and {p[DROPPED]:.3f} if zeros are "
            "dropped: at 5 % they do not agree.",
            above(Number("p by χ²", p[CHI2]), LEVEL),
            below(Number("p by simulation", p[SIMULATED]), LEVEL),
        ),
    ]


DEMO = Demo(find, table, draw, notice)

"""Facts of the population on the screen, before any sample: targets, paradoxes, frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.app.settings import Settings
from simlab.estimators import pooled
from simlab.estimators.base import SizeMoments, sector_contrasts
from simlab.moments import Floats
from simlab.population import size_moments, truth
from simlab.runner import Work
from simlab.sampling import block_clusters
from simlab.text.numbers import signed
from simlab.words import SAME

Span = tuple[float, float]
REACH = 3.0
"""Standard deviations on either side that a picture shows."""


class Facts(NamedTuple):
    """Targets of the samples: true values of the population on the screen."""

    # (P,) β_W and β_B in each place. For the same schools those of the schools drawn; the latter is
    # NaN where their means are all alike
    within: Floats
    between: Floats
    pooled: Floats  # (S,) the limit of the pooled slope in each sector: β_W + λ(β_B − β_W)
    population: Floats  # (S, 2) β_W and β_B of the population, whatever the scheme


def facts(work: Work) -> Facts:
    """Return the true values of a study of one condition, compiled by `draws.prepare`."""
    (job,) = work.jobs
    plan, scheme = job.plan, job.condition.scheme
    clusters = None
    if scheme == SAME:
        clusters = block_clusters(plan, scheme, work.study.seed, job.key, 0, 1)
    targets = sector_contrasts(len(plan.sectors)) @ truth(plan, clusters)["slope"]
    population = truth(plan)["slope"]
    x, sizes = plan.parameters.random_x, size_moments(plan)
    lambda_ = np.array([
        pooled.lambda_(
            SizeMoments(float(n), float(inverse), x.between_sd**2, x.within_sd**2, False)
        )
        for n, inverse in zip(sizes.n, sizes.inverse, strict=True)
    ])  # fmt: skip
    limit = population[:, 0] + lambda_ * (population[:, 1] - population[:, 0])
    return Facts(targets[:, 0], targets[:, 1], limit, population)


def paradoxes(known: Facts, sectors: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the paradoxes that are on: (name, what reverses).

    Robinson's: β_W and β_B have opposite signs (Robinson 1950). Simpson's: within schools the
    effect has one sign, in the pooled data the other (Simpson 1951).
    """
    on = []
    for s, sector in enumerate(sectors):
        within, between = known.population[s]
        of = f" ({sector})" if len(sectors) > 1 else ""
        inside, outside, mixed = (
            signed(slope, 1, plus=True) for slope in (within, between, known.pooled[s])
        )
        if within * between < 0:
            on.append(("Robinson", f"β_W {inside}, β_B {outside}{of}"))
        if within * known.pooled[s] < 0:
            on.append(("Simpson", f"β_W {inside}, pooled → {mixed}{of}"))
    return on


class Frames(NamedTuple):
    """Spans of x and y in data space, of intercepts and slopes in beta space."""

    x: Span
    y: Span
    intercept: Span
    slope: Span


def frames(s: Settings) -> Frames:
    """Return spans that hold nearly all of any sample, and the true values.

    They are those of the population, so that no sample makes a picture jump.
    """
    shifts = (0.0, s.intercept_difference) if s.sectors == 2 else (0.0,)
    turns = (0.0, s.slope_difference) if s.sectors == 2 else (0.0,)
    within, between = s.x_within**2, s.x_between**2
    steepest = max(abs(s.beta_within + turn) for turn in turns)
    highest = max(abs(s.beta_between + turn) for turn in turns)
    line = s.sigma**2 / s.size / max(within, 1e-12)  # variance of a school's own slope
    sd_y = np.sqrt(
        highest**2 * between + steepest**2 * within
        + s.sd_slopes**2 * (within + between) + s.sd_intercepts**2 + s.sigma**2
    )  # fmt: skip
    context = s.beta_between - s.beta_within
    sd_intercept = np.sqrt(
        s.sd_intercepts**2 + context**2 * between + s.sigma**2 / s.size + between * line
    )
    sd_slope = np.sqrt(s.sd_slopes**2 + line)
    low, high = s.gamma0 + min(shifts), s.gamma0 + max(shifts)
    slopes = [b + t for b in (s.beta_within, s.beta_between) for t in turns]
    flat, steep = s.beta_within + min(turns), s.beta_within + max(turns)
    margin = 0.5 + 0.25 * (max(slopes) - min(slopes))  # for the ellipses of the means
    return Frames(
        _around(0.0, 0.0, np.sqrt(within + between)),
        _around(low, high, sd_y),
        _around(low, high, 0.85 * sd_intercept),
        (
            float(min(flat - REACH * sd_slope, min(slopes) - margin)),
            float(max(steep + REACH * sd_slope, max(slopes) + margin)),
        ),
    )


def _around(low: float, high: float, sd: float) -> Span:
    return float(low - REACH * sd), float(high + REACH * sd)


def steady(shown: Span | None, wanted: Span) -> Span:
    """Return the span to show: the one that is shown, unless it cuts or dwarfs what is wanted.

    A slider that moves a line then moves the line and not the axes.
    """
    if shown is None:
        return wanted
    width, slack = wanted[1] - wanted[0], 0.04 * (wanted[1] - wanted[0])
    inside = shown[0] <= wanted[0] + slack and wanted[1] - slack <= shown[1]
    if inside and shown[1] - shown[0] <= 1.6 * width:
        return shown
    return wanted

"""What is true of the population on the screen, before any sample: targets and paradoxes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.estimators import pooled
from simlab.estimators.base import SizeMoments, sector_contrasts
from simlab.moments import Floats
from simlab.population import Plan, size_moments, truth
from simlab.runner import Work
from simlab.sampling import block_clusters
from simlab.text.numbers import signed
from simlab.words import SAME

__all__ = ["Facts", "facts", "paradoxes"]


class Facts(NamedTuple):
    """What the samples aim at.

    Attributes
    ----------
    within, between : (P,)
        β_W and β_B in each place. For the same schools those of the schools drawn; the latter is
        NaN where their means are all alike.
    pooled : (S,)
        The limit of the pooled slope in each sector: β_W + λ(β_B − β_W).
    population : (S, 2)
        β_W and β_B of the population, whatever the scheme.
    """

    within: Floats
    between: Floats
    pooled: Floats
    population: Floats


def facts(work: Work) -> Facts:
    """Return what is true of a study of one condition.

    Parameters
    ----------
    work : Work
        As `draws.prepare` compiled it.
    """
    (job,) = work.jobs
    plan, scheme = job.plan, job.condition.scheme
    clusters = None
    if scheme == SAME:
        clusters = block_clusters(plan, scheme, work.study.seed, job.key, 0, 1)
    targets = sector_contrasts(len(plan.sectors)) @ truth(plan, clusters)["slope"]
    population = truth(plan)["slope"]
    share = np.array([pooled.share(x) for x in _sizes(plan)])
    limit = population[:, 0] + share * (population[:, 1] - population[:, 0])
    return Facts(targets[:, 0], targets[:, 1], limit, population)


def _sizes(plan: Plan) -> list[SizeMoments]:
    x, sizes = plan.parameters.random_x, size_moments(plan)
    return [
        SizeMoments(float(n), float(inverse), x.between_sd**2, x.within_sd**2, False)
        for n, inverse in zip(sizes.n, sizes.inverse, strict=True)
    ]


def paradoxes(known: Facts, sectors: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the paradoxes that are on: (name, what reverses).

    Robinson's: β_W and β_B have opposite signs (Robinson 1950). Simpson's: within schools the
    effect has one sign, in the pooled data the other (Simpson 1951).

    Parameters
    ----------
    known : Facts
        From `facts`.
    sectors : tuple of str
        Their names.
    """
    on = []
    for s, sector in enumerate(sectors):
        within, between = known.population[s]
        place = f" ({sector})" if len(sectors) > 1 else ""
        if within * between < 0:
            text = f"β_W {signed(within, 1, plus=True)}, β_B {signed(between, 1, plus=True)}{place}"
            on.append(("Robinson", text))
        if within * known.pooled[s] < 0:
            pooled_slope = signed(known.pooled[s], 1, plus=True)
            text = f"β_W {signed(within, 1, plus=True)}, pooled → {pooled_slope}{place}"
            on.append(("Simpson", text))
    return on

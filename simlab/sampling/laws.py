"""What can be drawn, and with which random numbers; anything else is refused before it is drawn."""

from __future__ import annotations

from simlab.config import STANDARD, DrawnSizes, Open, StandardLaw
from simlab.errors import PopulationError
from simlab.moments import Floats
from simlab.population import LAWS, Law, Plan, law_name
from simlab.words import SAME, SCHEMES

from .streams import Common, Key

COMMON = tuple(n for n, law in STANDARD.items() if law.draw_common is not StandardLaw.draw_common)
"""Names of the laws that say how conditions share their draws."""


def require_laws(plan: Plan, key: Key) -> None:
    """Refuse a population that has a law which the streams of a key do not know."""
    p = plan.parameters
    laws = {"random_effects": p.effects, "errors": p.errors}
    if not p.x_fixed:
        laws["x"] = p.random_x.law
    for field, law in laws.items():
        if isinstance(key, Common):
            known, how = COMMON, "with common random numbers"
        else:
            known, how = LAWS, "by the kernels"
        if law_name(law) not in known:
            raise PopulationError(
                f"the law {law_name(law)} cannot be drawn {how}; known are {', '.join(known)}",
                f"population.{field}",
            )
    if not isinstance(plan.population.cluster_sizes, DrawnSizes) and len(p.sizes) != plan.J:
        raise PopulationError(
            f"{len(p.sizes)} sizes of {plan.J} clusters, and no law to draw them from",
            "population.cluster_sizes",
        )


def standardised(open_stream: Open, law: Law, shape: tuple[int, ...]) -> Floats:
    """Draw from a law of mean 0 and variance 1 so that conditions share their draws."""
    name = law_name(law)
    if name not in COMMON:
        raise PopulationError(f"the law {name} cannot be drawn with common random numbers")
    return STANDARD[name].draw_common(open_stream, shape, law.a, law.b)


def keeps_clusters(scheme: str) -> bool:
    """Whether all replicates of a scheme share the clusters drawn once."""
    if scheme not in SCHEMES:
        raise PopulationError(f"{scheme} is none; there are {' and '.join(SCHEMES)}", "scheme")
    return scheme == SAME

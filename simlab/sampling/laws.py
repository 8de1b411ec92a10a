"""What can be drawn, and with which random numbers; anything else is refused before it is drawn."""

from __future__ import annotations

from simlab.errors import PopulationError
from simlab.population import Plan, law_name
from simlab.words import SAME, SCHEMES

from .coupled import STANDARDISED
from .kernels import EXPONENTIAL, NORMAL, STUDENT_T, UNIFORM
from .streams import Common, Key

__all__ = ["keeps_clusters", "require_laws"]


def require_laws(plan: Plan, key: Key) -> None:
    """Refuse a population that has a law which the streams of a key do not know.

    Raises
    ------
    PopulationError
        Naming the field and its law.
    """
    p = plan.parameters
    laws = {"random_effects": p.effects, "errors": p.errors}
    if not p.held:
        laws["x"] = p.random_x.law
    for field, law in laws.items():
        if isinstance(key, Common):
            known, how = law_name(law) in STANDARDISED, "with common random numbers"
        else:
            known, how = law.code in (NORMAL, UNIFORM, EXPONENTIAL, STUDENT_T), "by the kernels"
        if not known:
            raise PopulationError(
                f"the law {law_name(law)} cannot be drawn {how}; known are "
                f"{', '.join(STANDARDISED)}",
                f"population.{field}",
            )
    if not p.sizes.poisson and len(p.sizes.fixed) != plan.J:
        raise PopulationError(
            f"{len(p.sizes.fixed)} sizes of {plan.J} clusters, and no law to draw them from",
            "population.cluster_sizes",
        )


def keeps_clusters(scheme: str) -> bool:
    """Whether all replicates of a scheme share the clusters drawn once.

    Raises
    ------
    PopulationError
        If there is no such scheme.
    """
    if scheme not in SCHEMES:
        raise PopulationError(f"{scheme} is none; there are {' and '.join(SCHEMES)}", "scheme")
    return scheme == SAME

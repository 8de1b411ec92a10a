"""The laws that a population is drawn from, by their names in a study.

The first law is the default, and the order is that of messages and of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union

from pydantic import BeforeValidator, Discriminator, Tag

from simlab.config.section import Finding, Section, choice, refusal, shown

from .poisson import PoissonSizes
from .sizes import DataCovariate, DataSizes, DrawnSizes, FixedSizes, ListSizes, Sizes
from .standard import Covariate, Exponential, Normal, Open, StandardLaw, Uniform
from .student_t import StudentT, chi_square

__all__ = [
    "COVARIATES", "SIZES", "STANDARD", "ClusterSizes", "Covariate", "CovariateLaw", "DataCovariate",
    "DataSizes", "DrawnSizes", "Law", "Open", "Sizes", "StandardLaw", "chi_square",
]  # fmt: skip

S = TypeVar("S", bound=Section)


def _by_name(*laws: type[S]) -> Mapping[str, type[S]]:
    return MappingProxyType({law.model_fields["law"].default: law for law in laws})


STANDARD: Mapping[str, type[StandardLaw]] = _by_name(Normal, Uniform, Exponential, StudentT)
"""Laws of random effects, of errors, and of x within clusters."""

SIZES: Mapping[str, type[Sizes]] = _by_name(PoissonSizes, FixedSizes, ListSizes, DataSizes)
"""Laws of cluster sizes."""

COVARIATES: Mapping[str, type[Covariate]] = MappingProxyType(
    {
        name: type(
            f"{law.__name__}Covariate",
            (law, Covariate),
            {"__module__": __name__, "__doc__": law.__doc__},
        )
        for name, law in STANDARD.items()
    }
)
"""Laws of x that is drawn: a standard law, its mean and its standard deviations."""

globals().update({law.__name__: law for law in COVARIATES.values()})  # where pickle looks for them


def _one_of(laws: Mapping[str, type[Section]]) -> Any:
    """Return the type of a field that is one of several laws, distinguished by `law`."""
    names = tuple(laws)

    def check(value: Any) -> Any:
        """Check `law` before the union looks at the rest."""
        if isinstance(value, Section):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a mapping such as {{law: {names[0]}}}, not {shown(value)}")
        law = value.get("law", names[0])
        if law not in names:
            raise refusal([Finding(("law",), choice(law, names))])
        return {**value, "law": law}

    members: Any = tuple(Annotated[law, Tag(f"<{name}>")] for name, law in laws.items())
    union = Union[members]  # noqa: UP007
    return Annotated[union, Discriminator(_member), BeforeValidator(check)]


def _member(value: Any) -> str:
    """Return the tag of the union member that a law belongs to; brackets mark tags in paths."""
    return f"<{value['law'] if isinstance(value, Mapping) else value.law}>"


if TYPE_CHECKING:
    ClusterSizes = Sizes
    CovariateLaw = Covariate | DataCovariate
    Law = StandardLaw
else:
    ClusterSizes = _one_of(SIZES)
    CovariateLaw = _one_of({**COVARIATES, "data": DataCovariate})
    Law = _one_of(STANDARD)

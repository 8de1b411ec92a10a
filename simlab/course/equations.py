"""The ten models of the course as formulas and as equations of level 1, level 2 and combined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from simlab.formula.nodes import quoted

Part = Literal["w", "c", "cw"]


class Roles(NamedTuple):
    """Columns of the response, the covariate, the covariate of clusters, the cluster's label."""

    y: str
    x: str
    w: str
    cluster: str


class Spec(NamedTuple):
    """One model."""

    title: str  # traditional name
    # fixed and random part, with {x}, {w}, {c}, {d} for the variables
    right: str
    effects: str
    # what the intercept of a cluster depends on: w, the cluster mean c, their product
    intercept: tuple[Part, ...] = ()
    slope: tuple[Part, ...] | None = None  # what its slope depends on; None without a slope
    random_slope: bool = False  # whether the slope has a random effect
    # {"x", "d"} the covariate of level 1: raw, or the deviation from the cluster mean
    inner: Literal["x", "d"] = "x"
    raw: bool = False  # the fixed part has the raw x though the random part has the deviation

    def fixed(self, names: Roles) -> str:
        """The fixed part, ``y ~ …``."""
        return f"{quoted(names.y)} ~ {_filled(self.right, names)}"

    def random(self, names: Roles) -> str:
        """The random part in nlme's spelling, ``~ … | cluster``."""
        return f"~ {_filled(self.effects, names)} | {quoted(names.cluster)}"

    def formula(self, names: Roles) -> str:
        """The model in lme4's spelling."""
        return f"{self.fixed(names)} + ({self.random(names).removeprefix('~ ')})"


SPECS = (
    Spec("One way ANOVA with random effects", "1", "1"),
    Spec("Means as outcomes", "1 + {w}", "1", ("w",)),
    Spec("One way ANCOVA", "1 + {x}", "1", (), ()),
    Spec("Random coefficients", "1 + {x}", "1 + {x}", (), (), True),
    Spec(
        "Intercepts and slopes as outcomes", "1 + {x} + {w} + {x}:{w}", "1 + {x}",
        ("w",), ("w",), True,
    ),
    Spec("Non random slopes", "1 + {x} + {w} + {x}:{w}", "1", ("w",), ("w",)),
    Spec("Parallel mean slopes", "1 + {x} + {w}", "1 + {x}", ("w",), (), True),
    Spec(
        "Contextual cluster mean variable with CWG variable and random CWG slopes",
        "1 + {c} + {d}", "1 + {d}", ("c",), (), True, "d",
    ),
    Spec(
        "Contextual cluster mean variable with raw variable and random CWG slopes",
        "1 + {c} + {x}", "1 + {d}", ("c",), (), True, "d", True,
    ),
    Spec(
        "Intercepts and slopes as outcomes with contextual cluster mean variable with CWG "
        "variable and random CWG effect",
        "1 + ({c} + {d}) * {w}", "1 + {d}", ("c", "w", "cw"), ("w",), True, "d",
    ),
)  # fmt: skip


class Symbols(NamedTuple):
    """Symbols of the variables in equations."""

    # names of columns
    y: str
    x: str
    cluster: str
    w: tuple[str, ...]  # one, or one for each category but the first
    coding: tuple[str, ...]  # what w's symbols mean, if that is not plain

    @property
    def where(self) -> tuple[str, ...]:
        """Lines on what the symbols mean."""
        x, cluster = self.x, self.cluster
        return (
            f"i numbers the rows within {cluster} j; (u_0j, u_1j) ~ N(0, G), ε_ij ~ N(0, σ²)",
            *self.coding,
            f"cvar({x})_j is the mean of {x} in {cluster} j, dvar({x})_ij = {x}_ij − cvar({x})_j "
            "(CWG: centred within groups)",
        )


class Written(NamedTuple):
    """The equations of a model."""

    level1: str  # rows within a cluster
    level2: tuple[str, ...]  # the coefficients of a cluster
    combined: str  # level 2 put into level 1


def written(spec: Spec, symbols: Symbols) -> Written:
    """Write the equations of a model with the user's names."""
    y, x = f"{symbols.y}_ij", f"{symbols.x}_ij"
    inner = x if spec.inner == "x" else f"dvar({symbols.x})_ij"
    sums = _terms(0, spec.intercept, symbols)
    fixed = list(sums)
    if spec.raw:  # γ_10 x = γ_10 dvar + γ_10 cvar: what the raw x adds to the intercept
        sums[1] = sums[1].replace("γ_01", "(γ_01 + γ_10)")
    level2 = [f"β_0j = {' + '.join(sums)} + u_0j"]
    random = ["u_0j"]
    if spec.slope is None:
        return Written(
            f"{y} = β_0j + ε_ij", tuple(level2), f"{y} = {' + '.join([*fixed, *random])} + ε_ij"
        )
    sums = _terms(1, spec.slope, symbols)
    fixed += [f"{term} {x if spec.raw else inner}" for term in sums]
    if spec.random_slope:
        sums.append("u_1j")
        random.append(f"u_1j {inner}")
    level2.append(f"β_1j = {' + '.join(sums)}")
    combined = f"{y} = {' + '.join([*fixed, *random])} + ε_ij"
    return Written(f"{y} = β_0j + β_1j {inner} + ε_ij", tuple(level2), combined)


def _terms(row: int, parts: Sequence[Part], symbols: Symbols) -> list[str]:
    """Terms of a coefficient of a cluster: γ_row0, then γ_row,k times what it depends on."""
    mean = f"cvar({symbols.x})_j"
    w = [f"{name}_j" for name in symbols.w]
    columns = {"w": w, "c": [mean], "cw": [f"{mean} {name}" for name in w]}
    names = [name for part in parts for name in columns[part]]
    gammas = [f"γ_{row}{k}" if k < 10 else f"γ_{row},{k}" for k in range(len(names) + 1)]
    return [gammas[0], *(f"{gamma} {name}" for gamma, name in zip(gammas[1:], names, strict=True))]


def _filled(text: str, names: Roles) -> str:
    """Formula with the names of the columns."""
    inside = f"{quoted(names.x, nested=True)}, {quoted(names.cluster, nested=True)}"
    return text.format(
        x=quoted(names.x), w=quoted(names.w), c=f"cvar({inside})", d=f"dvar({inside})"
    )

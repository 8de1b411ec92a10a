"""YAML → frozen, validated study; what is wrong is told with file, line, column and field.

`load` a file or `loads` a text; a `Study` is immutable from then on. `dumps` writes it again.
"""

from .errors import ConfigError, Problem
from .generated import Generated, Truth, read_truth
from .grid import MISSING, GridLevel, lookup, settle, substitute, unfold
from .laws import (
    Covariate,
    DataCovariate,
    DataSizes,
    Deviation,
    FixedSizes,
    ListSizes,
    PoissonSizes,
    StandardLaw,
    StudentTCovariate,
    StudentTLaw,
)
from .population import Population
from .reader import load, loads, locate
from .section import Finding
from .setting import Setting, declared
from .stopping import FEWEST, Replicates, Until
from .study import Parallel, Study, Tests, Verdicts, schema
from .values import FrozenMap, canonical, flow, number, plain
from .writer import dumps

__all__ = [
    "FEWEST",
    "MISSING",
    "ConfigError",
    "Covariate",
    "DataCovariate",
    "DataSizes",
    "Deviation",
    "Finding",
    "FixedSizes",
    "FrozenMap",
    "Generated",
    "GridLevel",
    "ListSizes",
    "Parallel",
    "PoissonSizes",
    "Population",
    "Problem",
    "Replicates",
    "Setting",
    "StandardLaw",
    "StudentTCovariate",
    "StudentTLaw",
    "Study",
    "Tests",
    "Truth",
    "Until",
    "Verdicts",
    "canonical",
    "declared",
    "dumps",
    "flow",
    "load",
    "loads",
    "locate",
    "lookup",
    "number",
    "plain",
    "read_truth",
    "schema",
    "settle",
    "substitute",
    "unfold",
]

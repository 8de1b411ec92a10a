"""YAML → frozen, validated study; errors name file, line, column and field.

`load` a file or `loads` a text; a `Study` is immutable from then on. `dumps` writes it again.
"""

from simlab.errors import ConfigError, Problem

from .grid import MISSING, GridLevel, lookup, settle, substitute, unfold
from .laws import (
    COVARIATES,
    STANDARD,
    Covariate,
    DataCovariate,
    DataSizes,
    DrawnSizes,
    Open,
    Sizes,
    StandardLaw,
    chi_square,
)
from .population import Population
from .reader import dumps, load, loads, locate
from .section import Finding, unknown
from .setting import Generated, Setting, Truth, declared, read_truth
from .study import FEWEST, Parallel, Replicates, Study, Tests, Until, Verdicts, schema
from .values import FrozenMap, canonical, flow, number, plain

__all__ = [
    "COVARIATES", "FEWEST", "MISSING", "STANDARD", "ConfigError", "Covariate", "DataCovariate",
    "DataSizes", "DrawnSizes", "Finding", "FrozenMap", "Generated", "GridLevel", "Open", "Parallel",
    "Population", "Problem", "Replicates", "Setting", "Sizes", "StandardLaw", "Study", "Tests",
    "Truth", "Until", "Verdicts", "canonical", "chi_square", "declared", "dumps", "flow", "load",
    "loads", "locate", "lookup", "number", "plain", "read_truth", "schema", "settle", "substitute",
    "unfold", "unknown",
]  # fmt: skip

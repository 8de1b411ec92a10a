"""YAML → frozen, validated study; what is wrong is told with file, line, column and field.

`load` a file or `loads` a text; a `Study` is immutable from then on. `dumps` writes it again.
"""

from .errors import ConfigError, Problem
from .generated import Generated, Truth, read_truth
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
from .reader import load, loads, locate
from .section import Finding
from .setting import Setting, declared
from .stopping import FEWEST, Replicates, Until
from .study import Parallel, Study, Tests, Verdicts, schema
from .values import FrozenMap, canonical, flow, number, plain
from .writer import dumps

__all__ = [
    "COVARIATES",
    "FEWEST",
    "MISSING",
    "STANDARD",
    "ConfigError",
    "Covariate",
    "DataCovariate",
    "DataSizes",
    "DrawnSizes",
    "Finding",
    "FrozenMap",
    "Generated",
    "GridLevel",
    "Open",
    "Parallel",
    "Population",
    "Problem",
    "Replicates",
    "Setting",
    "Sizes",
    "StandardLaw",
    "Study",
    "Tests",
    "Truth",
    "Until",
    "Verdicts",
    "canonical",
    "chi_square",
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

"""Formulas: from ``"mathach ~ ses * sector + (1 + ses | school)"`` and a data frame to arrays.

Nothing of a formula is evaluated as Python: see `expressions` for what a formula may say.
"""

from simlab.errors import FormulaError
from simlab.formula.build import build, variables
from simlab.formula.design import Design, NewRows
from simlab.formula.parser import Bar, Parsed, parse

__all__ = ["Bar", "Design", "FormulaError", "NewRows", "Parsed", "build", "parse", "variables"]

"""Fits of a model from its formula and a data frame."""

from __future__ import annotations

import warnings
from typing import Literal

from simlab.data.frames import Data, as_pandas
from simlab.fitting.errors import FitError, FitWarning, one_of
from simlab.fitting.estimation import estimate
from simlab.fitting.record import Method
from simlab.fitting.result import MixedFit
from simlab.formula import Design, build
from simlab.formula.slips import nearly_numbers
from simlab.formula.values import Table

SOON = 12  # independent random effects whose search ends within ten seconds


def fit(
    data: Data | str,
    formula: str | Data,
    method: Method = "REML",
    *,
    random: str | None = None,
    missing: Literal["drop", "raise"] = "drop",
    source: str = "the data",
) -> MixedFit:
    """Fit a linear mixed model with two levels.

        y_j = X_j γ + Z_j u_j + ε_j,   u_j ~ N(0, G),   ε_j ~ N(0, σ²I)

    Parameters
    ----------
    data : data frame or dict
        One row per unit; of pandas, polars or pyarrow. The formula may stand before it.
    formula : str
        In lme4's notation, ``"mathach ~ ses * sector + (1 + ses | school)"``; `||`
        for uncorrelated random effects; ``(1 | school:year)`` for combinations as
        clusters. ``cvar(ses, school)`` is the mean of ses in the school,
        ``dvar(ses, school)`` the deviation from it; ``ns(ses, 3)`` a natural spline.
        docs/formulas.md has all that a formula may contain.
    method : {"REML", "ML"}
        Restricted or full maximum likelihood.
    random : str, optional
        The random part in nlme's notation, ``"~ 1 + ses | school"``; then `formula`
        has no bar.
    missing : {"drop", "raise"}
        Rows with a missing value are left out, with a warning that counts them; or
        they are an error.
    source : str
        What error messages call the data.

    Returns
    -------
    MixedFit

    Raises
    ------
    FormulaError
        If the formula cannot be read.
    DataError
        If the data do not allow the model; one line says which column, row or
        cluster, and what to do.

    Warns
    -----
    FitWarning
        If rows were left out, columns dropped, or the search did not converge; if all but a few
        values of a text column are numbers; or, before it begins, if the search will take long.

    Examples
    --------
    >>> import simlab
    >>> fit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 + ses | school)")
    >>> round(float(fit.fixef["ses"]), 4)
    2.3894
    """
    one_of(method, ("REML", "ML"), "method")
    if isinstance(data, str):
        data, formula = formula, data
    if not isinstance(formula, str):
        raise FitError(f"the formula must be a text, not {type(formula).__name__}")
    table = Table(as_pandas(data, source), source)
    for slip in nearly_numbers(table, formula, random):
        warnings.warn(slip, FitWarning, stacklevel=2)  # before what follows from it is an error
    design = build(formula, table, random, missing)
    if (n := len(set(design.blocks.tolist()))) > SOON:
        warnings.warn(
            f"{n} independent random effects: the search takes minutes, or hours, growing with the "
            "fourth power of their number; use fewer, or let them be correlated",
            FitWarning,
            stacklevel=2,
        )
    fitted = fit_design(design, method, source)
    for note in fitted.notes:
        if not note.startswith("singular"):
            warnings.warn(note, FitWarning, stacklevel=2)
    return fitted


def fit_design(design: Design, method: Method, source: str = "the data") -> MixedFit:
    """Fit a model whose formula has been turned into numbers; see `estimation.estimate`."""
    return MixedFit.of(estimate(design, method, source))

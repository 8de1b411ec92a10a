"""A fitted null model and its alternatives, from formulas, all of the same rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from simlab.data.frames import Data, as_pandas
from simlab.fitting.anova import combination, nested, same_columns
from simlab.fitting.errors import FitError, FitWarning
from simlab.fitting.model import fit_design
from simlab.fitting.record import Method
from simlab.fitting.result import MixedFit
from simlab.formula import Design, build, parse, variables
from simlab.formula.slips import nearly_numbers
from simlab.formula.tokens import tokenize
from simlab.formula.values import Table
from simlab.mixed.optimum import at
from simlab.mixed.reduced import WORSE
from simlab.mixed.rows import rotate_rows
from simlab.testing.checks import NO_RESIDUAL
from simlab.testing.nested import LEFT_OUT, NestedFits

Missing = Literal["drop", "raise"]
Spelled = list[tuple[str, str | None]]  # a formula, and nlme's random= for one without a bar


def named(alternative: str | Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Alternatives by name; one that has none goes by its formula."""
    if isinstance(alternative, Mapping):
        formulas = {str(name): formula for name, formula in alternative.items()}
        listed = list(formulas.values())
    else:
        if isinstance(alternative, str) or not isinstance(alternative, Iterable):
            alternative = [alternative]
        listed = list(alternative)
        formulas = {str(formula): formula for formula in listed}
    if not listed:
        raise FitError("no alternative; give the formula of a model that the null is a part of")
    if twice := [formula for formula in listed if listed.count(formula) > 1]:
        raise FitError(f"the alternative {twice[0]!r} occurs twice; give it once")
    return formulas


def fit_models(
    data: Data,
    null: str,
    alternatives: Mapping[str, str],
    method: Literal["auto", "REML", "ML"],
    missing: Missing,
    source: str,
) -> dict[str, NestedFits]:
    """Fit the null model and the alternatives to the rows that are complete for all of them.

    Arguments as for `simlab.pvalue`; alternatives, and what is returned, are by name. Models that
    cannot be compared, and searches that found no maximum, are refused in one line.
    """
    table = as_pandas(data, source)
    first, *_ = alternatives.values()
    linear = isinstance(null, str) and not any(t.text in ("|", "||") for t in tokenize(null))
    place_holder = f"~ 1 | {parse(first).group}" if linear else None
    spelled: Spelled = [(null, place_holder), *((f, None) for f in alternatives.values())]
    used = dict.fromkeys(name for f, random in spelled for name in variables(f, random))
    null_design, *designs = (build(f, table, r, missing, source, used) for f, r in spelled)
    for design in designs:
        _check_alike(null_design, design)
    chosen = _method(method, null_design, designs)
    fitted = _linear(null, null_design, chosen) if linear else _fit(null_design, chosen, source)
    larger = [_fit(design, chosen, source) for design in designs]
    _warn(table, spelled, source, larger[0].notes)
    return {
        name: _inside(NestedFits(fitted, linear, fit))
        for name, fit in zip(alternatives, larger, strict=True)
    }


def _check_alike(null: Design, other: Design) -> None:
    """Refuse models of different responses or clusters."""
    if null.response != other.response:
        raise FitError(
            f"the null model is of {null.response}, the alternative of {other.response}; models "
            "of different responses cannot be compared"
        )
    if null.cluster_name != other.cluster_name:
        raise FitError(
            f"the clusters of the null model are {null.cluster_name}, those of the alternative "
            f"{other.cluster_name}; a null model is a part of its alternative"
        )


def _method(method: Literal["auto", "REML", "ML"], null: Design, others: list[Design]) -> Method:
    """Method of estimation: ML where fixed parts differ, if it is not given."""
    differ = [other for other in others if not same_columns(null.X, other.X)]
    if method == "auto":
        return "ML" if differ else "REML"
    if method == "REML" and differ:
        raise FitError(
            f"{null.formula!r} and {differ[0].formula!r} have different fixed parts: their "
            "restricted likelihoods are of different data and cannot be compared; take "
            "the method ML, or auto"
        )
    return method


def _fit(design: Design, method: Method, source: str) -> MixedFit:
    """Fit of a design; FitError if the search did not converge."""
    fitted = fit_design(design, method, source)
    if fitted.optimum.evaluations < 0:
        raise FitError(
            f"{design.formula!r}: the search for the maximum did not converge, so there is no "
            "statistic; try fewer random effects"
        )
    if fitted.no_residual:
        raise FitError(f"{design.formula!r}: {NO_RESIDUAL.format(design.cluster_name)}")
    return fitted


def _linear(formula: str, design: Design, method: Method) -> MixedFit:
    """A linear model, as a mixed model with G = 0."""
    clusters = rotate_rows(
        design.D, design.y, design.cluster, design.fixed, design.random, design.blocks
    )
    r = len(design.random)
    optimum = at(clusters.rotated, np.zeros((r, r)), method == "REML")
    return MixedFit(replace(design, formula=formula), clusters, optimum, method, ())


def _inside(hypothesis: NestedFits) -> NestedFits:
    """Refuse a null model that is not a smaller one inside its alternative."""
    null, linear, large = hypothesis
    names = f"the null {null.design.formula!r} and the alternative {large.design.formula!r}"
    if linear:
        inside = combination(null.design.X, large.design.X) is not None
    else:
        inside = nested(null, large)
    if not inside and not linear and nested(large, null):
        raise FitError(f"{names}: the null is the larger model; exchange them")
    if not inside:
        raise FitError(
            f"{names} are not nested: the null must be the alternative with some of its "
            "parameters left out"
        )
    if hypothesis.restriction.df == 0:
        raise FitError(f"{names} are the same model; there is nothing to test")
    if hypothesis.gain < -WORSE:
        raise FitError(
            f"{names}: the alternative fits worse by {-hypothesis.gain:.3g} units of "
            "deviance, so its search missed the maximum; try fewer random effects"
        )
    return hypothesis


def _warn(data: pd.DataFrame, spelled: Spelled, source: str, notes: tuple[str, ...]) -> None:
    """Warn of rows left out, and of texts that are nearly numbers."""
    messages = [note for note in notes if LEFT_OUT in note]
    messages += [slip for f, r in spelled for slip in nearly_numbers(Table(data, source), f, r)]
    for slip in dict.fromkeys(messages):
        warnings.warn(slip, FitWarning, stacklevel=4)

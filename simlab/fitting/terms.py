"""Tests of the terms of one fit: types 1, 2, 3, and nlme's marginal tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from simlab.fitting.errors import one_of
from simlab.fitting.hypotheses import joint_test, p_value, prepare
from simlab.fitting.record import DF, Fit, Type
from simlab.fitting.term_contrasts import (
    Layout,
    TermContrasts,
    by_level,
    containing,
    layout,
    leaning,
    marginal,
    type1,
    type2,
    type3,
)
from simlab.formula.contrasts import TREATMENT
from simlab.formula.design import Columns
from simlab.mixed.joint import NOTHING

TYPES = (1, 2, 3, "marginal")
INTERCEPT = "(Intercept)"


def term_tests(fit: Fit, df: DF = "satterthwaite", type: Type = 3) -> pd.DataFrame:
    """Test each term of the formula.

    Each type is a matrix L of weights, and tests Lγ = 0 (see `term_contrasts` for the formulas):

    * 3: the effects of a term on means of cells that all have the same weight, as with sum coding;
      the same under any coding, as lmerTest's. Covariates outside of the term are 0.
    * 2: what the term adds to all terms that do not contain it, as car's;
    * 1: what it adds to those before it, as nlme's sequential tests;
    * "marginal": that its coefficients are 0 in the coding that the fit has, as nlme's.

    Types 1 and 2 are by generalised least squares with the variances as estimated. lmerTest's types
    1 and 2 take their contrasts from X'X instead of X'V⁻¹X, and differ in unbalanced data; in
    its type 2 a factor is not contained in its product with a covariate.

    `df` is that of the denominator: "containment" has nlme's for terms, "normal" infinite ones: p
    is then that of χ² = num_df · F. Index "term"; num_df, den_df, F, p_value (NaN where there is no
    test), note. Types 3 and 2 have no row for the intercept, as in lmerTest and car; 1 and
    "marginal" have, as in nlme.
    """
    one_of(type, TYPES, "type")
    how, terms = prepare(fit, df), layout(fit.design.columns)
    names = [":".join(term) or INTERCEPT for term, _ in fit.design.columns.terms]
    places = list(fit.design.terms)
    rows = {}
    for i, name in enumerate(names):
        if name == INTERCEPT and type in (2, 3):
            continue
        contrasts = _contrasts(fit, terms, type, i)
        test, doubts = NOTHING, tuple[str, ...]()
        if len(contrasts.L):
            test, doubts = joint_test(fit, how, contrasts.L, np.zeros(len(contrasts.L)))
            if how.containment is not None:
                den = float(how.containment.terms[places.index(name)])
                test = test._replace(den=den if den > 0 else np.nan)
                doubts = () if den > 0 else ("containment leaves no df: too few clusters",)
        notes = [contrasts.note, _meaning(terms, fit.design.columns, type, i), *doubts]
        note = "; ".join(filter(None, notes if len(contrasts.L) else notes[:1]))
        rows[name] = (test.num, test.den, test.F, p_value(test), note)
    columns = ["num_df", "den_df", "F", "p_value", "note"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("term")


def _contrasts(fit: Fit, terms: Layout, type: Type, i: int) -> TermContrasts:
    if type == 3:
        return type3(terms, i)
    if type == "marginal":
        return marginal(terms, i)
    root = fit.clusters.units.A @ np.linalg.cholesky(fit.optimum.phi)
    return (type1 if type == 1 else type2)(terms, i, root)


def _meaning(terms: Layout, columns: Columns, type: Type, i: int) -> str:
    """Note on what a test depends on, such as the values of other variables."""
    own = terms.terms[i]
    names = [":".join(term) or INTERCEPT for term, _ in columns.terms]
    if type == 2 and (leaners := leaning(terms, i)):
        listed = " and ".join(names[j] for j in leaners)
        return f"depends on the coding of {listed}, which without {names[i]} would be another"
    if type not in (3, "marginal") or not own.variables:
        return ""
    if (
        len(own.variables) == 1
        and INTERCEPT not in names
        and any(map(by_level, own.effects.values()))
    ):
        return "without an intercept: the mean of every level is 0"
    values, averaged = [], []
    others = [terms.terms[j].variables - own.variables for j in containing(terms, i)]
    for variable in dict.fromkeys(v for term, _ in columns.terms for v in term):
        if not any(variable in other for other in others):
            continue
        if variable not in columns.factors:
            values.append(f"{variable} is 0")
        elif type == "marginal":
            levels, coding = columns.factors[variable]
            if coding.name == TREATMENT:
                values.append(f"{variable} is {coding.reference or levels[0]}")
            else:
                averaged.append(variable)
    where = f"where {' and '.join(values)}" if values else ""
    over = f"averaged over {' and '.join(averaged)}" if averaged else ""
    return ", ".join(filter(None, (where, over)))

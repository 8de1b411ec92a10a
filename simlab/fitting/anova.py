"""Comparison of nested fits by the likelihood ratio; or tests of every term of one fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import special

from simlab.fitting import term_contrasts
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.hypotheses import METHODS, SOURCES, joint_test, prepare
from simlab.fitting.hypotheses import p_value as p_value_of
from simlab.fitting.record import DF, Fit, Type
from simlab.fitting.term_contrasts import Layout, TermContrasts
from simlab.formula.contrasts import TREATMENT
from simlab.formula.design import Columns
from simlab.mixed.joint import NOTHING
from simlab.mixed.optimum import moved_along
from simlab.mixed.reduced import WORSE
from simlab.moments import Floats
from simlab.text import Note, Part, PrintableFrame, Table
from simlab.text.numbers import degrees, p_value, statistic

TYPES = (1, 2, 3, "marginal")
INTERCEPT = "(Intercept)"
IN_SPAN = 1e-8  # of a column's length: what other columns leave of it below this is rounding

RANK = 1e-4  # of the trace of G: an eigenvalue below it is 0

BOUNDARY = "variances at the boundary under H0: p is conservative"
NOT_NESTED = "not nested in this one: no test"
SAME_SIZE = "as many parameters: no test"
NO_MAXIMUM = "fits worse than a model inside it: its search missed the maximum"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Anova(PrintableFrame):
    """Tests of the terms of a fit, or a comparison of fits."""

    title: str  # what is tested, and how
    # one row for each term, index "term": num_df, den_df, F, p_value, note. Or one row for each
    # fit, index "model" (formula): npar, AIC, BIC, logLik, deviance, chisq, df, p_value, note. A
    # row has no test (NaN, and a note says why) if the model before it is not nested in it
    frame: pd.DataFrame

    def parts(self) -> list[Part | list[Part]]:
        """The tests, and notes on them."""
        columns = [str(name) for name in self.frame if name != "note"]
        rows = [
            [str(name), *(_COLUMNS[column][1](row[column]) for column in columns)]
            for name, row in self.frame.iterrows()
        ]
        header = ["", *(_COLUMNS[column][0] for column in columns)]
        notes = [
            Note(f"Note: {name}: {note}", "  ", "    ")
            for name, note in self.frame["note"].items()
            if note
        ]
        return [[Table(header, rows, self.title, indent="  "), *notes]]


def _two(value: float) -> str:
    return f"{value:.2f}"


_COLUMNS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "num_df": ("num df", degrees), "den_df": ("den df", degrees), "F": ("F", statistic),
    "npar": ("parameters", degrees), "AIC": ("AIC", _two), "BIC": ("BIC", _two),
    "logLik": ("log L", _two), "deviance": ("deviance", _two), "chisq": ("χ²", statistic),
    "df": ("df", degrees), "p_value": ("p", p_value),
}  # fmt: skip
"""What is written above each column, and how its numbers are written."""


def anova(fit: Fit, *others: Fit, type: Type = 3, df: DF = "satterthwaite") -> Anova:
    """Compare fits by likelihood-ratio tests; with one fit, test each of its terms.

    Fits are put in the order of their number of parameters, and each is compared with the one
    before it: χ² = D₀ − D₁, the difference of deviances, on the difference of the numbers of
    parameters. Where that adds random effects, their variances are at the boundary under the null
    hypothesis, χ² is too long a ruler, and the p-value is conservative (Self & Liang 1987, Journal
    of the American Statistical Association 82:605). A covariance alone is not at a boundary.

    Parameters
    ----------
    fit, *others : Fit
        Of the same rows, by the same method; by REML, with the same fixed part.
    type : {3, 2, 1, "marginal"}
        For one fit, what is tested of each term: its effect on means of cells of equal weight (3,
        as lmerTest), what it adds to the terms that do not contain it (2, as car), to those before
        it (1, as nlme), or its coefficients as they are coded ("marginal", as nlme's marginal
        tests); see `term_tests`.
    df : {"satterthwaite", "kenward-roger", "containment", "normal"}
        For one fit.

    Raises
    ------
    FitError
        If methods, rows or responses differ, or REML fits differ in their fixed part; if there is
        no such type or df; or a type is given for several fits.
    """
    one_of(df, METHODS, "df")
    if not others:
        kind = type if type == "marginal" else f"type {type}"
        return Anova(f"Tests of terms, {kind}: {SOURCES[df]}", term_tests(fit, df, type))
    if type != 3:
        raise FitError(f"type {type!r} is of the tests of one fit; leave it out to compare fits")
    for other in others:
        if not isinstance(other, Fit):
            raise FitError(f"anova compares fits, not {other!r:.40}")
    fits = sorted((fit, *others), key=lambda one: one.npar)
    for other in fits[1:]:
        _check_comparable(fits[0], other)
    first = [np.nan, np.nan, np.nan, ""]
    tests = [first, *(list(_compare(a, b)) for a, b in pairwise(fits))]
    rows = [
        [one.npar, one.aic, one.bic, one.loglik, one.deviance, *test]
        for one, test in zip(fits, tests, strict=True)
    ]
    columns = ["npar", "AIC", "BIC", "logLik", "deviance", "chisq", "df", "p_value", "note"]
    index = pd.Index([one.design.formula for one in fits], name="model")
    frame = pd.DataFrame(rows, index=index, columns=columns)
    return Anova(f"Likelihood-ratio tests by {fit.method}", frame)


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
    how, terms = prepare(fit, df), term_contrasts.layout(fit.design.columns)
    names = [":".join(term) or INTERCEPT for term, _ in fit.design.columns.terms]
    order = list(fit.design.terms)
    rows = {}
    for i, name in enumerate(names):
        if name == INTERCEPT and type in (2, 3):
            continue
        contrasts = _contrasts(fit, terms, type, i)
        test, doubts = NOTHING, tuple[str, ...]()
        if len(contrasts.L):
            test, doubts = joint_test(fit, how, contrasts.L, np.zeros(len(contrasts.L)))
            if how.containment is not None:
                den = float(how.containment.terms[order.index(name)])
                test = test._replace(den=den if den > 0 else np.nan)
                doubts = () if den > 0 else ("containment leaves no df: too few clusters",)
        notes = [contrasts.note, _meaning(terms, fit.design.columns, type, i), *doubts]
        note = "; ".join(filter(None, notes if len(contrasts.L) else notes[:1]))
        rows[name] = (test.num, test.den, test.F, p_value_of(test), note)
    columns = ["num_df", "den_df", "F", "p_value", "note"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("term")


def _contrasts(fit: Fit, terms: Layout, type: Type, i: int) -> TermContrasts:
    """Weights of the hypothesis that a type of tests has about term i."""
    if type == 3:
        return term_contrasts.type3(terms, i)
    if type == "marginal":
        return term_contrasts.marginal(terms, i)
    root = fit.clusters.units.A @ np.linalg.cholesky(fit.optimum.phi)
    return (term_contrasts.type1 if type == 1 else term_contrasts.type2)(terms, i, root)


def _meaning(terms: Layout, columns: Columns, type: Type, i: int) -> str:
    """Note on what a test depends on, such as the values of other variables."""
    own = terms.terms[i]
    names = [":".join(term) or INTERCEPT for term, _ in columns.terms]
    if type == 2 and (leaners := term_contrasts.leaning(terms, i)):
        listed = " and ".join(names[j] for j in leaners)
        return f"depends on the coding of {listed}, which without {names[i]} would be another"
    if type not in (3, "marginal") or not own.variables:
        return ""
    if (
        len(own.variables) == 1
        and INTERCEPT not in names
        and any(map(term_contrasts.by_level, own.effects.values()))
    ):
        return "without an intercept: the mean of every level is 0"
    values, averaged = [], []
    others = [terms.terms[j].variables - own.variables for j in term_contrasts.containing(terms, i)]
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


def _check_comparable(a: Fit, b: Fit) -> None:
    """Refuse fits of different methods, rows or responses."""
    names = f"{a.design.formula!r} and {b.design.formula!r}"
    if a.method != b.method:
        raise FitError(
            f"{names} are by {a.method} and by {b.method}, and their likelihoods cannot be "
            'compared; refit one of them, with method="ML" if the fixed parts differ'
        )
    if a.nobs != b.nobs or not a.design.rows.equals(b.design.rows):
        missing = {**a.design.missing, **b.design.missing}
        why = f" (missing values in {', '.join(missing)})" if missing else ""
        if a.design.rows.sort_values().equals(b.design.rows.sort_values()):
            raise FitError(
                f"{names} have the same rows in another order; fit both to one data frame"
            )
        raise FitError(
            f"{names} use different rows, {a.nobs} and {b.nobs} of them{why}; fit both to the "
            "rows that are complete for both"
        )
    if not np.array_equal(a.design.y, b.design.y):
        of = f"different responses, '{a.design.response}' and '{b.design.response}'"
        if a.design.response == b.design.response:
            of = f"other values of '{a.design.response}' in the same rows"
        raise FitError(f"{names} have {of}; their likelihoods cannot be compared")
    if a.method == "REML" and not same_columns(a.design.X, b.design.X):
        raise FitError(
            f"{names} are by REML and have different fixed parts: their restricted likelihoods "
            'are of different data (what X leaves of y); refit both with method="ML"'
        )


def _compare(small: Fit, large: Fit) -> tuple[float, float, float, str]:
    """χ², df, p and a note for a fit and the next larger one."""
    df = large.npar - small.npar
    if df == 0:
        return np.nan, np.nan, np.nan, SAME_SIZE
    if not nested(small, large):
        return np.nan, np.nan, np.nan, f"{small.design.formula!r} is {NOT_NESTED}"
    chisq = small.deviance - large.deviance
    note = BOUNDARY if at_boundary(small, large) else ""
    if chisq < -WORSE:
        note = NO_MAXIMUM
    chisq = max(chisq, 0.0)
    return chisq, float(df), float(special.chdtrc(df, chisq)), note


def nested(small: Fit, large: Fit) -> bool:
    """Whether every γ and G of the small model is one of the large model.

    Columns X₀ = XC, Z₀ = ZC with C common to all clusters, and CG₀C' with no covariance that the
    blocks of the large model do not allow.
    """
    if not np.array_equal(small.design.cluster, large.design.cluster):
        return False
    if combination(small.design.X, large.design.X) is None:
        return False
    C = combination(small.design.Z, large.design.Z)
    if C is None:
        return False
    used = np.abs(C) > IN_SPAN * np.abs(C).max()
    blocks = large.design.blocks
    apart = blocks[:, None] != blocks[None, :]
    return not any(
        (apart & (np.outer(used[:, a], used[:, b]) | np.outer(used[:, b], used[:, a]))).any()
        for a, b in small.optimum.free
    )


def at_boundary(small: Fit, large: Fit) -> int:
    """Number of variances of the large model that are at 0 where the small one holds.

    They are those of the random effects that it has more, unless the data do not tell all of G.
    Of ``(sector | school)`` they tell a variance in each sector: both are positive where they are
    equal, as ``(1 | school)`` has it, and none is at its boundary.
    """
    more = len(large.design.random) - len(small.design.random)
    flat, B = large.clusters.identification.flat, large.clusters.units.B
    C = combination(small.design.Z, large.design.Z) if more > 0 and len(flat) else None
    if C is None:
        return max(more, 0)
    root = np.linalg.solve(B, C / np.linalg.norm(large.design.Z, axis=0)[:, None])
    G = root @ root.T
    G /= np.trace(G)

    def near_singular(G: Floats) -> float:
        """How near to singular G is: −log det; infinite where it is no covariance."""
        values = np.linalg.eigvalsh(G) + RANK**2
        return -float(np.log(values).sum()) if values[0] > 0 else np.inf

    return int((np.linalg.eigvalsh(moved_along(flat, G, near_singular)) < RANK).sum())


def same_columns(a: Floats, b: Floats) -> bool:
    """Whether the columns are the same, in any order (a coding of its own changes |X'X|)."""
    if a.shape != b.shape:
        return False
    size = np.abs(a).max(axis=0)
    left = list(range(b.shape[1]))
    for i in range(a.shape[1]):
        match = [j for j in left if np.abs(a[:, i] - b[:, j]).max() <= IN_SPAN * size[i]]
        if not match:
            return False
        left.remove(match[0])
    return True


def combination(small: Floats, large: Floats) -> Floats | None:
    """Return C with small = large C, in units of the columns' lengths; None if there is none."""
    length_small, length_large = np.linalg.norm(small, axis=0), np.linalg.norm(large, axis=0)
    target, base = small / length_small, large / length_large
    C: Floats = np.linalg.lstsq(base, target, rcond=None)[0]
    return C if np.abs(target - base @ C).max() <= IN_SPAN else None

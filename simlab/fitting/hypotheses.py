"""Tests and intervals of fixed effects, with a choice of the degrees of freedom.

As lmerTest, pbkrtest (REML only), nlme, or infinite (z and χ²). Fits are compared in `anova`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from simlab.errors import check_level
from simlab.fitting.contrasts import Hypothesis, read
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.record import DF, Fit
from simlab.inference import t_quantile, two_sided
from simlab.mixed.containment import Containment, containment
from simlab.mixed.joint import (
    NOTHING,
    UNSCALED,
    Test,
    kr_test,
    satterthwaite_df,
    satterthwaite_test,
    wald_test,
)
from simlab.mixed.kenward_roger import Adjustment, kenward_roger, kr_df
from simlab.moments import Floats
from simlab.text import Note, Part, Printable, frame_table, numbers

FAR = 0.2  # pbkrtest's: a scale of F below which it is not to be relied on
NO_DF = 1e-6  # degrees of freedom that are 0 but for rounding
SOURCES = {
    "satterthwaite": "df of Satterthwaite (Fai & Cornelius 1996), as lmerTest",
    "kenward-roger": "df and standard errors of Kenward & Roger (1997), as pbkrtest",
    "containment": "df by containment, as nlme",
    "normal": "tests by the normal law, as with infinite df",
}

METHODS = tuple(SOURCES)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WaldTest(Printable):
    """A test of Lγ = rhs, row by row and jointly."""

    L: pd.DataFrame  # (q, p), weights; index: what each row says; columns: coefficients
    rhs: Floats  # (q,), hypothetical values
    # one row for each of L: estimate of Lγ, std_error, df, statistic (estimate − rhs)/std_error,
    # p_value (two-sided), lower and upper end of the interval
    estimates: pd.DataFrame
    F: float  # joint statistic; with Kenward and Roger's df, multiplied by `scaling`
    num_df: int  # independent rows of L
    den_df: float  # infinite for "normal"
    p_value: float  # of F, or of χ² for "normal"
    chi2: float | None  # num_df · F, for "normal"
    scaling: float  # Kenward and Roger's; 1 for the others
    df: DF  # how degrees of freedom were found
    level: float  # coverage of the intervals
    notes: tuple[str, ...]  # what the reader must know

    def to_frame(self) -> pd.DataFrame:
        """The estimates of each row of L; see `estimates`."""
        return self.estimates

    def parts(self) -> list[Part | list[Part]]:
        """Joint test, then each row, then the notes."""
        return [self.lines()]

    def lines(self) -> list[Part]:
        """The parts, which stand close together."""
        short = "{:.4g}".format
        title = f"Wald test ({self.df}): {self.joint(5)}"
        table = frame_table(self.estimates, ".5g", title, df=short, statistic=short)
        return [table, *(Note(f"Note: {note}") for note in self.notes)]

    def joint(self, digits: int = 4) -> str:
        """The joint test in one line."""
        p = f"p = {numbers.p_value(self.p_value)}"
        if self.chi2 is not None:
            return f"χ²({self.num_df}) = {self.chi2:.{digits}g}, {p}"
        return f"F({self.num_df}, {self.den_df:.{digits}g}) = {self.F:.{digits}g}, {p}"


def table(fit: Fit, df: DF = "satterthwaite") -> pd.DataFrame:
    """Estimates, standard errors and t tests of the coefficients.

    Parameters
    ----------
    df : {"satterthwaite", "kenward-roger", "containment", "normal"}
        "kenward-roger" has its own standard errors too.

    Returns
    -------
    pd.DataFrame
        Index "coefficient"; estimate, std_error, df, statistic (t; z for "normal"), p_value.

    Raises
    ------
    FitError
        If df is unknown, or "kenward-roger" for a fit by ML.
    """
    p = len(fit.design.fixed_names)
    tests = _tests(fit, prepare(fit, df), np.eye(p), np.zeros(p))
    return _frame(TESTED, tests, fit.design.fixed_names)


def conf_int_fixed(fit: Fit, level: float = 0.95, df: DF = "satterthwaite") -> pd.DataFrame:
    """Wald intervals of the coefficients, estimate ± t(df) · standard error: lower, upper."""
    return coefficients(fit, df, level)[["lower", "upper"]]


def coefficients(fit: Fit, df: DF = "satterthwaite", level: float = 0.95) -> pd.DataFrame:
    """All that `table` and `conf_int_fixed` have, index "coefficient"."""
    level = check_level(level)
    p = len(fit.design.fixed_names)
    estimates = _estimates(fit, prepare(fit, df), np.eye(p), np.zeros(p), level)
    return _frame(ESTIMATED, estimates, fit.design.fixed_names)


def wald(
    fit: Fit, L: Hypothesis, df: DF = "satterthwaite", rhs: ArrayLike = 0.0, level: float = 0.95
) -> WaldTest:
    """Test Lγ = rhs.

    Parameters
    ----------
    L
        Weights: an array (q, p) or (p,), a DataFrame with coefficients for columns, or a dict
        coefficient → weight. Or names: a string is the coefficient of that name, or else a
        regular expression for all coefficients in whose names it occurs (`"sector"` takes the
        interactions with sector too), or else a term. Or a list of dicts and strings.
    df : {"satterthwaite", "kenward-roger", "containment", "normal"}
        The joint test has lmerTest's approximation, or Kenward and Roger's scaled F; with
        "containment" it has the smallest df of the coefficients that occur.
    rhs : scalar or (q,)
    level : float
        Coverage of the intervals.

    Raises
    ------
    FitError
        If L cannot be read or names what is not there, rhs contradicts itself, level is not
        between 0 and 1, df is unknown, or "kenward-roger" for a fit by ML.
    """
    level = check_level(level)
    how = prepare(fit, df)
    names = list(fit.design.fixed_names)
    contrasts = read(L, names, fit.design.terms)
    weights, target = contrasts.L, _right_side(rhs, len(contrasts.L))
    _check_consistent(weights, target)
    rows = _estimates(fit, how, weights, target, level)
    estimates = _frame(ESTIMATED, rows, contrasts.labels, "hypothesis")
    test, notes = joint_test(fit, how, weights, target)
    if test.num < len(weights):
        notes = (f"{len(weights)} rows, of which {test.num} are independent", *notes)
    return WaldTest(
        L=pd.DataFrame(weights, index=estimates.index, columns=names),
        rhs=target, estimates=estimates, F=test.F, num_df=test.num, den_df=test.den,
        p_value=p_value(test), chi2=test.num * test.F if df == "normal" else None,
        scaling=test.scaling, df=df, level=level, notes=(*contrasts.notes, *notes),
    )  # fmt: skip


class How(NamedTuple):
    """A way to degrees of freedom, with what it needs once for a fit."""

    df: DF
    adjustment: Adjustment | None  # Kenward and Roger's covariance
    containment: Containment | None  # counts of rows and clusters


def prepare(fit: Fit, df: DF) -> How:
    """Compute once what tests of a fit share; FitError for "kenward-roger" of a fit by ML."""
    one_of(df, METHODS, "df")
    if df == "kenward-roger":
        if fit.method != "REML":
            raise FitError(
                f"df 'kenward-roger' is defined for REML, and this fit is by {fit.method}; fit it "
                "by REML (which it is without --ml), or take df satterthwaite"
            )
        return How(df, kenward_roger(fit.optimum), None)
    if df == "containment":
        design = fit.design
        return How(df, None, containment(design.X, design.cluster, list(design.terms.values())))
    return How(df, None, None)


TESTED = pd.Index(["estimate", "std_error", "df", "statistic", "p_value"])
ESTIMATED = TESTED.append(pd.Index(["lower", "upper"]))


def _frame(
    columns: pd.Index, values: tuple[Floats, ...], labels: Sequence[str], name: str = "coefficient"
) -> pd.DataFrame:
    """Data frame of columns of numbers, a row for each label."""
    return pd.DataFrame(
        np.array(values).T, index=pd.Index(labels, name=name), columns=columns, copy=False
    )


def _tests(fit: Fit, how: How, L: Floats, rhs: Floats) -> tuple[Floats, ...]:
    """The columns `TESTED` of each row of L on its own."""
    units = fit.clusters.units
    engine = units.s_y * (L @ units.A)
    covariance = how.adjustment.adjusted if how.adjustment else fit.optimum.sigma2 * fit.optimum.phi
    with np.errstate(invalid="ignore"):  # nothing keeps Φ_A from being indefinite
        std_error = np.sqrt(np.einsum("qc,cd,qd->q", engine, covariance, engine))
    if how.adjustment is not None:
        df = kr_df(how.adjustment, engine)
    elif how.containment is not None:
        df = np.where(L != 0, how.containment.df, np.inf).min(axis=1)
        df = np.where(df > 0, df, np.nan)
    elif how.df == "satterthwaite":
        df = satterthwaite_df(fit.optimum, engine)
    else:
        df = np.full(len(L), np.inf)
    estimate = L @ units.b + engine @ fit.optimum.gamma
    if fit.no_residual:
        std_error, df = np.full(len(L), np.nan), np.full(len(L), np.nan)
    difference = estimate - rhs
    p_value = two_sided(difference, std_error, df)
    return estimate, std_error, df, difference / std_error, p_value


def _estimates(fit: Fit, how: How, L: Floats, rhs: Floats, level: float) -> tuple[Floats, ...]:
    """The columns `ESTIMATED`: the same, and the ends of an interval."""
    estimate, std_error, df, statistic, p_value = _tests(fit, how, L, rhs)
    half = t_quantile(level, df) * std_error
    difference = estimate - rhs
    lower, upper = difference - half + rhs, difference + half + rhs
    return estimate, std_error, df, statistic, p_value, lower, upper


def joint_test(fit: Fit, how: How, L: Floats, rhs: Floats) -> tuple[Test, tuple[str, ...]]:
    """Test Lγ = rhs, all rows together, L (q, p) in the user's units; with notes."""
    if fit.no_residual:
        return NOTHING, ("there is no residual variance",)
    units = fit.clusters.units
    engine, target = units.s_y * (L @ units.A), rhs - L @ units.b
    if how.adjustment is not None:
        test = kr_test(how.adjustment, engine, target)
        return test, _doubts(test)
    if how.df == "satterthwaite":
        return satterthwaite_test(fit.optimum, engine, target), ()
    if how.containment is None:
        return wald_test(fit.optimum, engine, target), ()
    involved = np.unique(how.containment.df[(L != 0).any(axis=0)])
    notes = []
    if len(involved) > 1:
        listed = ", ".join(f"{value:g}" for value in involved)
        notes.append(
            f"the coefficients differ in their containment df ({listed}); the smallest is taken"
        )
    den = float(involved[0])
    if den <= 0:
        notes.append("containment leaves no df: too few clusters for so many coefficients")
        den = float("nan")
    return wald_test(fit.optimum, engine, target, den), tuple(notes)


def _doubts(test: Test) -> tuple[str, ...]:
    """Reasons why Kenward and Roger's approximation may break down."""
    advice = "too few clusters for a joint test of so many contrasts; test fewer"
    if not test.den > NO_DF:
        return (f"Kenward and Roger's approximation leaves no denominator df: {advice}",)
    if test.num > 1 and abs(test.den - 2) < UNSCALED:
        return (f"at 2 denominator df F has no scale; it is left as it is: {advice}",)
    if test.scaling < FAR:
        return (f"Kenward and Roger multiply F by {test.scaling:.3g}: {advice}",)
    return ()


def p_value(test: Test) -> float:
    """P-value of F, or of χ² where the denominator df are infinite; NaN without a test."""
    if test is NOTHING or not (test.F >= 0 and test.den > NO_DF):
        return float("nan")
    if np.isinf(test.den):
        return float(special.chdtrc(test.num, test.num * test.F))
    return float(special.fdtrc(test.num, test.den, test.F))


def _right_side(rhs: ArrayLike, q: int) -> Floats:
    """Right side of Lγ = rhs as q finite numbers."""
    try:
        target = np.array(np.broadcast_to(np.asarray(rhs, dtype=float), q))
    except (TypeError, ValueError) as error:
        raise FitError(f"rhs must be a number, or {q} numbers, one for each row of L") from error
    if not np.isfinite(target).all():
        raise FitError("rhs has a value that is not a finite number")
    return target


def _check_consistent(L: Floats, rhs: Floats) -> None:
    """Refuse rows that say two things of one combination of coefficients."""
    unit = L / np.linalg.norm(L, axis=1, keepdims=True)
    goal = rhs / np.linalg.norm(L, axis=1)
    best = np.linalg.lstsq(unit, goal, rcond=1e-10)[0]
    if np.abs(unit @ best - goal).max() > 1e-8 * np.abs(goal).max(initial=0.0):
        raise FitError(
            "rows of L depend on each other, and rhs gives them values that cannot all hold; "
            "remove rows or change rhs"
        )

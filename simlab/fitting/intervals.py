"""Confidence intervals: of the variance components, by Wald or profile; of all parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from simlab.errors import check_level
from simlab.fitting.errors import FitError, one_of
from simlab.fitting.hypotheses import conf_int_fixed
from simlab.fitting.identified import unknown_components
from simlab.fitting.record import DF, Fit
from simlab.mixed import profile as profiles
from simlab.mixed.information import components, pairs, transformed
from simlab.mixed.optimum import Optimum, optimise
from simlab.mixed.profile import NotAMinimumError, Track
from simlab.moments import Floats
from simlab.text import Note, Paragraph, Part, Printable, frame_table

Kind = Literal["wald", "profile"]
Which = Literal["all", "fixed", "random"]

_AT_BOUNDARY = (
    "the fit is singular: a variance is at 0 or a correlation at ±1, where the deviance is not "
    "near a parabola; Wald intervals do not exist: take a bootstrap, or, in Python, "
    'method="profile"'
)
_NO_RESIDUAL = "there is no residual variance, so that the likelihood means nothing"
_NO_CONVERGENCE = "the fit did not converge: there are no Wald intervals"
_NO_INFORMATION = (
    "the observed information is not positive definite: the data hardly tell the variance "
    'components apart; take a bootstrap, or, in Python, method="profile"'
)
_UNKNOWN = "the design does not identify this variance component; see the notes of the fit"
_BY_ML = "intervals of fixed effects by the ML profile; the model was refitted by ML for them"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class VarCorr(Printable):
    """Variance components with their intervals, in units of the response."""

    # rows ``sd(x)`` of each random effect, ``cor(x,y)`` of each correlated pair, ``sigma``. Columns
    # ``estimate``, ``lower``, ``upper``; for Wald intervals also ``std_error``, on the transformed
    # scale, and ``scale``, its name: ``log``, or ``logit`` for log((1 + ρ)/(1 − ρ))
    table: pd.DataFrame
    level: float  # of the intervals
    method: Kind  # how the intervals were made
    criterion: str  # the likelihood that the model was fitted by, and that the intervals are from
    notes: tuple[str, ...]  # why there are no intervals, where there are none

    def to_frame(self) -> pd.DataFrame:
        """The estimates and intervals; see `table`."""
        return self.table

    def parts(self) -> list[Part | list[Part]]:
        """Estimates and intervals, then why some are lacking."""
        kind = {"wald": "Wald", "profile": "profile likelihood"}[self.method]
        head = f"Variance components, {100 * self.level:g}% {kind} intervals, {self.criterion}"
        shown = frame_table(self.table[["estimate", "lower", "upper"]], ".5g")
        return [[Paragraph(head), shown, *(Note(f"({note})", indent=" ") for note in self.notes)]]


def varcorr(fit: Fit, level: float = 0.95, method: Kind = "wald") -> VarCorr:
    """Intervals of the standard deviations and correlations of the random effects, and of σ.

    Parameters
    ----------
    level
        Of confidence.
    method
        ``"wald"``
            From the observed information, on scales without bounds: log sd, log((1 + ρ)/(1 − ρ)),
            log σ, and back (Pinheiro & Bates 2000, §2.4.3; as nlme's ``intervals``). Absent where
            the fit is singular.
        ``"profile"``
            Where the deviance, minimised over everything else, rises by z² above its minimum.
            It is the fit's own deviance, REML or ML (lme4's ``confint`` takes ML always). An
            interval of a standard deviation begins at 0 if the deviance there is not above this,
            and that of a correlation ends at ±1 likewise; a correlation is free, [−1, 1], if one
            of its two effects may have no variance.

    Raises
    ------
    FitError
        If the level or the method does not exist, or the fit did not converge (profile only).
    """
    z = _quantile(level)
    one_of(method, ("wald", "profile"), "method")
    if method == "wald":
        table, notes = _wald(fit, z)
    else:
        table = _estimates(fit).assign(lower=np.nan, upper=np.nan)
        tracks = _random_tracks(fit)
        ends, notes = _limits(tracks, z)
        table.loc[list(tracks), ["lower", "upper"]] = ends
        notes += [_UNKNOWN] if len(tracks) < len(table) else []
    return VarCorr(table, level, method, fit.method, tuple(notes))


def conf_int(
    fit: Fit, level: float = 0.95, kind: Kind = "wald", df: DF = "satterthwaite",
    which: Which = "all",
) -> pd.DataFrame:  # fmt: skip
    """Confidence intervals of the parameters.

    Parameters
    ----------
    level
        Of confidence.
    kind
        ``"wald"``: t intervals of the fixed effects, with the degrees of freedom `df`, and
        `varcorr`'s of the variance components. ``"profile"``: profile likelihood. For fixed
        effects that is always the ML likelihood, since REML likelihoods with different fixed
        parts cannot be compared: a REML fit is refitted by ML inside, and its interval need not
        be centred near the REML estimate. For variance components it is the fit's own.
    df
        Degrees of freedom of Wald intervals.
    which
        ``"fixed"`` effects, ``"random"`` for the variance components, or both.

    Returns
    -------
    pd.DataFrame
        Columns ``lower`` and ``upper``; the fixed effects first. ``attrs["notes"]`` is a tuple of
        what is to be known: a refit, or why there are no intervals.

    Raises
    ------
    FitError
        As `varcorr`.
    """
    z = _quantile(level)
    one_of(kind, ("wald", "profile"), "kind")
    one_of(which, ("all", "fixed", "random"), "which")
    parts: list[pd.DataFrame] = []
    notes: list[str] = []
    if which != "random" and kind == "wald":
        parts.append(conf_int_fixed(fit, level, df))
    elif which != "random":
        ends, notes = _limits(_fixed_tracks(fit), z)
        notes = notes if fit.method == "ML" else [_BY_ML, *notes]
        index = list(fit.design.fixed_names)
        parts.append(pd.DataFrame(ends, index=index, columns=["lower", "upper"]))
    if which != "fixed":
        random = varcorr(fit, level, kind)
        parts.append(random.table[["lower", "upper"]])
        notes += random.notes
    out = pd.concat(parts).rename_axis("parameter")
    out.attrs["notes"] = tuple(notes)
    return out


def profile(
    fit: Fit, which: str | Iterable[str] = "all", points: int = 31, level: float = 0.99
) -> pd.DataFrame:
    """Profiles of parameters, for plotting.

    Where ζ is a straight line against the value, the Wald interval is right; where it is bent,
    the interval should be read off at ζ = ±z.

    Parameters
    ----------
    which
        ``"all"``, ``"fixed"``, ``"random"``, or names of parameters: those of the fixed effects,
        and those of `varcorr`.
    points
        Of each profile, at least 2; the estimate comes in addition, if it is not one of them.
    level
        The profiles span the intervals of this level.

    Returns
    -------
    pd.DataFrame
        Columns ``parameter``; ``value``; ``zeta`` = sign(value − estimate)·√(rise of the
        deviance), 0 at the estimate: the ML estimate for a fixed effect, as in `conf_int`.

    Raises
    ------
    FitError
        As `varcorr`, or if a parameter does not exist.
    """
    z = _quantile(level)
    if isinstance(points, bool) or not isinstance(points, int) or points < 2:
        raise FitError(f"points is {points!r}; it must be a whole number, at least 2")
    fixed, random = list(fit.design.fixed_names), _names(fit)
    groups = {"all": fixed + random, "fixed": fixed, "random": random}
    wanted = groups.get(which, [which]) if isinstance(which, str) else list(which)
    if not wanted:
        raise FitError("which is empty; name a parameter, or take all, fixed or random")
    for name in wanted:
        if name not in groups["all"]:
            known = ", ".join(map(repr, groups["all"]))
            raise FitError(
                f"which: no parameter {name!r}; there are {known}, and all, fixed, random"
            )
    tracks = _random_tracks(fit, wanted)
    for name in wanted:
        if name in random and name not in tracks:
            raise FitError(f"profile of {name}: {_UNKNOWN}")
    if any(name in fixed for name in wanted):
        tracks |= _fixed_tracks(fit, wanted)
    parts = []
    for name in wanted:
        try:
            psi, zeta = profiles.trace(tracks[name], z, points)
        except NotAMinimumError as error:
            raise FitError(f"profile of {name}: {_missed(error)}") from error
        value = [tracks[name].user(p) for p in psi.tolist()]
        parts.append(pd.DataFrame({"parameter": name, "value": value, "zeta": zeta}))
    return pd.concat(parts, ignore_index=True)


def _names(fit: Fit) -> list[str]:
    """Names of the variance components: standard deviations, correlations, sigma."""
    names = fit.design.random_names
    cors = [f"cor({names[a]},{names[b]})" for a, b in pairs(fit.optimum.rotated)]
    return [*(f"sd({name})" for name in names), *cors, "sigma"]


def _estimates(fit: Fit) -> pd.DataFrame:
    sd, _, rho, sigma = components(fit.optimum, fit.clusters.units)
    estimate = np.where(unknown_components(fit.clusters), np.nan, [*sd, *rho, sigma])
    return pd.DataFrame({"estimate": estimate}, index=_names(fit))


def _wald(fit: Fit, z: float) -> tuple[pd.DataFrame, list[str]]:
    """The table of Wald intervals; NaN and a note where there are none."""
    table = _estimates(fit)
    r = len(fit.design.random_names)
    cors = len(table) - r - 1
    lower = upper = std_error = np.full(len(table), np.nan)
    notes = []
    if not fit.converged:
        notes = [_NO_CONVERGENCE]
    elif fit.no_residual:
        notes = [_NO_RESIDUAL]
    elif fit.singular:
        notes = [_AT_BOUNDARY]
    else:
        flat = len(fit.clusters.identification.flat)
        estimate, covariance = transformed(fit.optimum, fit.clusters.units, flat)
        std_error = np.sqrt(np.where(unknown_components(fit.clusters), np.nan, np.diag(covariance)))
        lower = _back(estimate - z * std_error, r)
        upper = _back(estimate + z * std_error, r)
        if flat:
            notes = [_UNKNOWN]
        elif np.isnan(std_error).any():
            notes = [_NO_INFORMATION]
    table["lower"], table["upper"], table["std_error"] = lower, upper, std_error
    table["scale"] = ["log"] * r + ["logit"] * cors + ["log"]
    return table, notes


def _back(values: Floats, r: int) -> Floats:
    """Standard deviations, correlations and σ from their transformed scales; may be infinite."""
    with np.errstate(over="ignore"):
        out: Floats = np.exp(values)
    out[r:-1] = np.tanh(values[r:-1] / 2)
    return out


def _random_tracks(fit: Fit, wanted: Iterable[str] | None = None) -> dict[str, Track]:
    """Profiles of the variance components, or of the wanted ones."""
    _refuse(fit)
    o, units = fit.optimum, fit.clusters.units
    names, both = _names(fit), pairs(fit.optimum.rotated)
    r = len(fit.design.random_names)
    out: dict[str, Track] = {}
    for i, (name, unknown) in enumerate(zip(names, unknown_components(fit.clusters), strict=True)):
        if unknown or (wanted is not None and name not in wanted):
            continue
        if i < r:
            out[name] = profiles.standard_deviation(o, units, i)
        elif i < r + len(both):
            out[name] = profiles.correlation(o, units, *both[i - r])
        else:
            out[name] = profiles.residual(o, units)
    return out


def _fixed_tracks(fit: Fit, wanted: Iterable[str] | None = None) -> dict[str, Track]:
    """Profiles of the fixed effects, or of the wanted ones, by ML."""
    _refuse(fit)
    ml = fit.optimum if fit.method == "ML" else _by_ml(fit)
    return {
        name: profiles.fixed_effect(ml, fit.clusters.units, k)
        for k, name in enumerate(fit.design.fixed_names)
        if wanted is None or name in wanted
    }


def _by_ml(fit: Fit) -> Optimum:
    """Fit by ML of the same model, for profiles of fixed effects."""
    ml = optimise(fit.optimum.rotated, reml=False)
    if ml.evaluations <= 0:
        raise FitError(
            "the model was refitted by ML for the profiles of its fixed effects, and that did not "
            'converge; use kind="wald"'
        )
    return ml


def _limits(tracks: dict[str, Track], z: float) -> tuple[Floats, list[str]]:
    """Both ends of each interval, (parameters, 2); NaN and a note where there are none."""
    ends, notes = np.full((len(tracks), 2), np.nan), []
    for i, (name, track) in enumerate(tracks.items()):
        try:
            ends[i] = [track.user(profiles.limit(track, side, z).psi) for side in (-1, 1)]
        except NotAMinimumError as error:
            notes.append(f"{name}: {_missed(error)}")
    return ends, notes


def _missed(error: NotAMinimumError) -> str:
    return f"{error}: that was not the minimum, and its estimates are in doubt; no profile"


def _refuse(fit: Fit) -> None:
    """Refuse a fit that has no minimum to profile from."""
    if not fit.converged:
        raise FitError(
            "the fit did not converge: there is no minimum to profile from; simplify the model"
        )
    if fit.no_residual:
        raise FitError(_NO_RESIDUAL)


def _quantile(level: float) -> float:
    """Normal quantile of a level of confidence."""
    return -float(ndtri((1 - check_level(level)) / 2))

"""Lolly plots: one measure of every method of a study, and the questions of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simlab import looks
from simlab.errors import ArgumentError, check_known, check_level
from simlab.methods import look, short
from simlab.plots import lookup, style
from simlab.text.numbers import decimals, plus_minus

AGAINST_ONE = ("efficiency",)
NOMINAL = ("coverage", "bias_eliminated_coverage")


class Lollies(NamedTuple):
    """Artists of `lolly`."""

    heads: dict[str, Line2D]  # each method's marker at its value, from top to bottom
    sticks: LineCollection  # from the reference to the heads
    # the parentheses "(" and ")" at the ends of the 95 % Monte Carlo intervals
    brackets: tuple[Line2D, Line2D]
    reference: Line2D  # vertical line where a perfect method would be


def lolly(
    measured: xr.Dataset,
    measure: str,
    condition: int = 0,
    term: str = "slope",
    target: str = "beta_within",
    reference: float | None = None,
    estimators: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Lollies:
    """Draw one measure of every method in one condition.

    Parameters
    ----------
    measured : Dataset
        From `simlab.measure`.
    measure : str
        A measure with a Monte Carlo standard error, such as "bias", "coverage", "relative_error".
    condition : int
        Position of the condition.
    term : str
        Methods without it are left out. No matter for a measure of whole fits, such as "failures".
    target : str
        For measures that have one.
    reference : float, optional
        Where the sticks begin: by default the level of the intervals for coverage, 1 for
        efficiency, 0 otherwise.
    estimators : sequence of str, optional
        Which methods, in which order; by default all that have the measure.
    ax : Axes, optional
        To draw on. By default those of a new figure.

    Returns
    -------
    Lollies

    Raises
    ------
    ArgumentError
        If there is no such measure, condition, term, target or method, or no method has a value.

    Notes
    -----
    ``lolly`` of R's rsimsum, which also marks the Monte Carlo interval with parentheses.
    """
    here = lookup.one_measure(measured, measure, term, target)
    here = here.isel(condition=lookup.condition_of(measured, condition))
    names = lookup.methods(here[measure], estimators)
    value, mcse, low, high = (
        here[measure + part].sel(estimator=names).values for part in ("", "_mcse", "_low", "_high")
    )
    start = _reference(measured, measure) if reference is None else reference
    rows = np.arange(len(names))
    ax = style.axes_of(ax)
    line = ax.axvline(start, color=looks.INK, lw=1.6, zorder=0.5)
    sticks = ax.hlines(rows, start, value, color=looks.STRIP, lw=4, zorder=1)
    heads = {}
    for name, *at in zip(names, value, rows, strict=True):
        color, marker, _ = look(name)
        (heads[name],) = ax.plot(*at, color=color, marker=marker.plot, ms=7, ls="", zorder=2)
    opening, closing = (
        ax.plot(at, rows, ls="", marker=sign, ms=15, mew=0.4, color=looks.INK, zorder=3)[0]
        for at, sign in ((low, "$($"), (high, "$)$"))
    )
    attrs = measured[measure].attrs
    style.frame(ax, attrs["long_name"] + (" (%)" if attrs["units"] == "%" else ""), "")
    style.rows(ax, [short(name) for name in names], 0.6)
    _numbers(ax, value, style.Z * mcse)
    return Lollies(heads, sticks, (opening, closing), line)


def _reference(measured: xr.Dataset, measure: str) -> float:
    if measure in NOMINAL:
        return float(measured.attrs.get("level", 0.95))
    return 1.0 if measure in AGAINST_ONE else 0.0


def _numbers(ax: Axes, value: np.ndarray, margin: np.ndarray) -> None:
    """Values at the right, with the decimals that the widest interval makes meaningful."""
    widest = np.nanmax(margin, initial=0.0)
    least = max(1 - int(np.floor(np.log10(widest))), 0) if widest > 0 else 3
    ax.annotate(
        "value ± 1.96 MCSE", (1.02, 1.0), xycoords="axes fraction", va="bottom",
        ha="left", fontsize=style.TEXT - 2, color=looks.QUIET,
    )  # fmt: skip
    for row, (v, m) in enumerate(zip(value, margin, strict=True)):
        digits = decimals(m, least)
        style.at_right(ax, f"{v:z.{digits}f} ± {m:.{digits}f}".replace("-", "−"), row)


# ---------------------------------------------------------------- an audit


class Measure(NamedTuple):
    """Declaration of how a column of an audit is drawn."""

    title: str  # over its Axes
    aim: float  # where the stems begin
    # what is close enough; a band
    low: float
    high: float
    # {-1, 0, 1} on which side of the band a method claims less than it could, rather than too much
    cautious: int
    digits: int  # decimals of a value
    percent: bool = False  # whether it is a share, drawn in per cent
    plus: bool = False  # whether a value above 0 has its sign

    def look(self, value: float) -> looks.Look:
        """Return the look of a value: close enough, cautious, or misleading."""
        if self.low <= value <= self.high:
            return CLOSE
        return CAUTIOUS if (value - self.aim) * self.cautious > 0 else MISLEADING

    def words(self, value: float, mcse: float = np.nan) -> str:
        """Write a value, with its Monte Carlo standard error where that is known."""
        if not np.isfinite(value):
            return "—"
        scale = 100 if self.percent else 1
        text = plus_minus(scale * value, scale * mcse, self.digits, self.plus)
        return text + " %" * self.percent


CLOSE = looks.Look(looks.INK, looks.CIRCLE, looks.SOLID)
CAUTIOUS = looks.Look(looks.QUIET, looks.SQUARE, looks.SOLID)
MISLEADING = looks.Look(looks.MISS, looks.DIAMOND, looks.SOLID)

MEASURES = ("bias_within", "bias_between", "relative_error", "coverage")
"""What `honesty` can draw."""


def measure_of(name: str, level: float = 0.95) -> Measure:
    """Return how a measure is drawn.

    The bands are: a bias of 0.4 of the standard error, beyond which coverage suffers (Collins,
    Schafer & Kam 2001, Psychological Methods 6:330); a standard error 5 % off; and a coverage of
    1 − 1.5α to 1 − 0.5α, α = 1 − level (Bradley 1978, British Journal of Mathematical and
    Statistical Psychology 31:144).
    """
    if name == "coverage":
        alpha = 1 - check_level(level)
        low, high = 1 - 1.5 * alpha, 1 - 0.5 * alpha
        title = f"coverage of {100 * level:g} % intervals"
        return Measure(title, level, low, high, 1, 1, percent=True)
    if name == "relative_error":
        return Measure("error of the reported SE, %", 0.0, -5.0, 5.0, 1, 1, plus=True)
    target = {"bias_within": r"\beta_W", "bias_between": r"\beta_B"}[name]
    return Measure(f"bias for ${target}$, in SE", 0.0, -0.4, 0.4, 0, 2, plus=True)


class Lolly(NamedTuple):
    """Artists of one method in one measure."""

    stem: Line2D  # from the aim to the value
    # the value ± 1.96 Monte Carlo standard errors; None where these are not given
    whisker: Line2D | None
    # at the value: a black disc within the band; outside, a grey square where the method claims
    # less than it could, a red diamond where it misleads
    head: Line2D
    text: Annotation  # the value, at the right


class Honesty(NamedTuple):
    """Artists of `honesty`: by measure, the band, and by method the lollies."""

    bands: dict[str, Rectangle]
    lollies: dict[str, dict[str, Lolly]]


def honesty(
    frame: pd.DataFrame,
    question: str,
    term: str = "slope",
    measures: Sequence[str] = ("bias_within", "relative_error", "coverage"),
    level: float = 0.95,
    axes: Sequence[Axes] | None = None,
) -> Honesty:
    """Draw one question of an audit: a row of Axes, one for each measure, methods from the top.

    A method can be trusted for the question when its three lollies have no stems: it aims at
    β_W, reports the standard error that it has, and its intervals cover as often as they say.

    Parameters
    ----------
    frame : pandas.DataFrame
        Tidy, one row for each method, question and term, with the columns method, question,
        term, and the measures. A column ``<measure>_mcse`` gives whiskers.
    question : str
        Whose rows.
    term : str
        Whose rows; methods without it are left out.
    measures : sequence of str
        Of `MEASURES`; their bands are those of `measure_of`.
    level : float
        Of the intervals whose coverage it is.
    axes : sequence of Axes, optional
        One for each measure, as from ``figure.subplots(1, 3)``; the first bears the names. By
        default those of a new figure.

    Returns
    -------
    Honesty

    Raises
    ------
    ArgumentError
        If there is no such question, term or measure, a method has two rows, or the number of
        Axes is not that of the measures; or the level is not between 0 and 1.
    """
    for column, label in (("question", question), ("term", term)):
        check_known(column, label, frame[column].unique())
    for measure in measures:
        check_known("measure", measure, [name for name in MEASURES if name in frame])
    if axes is None:
        axes = list(style.figure_of(None).subplots(1, len(measures), squeeze=False)[0])
    if len(axes) != len(measures):
        raise ArgumentError(f"{len(measures)} measures need as many Axes, not {len(axes)}")
    here = frame[(frame["question"] == question) & (frame["term"] == term)]
    if here.empty:
        raise ArgumentError(f"no method has the term {term!r} for the question {question!r}")
    if here["method"].duplicated().any():
        raise ArgumentError(f"a method has two rows of {term!r} for the question {question!r}")
    bands, lollies = {}, {}
    for ax, name in zip(axes, measures, strict=True):
        what = measure_of(name, level)
        bands[name] = ax.axvspan(what.low, what.high, color=looks.STRIP, alpha=0.45, lw=0, zorder=0)
        ax.axvline(what.aim, color=looks.INK, lw=1.2, zorder=1)
        lollies[name] = _lollies(ax, here, name, what)
        _axes(ax, here, what, named=ax is axes[0])
    _legend(axes)
    return Honesty(bands, lollies)


def _lollies(ax: Axes, here: pd.DataFrame, measure: str, what: Measure) -> dict[str, Lolly]:
    """Draw one measure of every method."""
    values = here[measure].to_numpy(dtype=float)
    column = f"{measure}_mcse"
    mcse = here[column].to_numpy(dtype=float) if column in here else np.full(len(here), np.nan)
    return {
        str(method): _lolly(ax, float(row), value, error, what)
        for row, (method, value, error) in enumerate(zip(here["method"], values, mcse, strict=True))
    }


def _lolly(ax: Axes, row: float, value: float, mcse: float, what: Measure) -> Lolly:
    """Draw a stem from the aim to the value, with a whisker of ±1.96 MCSE."""
    color, marker, _ = what.look(value)
    (stem,) = ax.plot([what.aim, value], [row, row], color=color, lw=2.4, zorder=2)
    whisker = None
    if np.isfinite(mcse):
        ends = [value - style.Z * mcse, value + style.Z * mcse]
        (whisker,) = ax.plot(
            ends, [row, row], color=looks.INK, lw=1.3, marker="|", ms=8, mew=1.3, zorder=2.5
        )
    (head,) = ax.plot(
        [value], [row], ls="", marker=marker.plot, ms=9, color=color, mec=looks.PAPER, mew=0.8,
        zorder=3,
    )  # fmt: skip
    shade = color if np.isfinite(value) else looks.QUIET
    text = style.at_right(ax, what.words(value, mcse), row, shade)
    return Lolly(stem, whisker, head, text)


def _axes(ax: Axes, here: pd.DataFrame, what: Measure, named: bool) -> None:
    """Set names, limits and ticks of one measure."""
    style.frame(ax, "", "")
    style.rows(ax, [short(str(name)) if named else "" for name in here["method"]], 0.5)
    ax.set_title(what.title, fontsize=style.TEXT, pad=8)
    values = [*np.concatenate([line.get_xdata() for line in ax.lines]), what.low, what.high]
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    ax.set_xlim(*style.around(finite, 0.06))
    ax.xaxis.set_major_locator(MaxNLocator(3 if what.percent else 4))
    if what.percent:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))


def _legend(axes: Sequence[Axes]) -> None:
    """Say what the heads mean, a word under each Axes: a longer legend would take their room."""
    words = ((CLOSE, "close enough"), (CAUTIOUS, "cautious"), (MISLEADING, "misleading"))
    handles = [style.dot(look, label) for look, label in words]
    for i, ax in enumerate(axes[: len(handles)]):
        style.legend(ax, handles[i :: len(axes)], 1, 0.1, handletextpad=0.2)

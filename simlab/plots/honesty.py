"""Lolly plots of an audit: how far each method is off, and off what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simlab import looks
from simlab.errors import ArgumentError, check_known, check_level
from simlab.methods import short
from simlab.plots import style
from simlab.plots.canvas import figure_or_new
from simlab.text.numbers import plus_minus


class Measure(NamedTuple):
    """How a column of an audit is drawn.

    Attributes
    ----------
    title : str
        Over its Axes.
    aim : float
        Where the stems begin.
    low, high : float
        What is close enough; a band.
    cautious : {-1, 0, 1}
        On which side of the band a method claims less than it could, rather than too much.
    digits : int
        Decimals of a value.
    percent : bool
        Whether it is a share, drawn in per cent.
    plus : bool
        Whether a value above 0 has its sign.
    """

    title: str
    aim: float
    low: float
    high: float
    cautious: int
    digits: int
    percent: bool = False
    plus: bool = False

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
    """What is drawn of one method in one measure.

    Attributes
    ----------
    stem : Line2D
        From the aim to the value.
    whisker : Line2D or None
        The value ± 1.96 Monte Carlo standard errors; None where these are not given.
    head : Line2D
        At the value: a black disc within the band; outside, a grey square where the method
        claims less than it could, a red diamond where it misleads.
    text : Annotation
        The value, at the right.
    """

    stem: Line2D
    whisker: Line2D | None
    head: Line2D
    text: Annotation


class Honesty(NamedTuple):
    """What `honesty` has drawn: by measure, the band, and by method the lollies."""

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
        axes = list(figure_or_new(None).subplots(1, len(measures), squeeze=False)[0])
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
    values = here[measure].to_numpy(dtype=float)
    column = f"{measure}_mcse"
    mcse = here[column].to_numpy(dtype=float) if column in here else np.full(len(here), np.nan)
    return {
        str(method): _lolly(ax, float(row), value, error, what)
        for row, (method, value, error) in enumerate(zip(here["method"], values, mcse, strict=True))
    }


def _lolly(ax: Axes, row: float, value: float, mcse: float, what: Measure) -> Lolly:
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
    text = ax.annotate(
        what.words(value, mcse), (1.02, row), xycoords=("axes fraction", "data"), ha="left",
        va="center",
        fontsize=style.TEXT - 1, color=color if np.isfinite(value) else looks.QUIET,
    )  # fmt: skip
    return Lolly(stem, whisker, head, text)


def _axes(ax: Axes, here: pd.DataFrame, what: Measure, named: bool) -> None:
    ax.set_ylim(len(here) - 0.5, -0.5)
    labels = here["method"].astype(str).map(short).tolist() if named else []
    ax.set_yticks(range(len(here)) if named else [], labels)
    style.frame(ax, "", "")
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_title(what.title, fontsize=style.TEXT, pad=8)
    values = [*np.concatenate([line.get_xdata() for line in ax.lines]), what.low, what.high]
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    low, high = float(finite.min()), float(finite.max())
    margin = 0.06 * (high - low)
    ax.set_xlim(low - margin, high + margin)
    ax.xaxis.set_major_locator(MaxNLocator(3 if what.percent else 4))
    if what.percent:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))


def _legend(axes: Sequence[Axes]) -> None:
    """Say what the heads mean, a word under each Axes: a longer legend would take their room."""
    words = ((CLOSE, "close enough"), (CAUTIOUS, "cautious"), (MISLEADING, "misleading"))
    handles = [
        Line2D([], [], ls="", marker=look.marker.plot, ms=9, color=look.color, label=label)
        for look, label in words
    ]
    for i, ax in enumerate(axes[: len(handles)]):
        ax.legend(
            handles=handles[i :: len(axes)], loc="upper center", bbox_to_anchor=(0.5, -0.1),
            frameon=False, fontsize=style.TEXT - 1, handletextpad=0.2,
        )  # fmt: skip

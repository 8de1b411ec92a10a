"""The null distribution of a likelihood-ratio statistic: simulated, and as tables have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray
from scipy import special

from simlab import looks
from simlab.errors import ArgumentError
from simlab.plots import style

CHI2, MIXTURE = looks.P_VALUES["chi2"], looks.P_VALUES["mixture"]
BINS = 40  # over the range that is shown
ATOM = 0.07  # width of the bar at 0, as a share of the range
ROOM = 0.15  # left of 0 for that bar, the same
ZERO = 1e-8  # statistics up to this are 0
FEWEST = 0.005  # share at 0, below which it is no point mass
FAR = 2.0  # times the range of the draws, further than which the observed statistic is not shown


class Tested(Protocol):
    """Protocol of a test that can be drawn."""

    @property
    def statistic(self) -> float:
        """Observed likelihood-ratio statistic T ≥ 0."""

    @property
    def simulated(self) -> NDArray[np.float64]:
        """T* of draws from the null, (B,); not finite where a draw could not be fitted."""

    @property
    def p_value(self) -> float:
        """Share of draws at or above T."""

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of the p-value, since draws are finitely many."""

    @property
    def naive_df(self) -> int:
        """Degrees of freedom of the naive χ²."""

    @property
    def mixture(self) -> Sequence[tuple[float, int]]:
        """The chi-bar-square as (weight, df); df 0 is a point mass at 0; may be empty."""

    @property
    def title(self) -> str:
        """Name of what is tested."""


class NullDistribution(NamedTuple):
    """Artists of `null_distribution`. Areas are shares of the draws."""

    bars: list[Rectangle]  # the draws above 0
    atom: Rectangle | None  # the draws at 0, left of them; None where there are none
    mixture_atom: Rectangle | None  # the point mass of the mixture, around it
    # vertical line at T, or at the right end of the Axes where T is far beyond the draws
    observed: Line2D
    # densities
    naive: Line2D | None
    mixture: Line2D | None
    label: Annotation  # T and its p-value


def null_distribution(result: Tested, ax: Axes | None = None) -> NullDistribution:
    """Draw the simulated null of a test, what was observed, and the densities of tables.

    The height of the histogram is a density, so areas are shares of the draws. Draws at exactly
    0 have a bar of their own, left of 0, whose area is their share too; it is written over it.
    Draws at or above the observed statistic have the colour of the p-value that they make up.

    Parameters
    ----------
    result : Tested
        As from `simlab.pvalue`.
    ax : Axes, optional
        To draw on; 9 by 6 inches. By default those of a new figure.

    Returns
    -------
    NullDistribution

    Raises
    ------
    ArgumentError
        If no draw has a statistic.
    """
    everything = np.asarray(result.simulated, dtype=float)
    draws = everything[np.isfinite(everything)]
    if not len(draws):
        raise ArgumentError("there is no null distribution to draw: no draw has a statistic")
    reach, shown = _reach(draws, result)
    edges = _edges(reach, result.statistic)
    end = float(edges[-1])
    mass = float(sum(weight for weight, df in result.mixture if df == 0))
    zeros = float((draws <= ZERO).sum()) / len(everything)
    zeros = zeros if mass or zeros >= FEWEST else 0.0
    above = np.minimum(draws[draws > ZERO] if zeros else draws, end)
    heights = np.histogram(above, edges)[0] / len(everything) / np.diff(edges)
    colors = [looks.MISS if low >= result.statistic else looks.STRIP for low in edges[:-1]]
    ax = style.axes_of(ax)
    bars = list(ax.bar(edges[:-1], heights, np.diff(edges), align="edge", color=colors, zorder=1))
    atom = _atom(ax, end, zeros, looks.STRIP if result.statistic > ZERO else looks.MISS)
    grid = np.linspace(end / 400, end, 800)
    naive = _curve(ax, grid, [(1.0, result.naive_df)], CHI2)
    mixed = _curve(ax, grid, result.mixture, MIXTURE)
    mixture_atom = _atom(ax, end, mass, MIXTURE.color, hollow=True)
    atoms = [one.get_height() for one in (atom, mixture_atom) if one is not None]
    # A χ²_1 density is unbounded at 0, and so may be a narrow first bin: the rest gives the height.
    narrow = edges[1] < 0.5 * (edges[2] - edges[1])
    ax.set_ylim(0.0, 1.18 * max(*heights[int(narrow) :], *atoms, 0.01))
    ax.set_xlim(-ROOM * end if atoms else 0.0, end)
    if atoms:
        _shares(ax, end, max(atoms), zeros, mass)
    observed, label = _observed(ax, result, end, shown)
    style.frame(ax, "likelihood-ratio statistic", "density")
    ax.xaxis.set_major_locator(FixedLocator([at for at in ax.get_xticks() if 0 <= at <= end]))
    ax.set_title(style.plain(result.title), loc="left", fontsize=style.TEXT + 2, pad=14)
    _legend(ax, result, len(everything), len(everything) - len(draws))
    return NullDistribution(bars, atom, mixture_atom, observed, naive, mixed, label)


def _reach(draws: NDArray[np.float64], result: Tested) -> tuple[float, bool]:
    """End of the axis, and whether it goes as far as the observed statistic."""
    tail = 2 * float(special.gammaincinv(result.naive_df / 2, 0.99))  # of χ²
    reach = max(float(np.quantile(draws, 0.999)), tail)
    shown = result.statistic <= FAR * reach
    return max(1.06 * reach, 1.15 * result.statistic if shown else 1.25 * reach), shown


def _edges(reach: float, observed: float) -> NDArray[np.float64]:
    """Edges of bins of one width, of which the observed statistic is one, and 0."""
    width = reach / BINS
    if observed >= reach or observed <= ZERO:
        return np.asarray(width * np.arange(BINS + 1))
    before = round(observed / width)
    if before == 0:
        return np.asarray([0.0, *(observed + width * np.arange(BINS))])
    width = observed / before
    after = int(np.ceil((reach - observed) / width))
    return np.asarray(
        [*np.linspace(0.0, observed, before + 1), *(observed + width * np.arange(1, after + 1))]
    )


def _atom(ax: Axes, end: float, share: float, color: str, hollow: bool = False) -> Rectangle | None:
    """A bar left of 0 whose area is the share."""
    if share == 0:
        return None
    width = ATOM * end
    bar = Rectangle(
        (-(ROOM * end + width) / 2, 0.0), width, share / width, lw=2.4 if hollow else 0,
        facecolor="none" if hollow else color, edgecolor=color, zorder=3 if hollow else 2,
    )  # fmt: skip
    ax.add_patch(bar)
    return bar


def _shares(ax: Axes, end: float, height: float, zeros: float, mass: float) -> None:
    """Write the shares at 0 over their bars."""
    lines = [(f"{100 * zeros:.1f} % at 0", looks.INK)]
    if mass:
        lines.insert(0, (f"mixture {100 * mass:.3g} %", MIXTURE.color))
    for i, (text, color) in enumerate(lines):
        ax.annotate(
            text, (-ROOM * end / 2, height), xytext=(0, 5 + 1.25 * style.TEXT * i),
            textcoords="offset points", ha="center", va="bottom", fontsize=style.TEXT - 2,
            color=color,
        )  # fmt: skip


def _curve(
    ax: Axes,
    grid: NDArray[np.float64],
    mixture: Sequence[tuple[float, int]],
    seen: looks.Look,
) -> Line2D | None:
    """Σ w f_df over the parts that have a density."""
    parts = [weight * _density(grid, df) for weight, df in mixture if df > 0]
    if not parts:
        return None
    color, _, dash = seen
    return ax.plot(grid, np.sum(parts, axis=0), color=color, ls=dash.plot, lw=2.4, zorder=4)[0]


def _density(x: NDArray[np.float64], df: int) -> NDArray[np.float64]:
    """Density of χ²_df: log f = (df/2 − 1) log x − x/2 − log Γ(df/2) − (df/2) log 2."""
    log_f = special.xlogy(df / 2 - 1, x) - x / 2 - special.gammaln(df / 2) - np.log(2) * df / 2
    return np.asarray(np.exp(log_f))


def _observed(ax: Axes, result: Tested, end: float, shown: bool) -> tuple[Line2D, Annotation]:
    """Draw the observed statistic, with its p-value and interval."""
    at = result.statistic if shown else end
    line = ax.axvline(at, color=looks.MISS, lw=2.6, zorder=5, clip_on=False)
    low, high = result.interval
    text = (
        f"observed {result.statistic:.4g}{'' if shown else ' →'}\n"
        f"p = {result.p_value:.3g}\n({low:.3g} to {high:.3g})"
    )
    left = at > 0.6 * end
    label = ax.annotate(
        text, (at, 0.97), xycoords=blended_transform_factory(ax.transData, ax.transAxes),
        xytext=(-8 if left else 8, 0), textcoords="offset points", ha="right" if left else "left",
        va="top", fontsize=style.TEXT, color=looks.MISS, zorder=6,
        path_effects=style.halo(4),
    )  # fmt: skip
    return line, label


def _legend(ax: Axes, result: Tested, draws: int, failed: int) -> None:
    """Explain the artists, below the Axes."""
    lost = f", {failed:,} not fitted" if failed else ""
    handles = [
        Patch(color=looks.STRIP, label=f"{draws:,} draws from the null{lost}"),
        Patch(color=looks.MISS, label="at or above the observed"),
        Line2D([], [], color=CHI2.color, lw=2.4, ls=CHI2.dash.plot,
               label=rf"naive $\chi^2_{{{result.naive_df}}}$"),
    ]  # fmt: skip
    if result.mixture:
        words = " + ".join(rf"{weight:.3g} $\chi^2_{{{df}}}$" for weight, df in result.mixture)
        handles.append(Line2D([], [], color=MIXTURE.color, lw=2.4, label=f"mixture {words}"))
    style.legend(ax, handles, 2, 0.12, columnspacing=1.6, handletextpad=0.6)


def null_figure(tests: Sequence[Tested]) -> Figure:
    """Draw the null distribution of each test, one under another."""
    figure = Figure(figsize=(9, 6 * len(tests)), layout="constrained")
    for test, ax in zip(tests, figure.subplots(len(tests), squeeze=False)[:, 0], strict=True):
        null_distribution(test, ax=ax)
    return figure

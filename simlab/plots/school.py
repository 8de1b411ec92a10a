"""One simulated school, step by step, in data space and in beta space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D

from simlab import looks
from simlab.errors import ArgumentError
from simlab.pictures import Floats, School, ellipse
from simlab.plots import style

POPULATION, TRUE, ESTIMATED = looks.INK, looks.VIOLET, looks.CLUSTERS
DATA_STEPS, BETA_STEPS = 4, 6
MARGIN, ROOM = 0.09, 0.14  # of the range, in data space and, where points have names, beta space


class SchoolLines(NamedTuple):
    """Artists of `school_data_space`, None for what its step does not yet show."""

    # the lines γ, β_j and β̂_j
    population: Line2D
    true: Line2D | None = None
    points: PathCollection | None = None  # the students
    estimated: Line2D | None = None


class SchoolPoints(NamedTuple):
    """Artists of `school_beta_space`, None for what its step does not yet show."""

    # the points γ, β_j and β̂_j
    population: Line2D
    # ellipses of G about γ, of σ²(X_j'X_j)⁻¹ about β_j, and of their sum about γ
    G: Line2D | None = None
    true: Line2D | None = None
    sampling: Line2D | None = None
    estimated: Line2D | None = None
    V: Line2D | None = None


def school_data_space(
    school: School, step: int = DATA_STEPS, ax: Axes | None = None
) -> SchoolLines:
    """Draw a simulated school as lines and points, up to a step.

    The steps are: 1 the population's line γ; 2 the school's true line β_j = γ + u_j; 3 its
    students; 4 their least-squares line β̂_j. All steps have the same limits, so that they can
    be shown one after the other.

    Parameters
    ----------
    school : School
        From `simlab.pictures.school`.
    step : int
        1 to 4.
    ax : Axes, optional
        To draw on; 8 by 6 inches. By default those of a new figure.

    Returns
    -------
    SchoolLines

    Raises
    ------
    ArgumentError
        If there is no such step.
    """
    _check(step, DATA_STEPS)
    ends = np.array(style.around(school.x, MARGIN))
    betas = (school.gamma, school.beta, school.beta_hat)
    heights = np.concatenate([b[0] + b[1] * ends for b in betas] + [school.y])
    ax = style.axes_of(ax)
    ax.set_xlim(*ends)
    ax.set_ylim(*style.around(heights, MARGIN))
    style.frame(ax, "$x$", "$y$", math=True)
    steps = (
        (1, r"$\gamma$", POPULATION, "-"), (2, r"$\beta_j$", TRUE, (0, (6, 2))),
        (4, r"$\hat\beta_j$", ESTIMATED, "-"),
    )  # fmt: skip
    lines: list[Line2D | None] = [None, None, None]
    names, colors = {}, {}
    for i, ((first, name, color, dash), beta) in enumerate(zip(steps, betas, strict=True)):
        if step < first:
            continue
        at = beta[0] + beta[1] * ends
        (lines[i],) = ax.plot(ends, at, color=color, lw=2.6, ls=dash, zorder=2)
        names[name], colors[name] = (ends[1], at[1]), color
    points = None
    if step >= 3:
        points = ax.scatter(
            school.x, school.y, s=36, color=looks.CLUSTERS, edgecolor=looks.PAPER, lw=0.6, zorder=3
        )
    style.end_labels(ax, names, colors, math=True)
    assert lines[0] is not None
    return SchoolLines(lines[0], lines[1], points, lines[2])


def school_beta_space(
    school: School, step: int = BETA_STEPS, ax: Axes | None = None
) -> SchoolPoints:
    """Draw a simulated school as points and dispersion ellipses, up to a step.

    The steps are: 1 γ; 2 the ellipse of G about it, in which the true lines of schools lie; 3 this
    school's β_j; 4 the ellipse of σ²(X_j'X_j)⁻¹ about it, in which its estimates lie; 5 the
    estimate β̂_j of this sample; 6 the ellipse of V_j = G + σ²(X_j'X_j)⁻¹ about γ, in which
    estimates of schools lie. Ellipses have radius 1: their shadows on the axes are ± one standard
    deviation, which bars along the axes show for G. All steps have the same limits.

    Parameters
    ----------
    school : School
        From `simlab.pictures.school`.
    step : int
        1 to 6.
    ax : Axes, optional
        To draw on; 8 by 6 inches. By default those of a new figure.

    Returns
    -------
    SchoolPoints

    Raises
    ------
    ArgumentError
        If there is no such step.
    """
    _check(step, BETA_STEPS)
    paths = {
        "G": ellipse(school.gamma, school.G),
        "sampling": ellipse(school.beta, school.sampling),
        "V": ellipse(school.gamma, school.V),
    }
    shown = np.concatenate([*paths.values(), [school.gamma, school.beta, school.beta_hat]])
    ax = style.axes_of(ax)
    ax.set_xlim(*style.around(shown[:, 0], ROOM))
    ax.set_ylim(*style.around(shown[:, 1], MARGIN))
    style.frame(ax, r"intercept $\beta_0$", r"slope $\beta_1$", math=True)
    leftward = bool(school.beta_hat[0] < school.beta[0])
    points = [
        _point(ax, at, name, color, marker, left) if step >= first else None
        for first, at, name, color, marker, left in (
            (1, school.gamma, r"$\gamma$", POPULATION, "D", False),
            (3, school.beta, r"$\beta_j$", TRUE, "s", not leftward),
            (5, school.beta_hat, r"$\hat\beta_j$", ESTIMATED, "o", leftward),
        )
    ]
    # The name of the school's ellipse stands on the side away from the population.
    away = "above" if school.beta[1] > school.gamma[1] else "below"
    ellipses = [
        _ellipse(ax, paths[key], color, dash, name, side) if step >= first else None
        for first, key, color, dash, name, side in (
            (2, "G", POPULATION, "-", "$G$", "inside"),
            (4, "sampling", TRUE, (0, (6, 2)), r"$\sigma^2(X_j'X_j)^{-1}$", away),
            (6, "V", ESTIMATED, (0, (2, 1.5)), "$V_j$", "above"),
        )
    ]
    if step >= 2:
        _shadows(ax, school)
    assert points[0] is not None
    return SchoolPoints(points[0], ellipses[0], points[1], ellipses[1], points[2], ellipses[2])


def _check(step: int, last: int) -> None:
    if not 1 <= step <= last:
        raise ArgumentError(f"the picture has steps 1 to {last}, and no step {step}")


def _point(ax: Axes, at: Floats, name: str, color: str, marker: str, left: bool) -> Line2D:
    """Draw a point with its name."""
    ax.annotate(
        name, (at[0], at[1]), xytext=(-8 if left else 8, 6), textcoords="offset points",
        ha="right" if left else "left", fontsize=style.TEXT + 3, color=color,
        path_effects=style.halo(3), zorder=5,
    )  # fmt: skip
    (point,) = ax.plot(*at[:, None], marker, color=color, ms=9, mec=looks.PAPER, mew=1, zorder=4)
    return point


def _ellipse(
    ax: Axes, path: Floats, color: str, dash: str | tuple[int, tuple[float, ...]], name: str,
    side: str,
) -> Line2D:  # fmt: skip
    """Outline with its name: within, above the lowest point, or beyond the lowest or highest."""
    x, y = path[np.argmax(path[:, 1]) if side == "above" else np.argmin(path[:, 1])]
    down = side == "below"
    ax.annotate(
        name, (x, y), xytext=(0, -5 if down else 5), textcoords="offset points", ha="center",
        va="top" if down else "bottom", fontsize=style.TEXT + 1, color=color,
        path_effects=style.halo(3), zorder=5,
    )  # fmt: skip
    (line,) = ax.plot(*path.T, color=color, lw=2, ls=dash, zorder=2)
    return line


def _shadows(ax: Axes, school: School) -> None:
    """Bars of γ ± one standard deviation along the axes."""
    sd = np.sqrt(np.diag(school.G))
    low, high = school.gamma - sd, school.gamma + sd
    for ends, transform in (
        (([low[0], high[0]], [0, 0]), ax.get_xaxis_transform()),
        (([0, 0], [low[1], high[1]]), ax.get_yaxis_transform()),
    ):
        ax.plot(
            *ends, color=POPULATION, lw=6, alpha=0.5, solid_capstyle="butt", clip_on=False,
            transform=transform,
        )  # fmt: skip

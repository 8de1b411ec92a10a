"""Within, contextual and between effects, and the within estimator.

Columns of a design are split into their cluster means and the deviations from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.errors import NoContextError, did_you_mean
from simlab.fitting.errors import FitError
from simlab.fitting.estimation import estimate
from simlab.fitting.hypotheses import WaldTest, wald
from simlab.fitting.record import DF, Fit
from simlab.moments import Floats, Ints
from simlab.text import Paragraph, Part, Printable, frame_table

CONSTANT = 1e-12  # of a column's largest value: deviations below it are rounding
ALIASED = 1e-7  # of a column's length, as R's lm has it


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Contextual(Printable):
    """Effects of a cluster's mean of x besides x itself (Mundlak 1978, Econometrica 46:69).

    The model is fitted again with the cluster means of x added,

        y_ij = … + β_W x_ij + β_C x̄_j + …,   β_B = β_W + β_C.

    β_C, the contextual effect, is the difference between two units with the same
    x in clusters whose means differ by one; β_B that between two clusters' means.
    Where β_C = 0 the coefficient of x alone means one thing; otherwise it is a
    mixture of β_W and β_B, in proportions that the variances choose.
    """

    # rows (x, effect), effect one of within, contextual, between; with the columns of a Wald test
    # of each
    estimates: pd.DataFrame
    test: WaldTest  # all contextual effects are 0
    added: tuple[str, ...]  # the columns that were added, as ``cvar(x, cluster)``
    already: tuple[str, ...]  # columns whose means the model can make already, which were not added
    method: str  # REML or ML, of the fit
    singular: bool  # whether the fit with the means is

    def to_frame(self) -> pd.DataFrame:
        """The effects with their tests; see `estimates`."""
        return self.estimates

    def parts(self) -> list[Part | list[Part]]:
        """The effects of each x, then their joint test."""
        head = "Contextual effects: the model with cluster means added "
        lines = [f"Test of no contextual effect: {self.test.joint()}"]
        if self.already:
            lines.append(f"Not added, since the model holds their means: {', '.join(self.already)}")
        if self.singular:
            lines.append("The fit with the means is singular: see near_singularity")
        title = Paragraph(f"{head}({', '.join(self.added)}; {self.method})")
        return [[title, frame_table(self.estimates), *map(Paragraph, lines)]]


def contextual(
    fit: Fit, x: str | Sequence[str] | None = None, df: DF = "satterthwaite"
) -> Contextual:
    """Test whether clusters' means of x matter besides x.

    Parameters
    ----------
    fit
        A fit in which some fixed effect varies within clusters.
    x
        Names of such coefficients; all of them by default. The means are over the
        rows of the fit.
    df
        Degrees of freedom of the tests.

    Raises
    ------
    FitError
        If a name is unknown or its column is constant in every cluster; if no column varies; if
        the model can make all the means already; or if there are not enough clusters for them.
    """
    larger, columns, means, already = _add_means(fit, x)
    p, q = len(fit.gamma), len(columns)
    within, context = np.eye(p + q)[columns], np.eye(p + q)[p:]
    rows = np.stack([within, context, within + context], axis=1).reshape(3 * q, p + q)
    index = pd.MultiIndex.from_product(
        [[fit.design.fixed_names[a] for a in columns], ["within", "contextual", "between"]],
        names=["x", "effect"],
    )
    estimates = wald(larger, rows, df=df).estimates.set_axis(index, axis=0)
    test = wald(larger, context, df=df)
    return Contextual(estimates, test, means, already, fit.method, larger.singular)


def _add_means(
    fit: Fit, x: str | Sequence[str] | None
) -> tuple[Fit, Ints, tuple[str, ...], tuple[str, ...]]:
    """Fit again with the cluster means of the columns x; see `contextual`, also for errors.

    Returns the fit, whose first coefficients are those of the fit before and whose design cannot
    make new rows; the coefficients (q,) whose columns' means were added; names of the means, in
    this order; and columns whose means were combinations of what the model holds.
    """
    design = fit.design
    X = design.D[:, design.fixed]
    parts = split(X, design.cluster)
    chosen = _chosen(fit, x, varying(X, parts.deviations))
    length = np.linalg.norm(X[:, chosen] - X[:, chosen].mean(axis=0), axis=0)
    means = parts.means[:, chosen][design.cluster]
    new = independent(X, means, length)
    names = tuple(f"cvar({design.fixed_names[a]}, {design.cluster_name})" for a in chosen[new])
    rest = np.delete(np.arange(len(chosen)), new)
    already = tuple(design.fixed_names[a] for a in chosen[rest])
    if not len(new):
        if np.ptp(means, axis=0).max() <= ALIASED * length.max():
            raise NoContextError(
                f"the means of {', '.join(already)} do not differ between clusters, so there is "
                "no effect but that within them"
            )
        raise NoContextError(
            f"the model holds the cluster means of {', '.join(already)} already, so there is "
            "nothing to add: its own coefficients say what is within and what is between"
        )
    p, d, q = len(design.fixed), design.D.shape[1], len(new)
    level_2 = p - len(varying(X, parts.deviations)) + q
    if level_2 >= len(design.clusters):
        raise NoContextError(
            f"{len(design.clusters)} clusters, and with their means {level_2} columns that are "
            f"constant in each {design.cluster_name}; choose fewer x"
        )
    augmented = replace(
        design,
        D=np.ascontiguousarray(np.column_stack([design.D, means[:, new]])),
        fixed=np.append(design.fixed, np.arange(d, d + q)),
        fixed_names=(*design.fixed_names, *names),
        terms={**design.terms, **{name: (p + i,) for i, name in enumerate(names)}},
    )
    return estimate(augmented, fit.method), chosen[new], names, already


def _chosen(fit: Fit, x: str | Sequence[str] | None, level_1: Ints) -> Ints:
    """Positions of the coefficients asked for, all of which vary within clusters."""
    names, cluster = fit.design.fixed_names, fit.design.cluster_name
    if not len(level_1):
        raise FitError(
            f"no fixed effect varies within {cluster}: nothing to tell apart from its cluster means"
        )
    if x is None:
        return level_1
    chosen = []
    for name in [x] if isinstance(x, str) else list(dict.fromkeys(x)):
        if name not in names:
            hint = did_you_mean(name, names) or "."
            raise FitError(f"no coefficient {name!r}{hint} Coefficients: {', '.join(names)}")
        position = names.index(name)
        if position not in level_1:
            varies = ", ".join(names[a] for a in level_1)
            raise FitError(
                f"{name} is constant in every {cluster}, so it is its own cluster mean; "
                f"choose among {varies}"
            )
        chosen.append(position)
    if not chosen:
        raise FitError(f"x is empty; choose among {', '.join(names[a] for a in level_1)}")
    return np.array(chosen, dtype=np.int64)


class Split(NamedTuple):
    """Means (J, q) of the columns in each cluster, and deviations (N, q) from them."""

    means: Floats
    deviations: Floats


def split(columns: Floats, cluster: Ints) -> Split:
    """Split columns (N, q) about each cluster's first row, so that a large offset costs no digits.

    Deviations of a column that is constant in a cluster are exactly 0 there.
    """
    n = np.bincount(cluster)
    first = np.unique(cluster, return_index=True)[1]
    origin = columns[first]
    left = columns - origin[cluster]
    shift = np.empty_like(origin)
    for a in range(columns.shape[1]):
        shift[:, a] = np.bincount(cluster, left[:, a]) / n
    return Split(origin + shift, left - shift[cluster])


def varying(columns: Floats, deviations: Floats) -> Ints:
    """Numbers of the columns that vary within some cluster."""
    size = np.abs(columns).max(axis=0, initial=0.0)
    return np.flatnonzero(np.abs(deviations).max(axis=0, initial=0.0) > CONSTANT * size)


def independent(columns: Floats, more: Floats, length: Floats) -> Ints:
    """Numbers of the columns of `more` that are no combinations of `columns` and those before.

    What is left of a column counts as nothing below `ALIASED` times its `length`.
    """
    basis = np.linalg.qr(columns / np.linalg.norm(columns, axis=0))[0] if columns.size else columns
    kept = []
    for a in range(more.shape[1]):
        left = more[:, a]
        for _ in range(2):  # once more, for what the first projection leaves of rounding
            left = left - basis @ (basis.T @ left)
        norm = float(np.linalg.norm(left))
        if norm > ALIASED * length[a]:
            kept.append(a)
            basis = np.column_stack([basis, left / norm])
    return np.array(kept, dtype=np.int64)


class WithinFit(NamedTuple):
    """Least squares with a constant for each cluster."""

    b: Floats  # (q,), the estimate
    covariance: Floats  # (q, q), if the clusters' constants are all that their rows share
    cross: Floats  # (q, q), (W'W)⁻¹, W the deviations from the cluster means
    sigma2: float  # RSS/(N − J − q)
    df: int  # N − J − q


def within_fit(deviations: Floats, y: Floats, J: int) -> WithinFit:
    """Fixed effects (within) estimator: least squares of y on the deviations, both about J means.

        b = (W'W)⁻¹W'y,   σ̂² = |y − ȳ_j − Wb|²/(N − J − q),   Var(b) = σ̂²(W'W)⁻¹

    W (N, q) is of full rank.
    """
    N, q = deviations.shape
    scale = np.linalg.norm(deviations, axis=0)
    Q, R = np.linalg.qr(deviations / scale)
    inverse = np.linalg.inv(R) / scale[:, None]
    b = inverse @ (Q.T @ y)
    df = N - J - q
    sigma2 = float(np.sum((y - deviations @ b) ** 2)) / df if df > 0 else np.nan
    cross = inverse @ inverse.T
    return WithinFit(b, sigma2 * cross, cross, sigma2, df)

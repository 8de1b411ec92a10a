"""Bootstrap samples as rows, one by one, for any function of a fit.

They are the very samples of `samples`: the same clusters drawn; and rows that have the drawn
projections and the drawn sum of squares, with the direction of the remainder drawn in addition. So
a function gets the numbers that a named statistic has, up to rounding. Functions are called one
after the other: what they do in Python would not be faster in threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from simlab.data import DataError
from simlab.fitting.errors import FitError
from simlab.fitting.model import fit_design
from simlab.fitting.result import MixedFit
from simlab.formula import Design
from simlab.mixed.many import Responses
from simlab.mixed.rows import sort
from simlab.moments import Floats, Ints
from simlab.testing.bootstrapping.samples import choose, estimable
from simlab.testing.bootstrapping.statistics import Function
from simlab.testing.draws import (
    BOOTSTRAP,
    CHUNK,
    CLUSTER_BOOTSTRAP,
    Joint,
    Progress,
    join,
    stream,
)

DEPENDENT = 1e-11  # of the largest singular value of a cluster's columns, in units of their lengths


def value(function: Function, fit: MixedFit) -> pd.Series[float]:
    """Apply a function to a fit; the numbers by their names."""
    name = getattr(function, "__name__", "statistic").replace("<lambda>", "statistic")
    result: Any = function(fit)
    if isinstance(result, Mapping):
        result = pd.Series(dict(result), dtype=object)
    try:
        numbers = np.asarray(result, dtype=float)
    except (TypeError, ValueError):
        numbers = np.empty((0, 0))
    if numbers.ndim > 1 or not numbers.size:
        raise FitError(
            f"the statistic {name!r} gave {type(result).__name__}; it must give a number, a "
            "sequence of numbers, a Series or a dict"
        )
    if isinstance(result, pd.Series):
        labels = [str(label) for label in result.index]
    else:
        labels = [f"{name}[{i}]" for i in range(numbers.size)] if numbers.ndim else [name]
    return pd.Series(np.atleast_1d(numbers), index=labels)


def values(
    functions: list[Function], fit: MixedFit, designs: Iterator[Design | None], count: int,
    progress: Progress | None = None,
) -> Floats:  # fmt: skip
    """Refit to each of the designs, and apply the functions, (count, q); NaN where a fit failed."""
    expected = [list(value(function, fit).index) for function in functions]
    out = np.full((count, sum(map(len, expected))), np.nan)
    for row, design in zip(out, designs, strict=True):
        again = _refit(design, fit)
        if again is not None:
            drawn = [value(function, again) for function in functions]
            for before, now in zip(expected, drawn, strict=True):
                if before != list(now.index):
                    raise FitError(
                        f"a statistic gave {_listed(before)} for the data, and "
                        f"{_listed(list(now.index))} for a draw; it must give the same numbers "
                        "each time"
                    )
            row[:] = np.concatenate(drawn)
        if progress is not None:
            progress.advance(1, int(again is None))
    return out


def _refit(design: Design | None, fit: MixedFit) -> MixedFit | None:
    if design is None:
        return None
    try:
        again = fit_design(design, fit.method)
    except DataError:  # no residual is left
        return None
    return again if again.optimum.evaluations > 0 else None


def _listed(labels: list[str]) -> str:
    return f"{len(labels)} ({', '.join(labels[:3])}{', …' if len(labels) > 3 else ''})"


# ------------------------------------------------------------------------------ whole clusters


def clusters(fit: MixedFit, draws: int, seed: int) -> Iterator[Design | None]:
    """Yield the data of J clusters drawn with replacement; None where a column is lost."""
    for number in range(-(-draws // CHUNK)):
        chosen = choose(stream(seed, CLUSTER_BOOTSTRAP, number), fit.nclusters, CHUNK)
        yield from of_clusters(fit, chosen[: draws - number * CHUNK])


def of_clusters(fit: MixedFit, chosen: Ints) -> Iterator[Design | None]:
    """Yield the data of chosen clusters, (B, J'), which are numbered 1 … J' as they are chosen."""
    design = fit.design
    rows, first = sort(design.cluster)
    pieces = np.split(rows, first[1:-1])
    for places, fine in zip(chosen, estimable(fit, chosen), strict=True):
        if not fine:
            yield None
            continue
        taken = np.concatenate([pieces[j] for j in places])
        yield replace(
            design,
            D=design.D[taken],
            y=design.y[taken],
            cluster=np.repeat(np.arange(len(places)), fit.clusters.n[places]),
            clusters=pd.RangeIndex(1, len(places) + 1, name=design.cluster_name),
            rows=design.rows[taken],
        )


# ------------------------------------------------------------------------------ new responses


def parametric(fit: MixedFit, draws: int, seed: int) -> Iterator[Design | None]:
    """Yield the data with responses drawn from the fit."""
    joint = join([fit])
    rows = _Rows(fit, joint)
    mean, sigma = fit.design.X @ fit.gamma, float(np.sqrt(fit.sigma2))
    for number in range(-(-draws // CHUNK)):
        rng = stream(seed, BOOTSTRAP, number)
        responses = joint.draw(rng, CHUNK)
        for b in range(min(CHUNK, draws - number * CHUNK)):
            yield replace(fit.design, y=mean + sigma * rows.draw(rng, responses, b))


class _Rows:
    """Rows with given projections e_j on the columns D_j = Q_jR_j, and a given sum of squares.

        y_j = D_jc_j + a remainder orthogonal to D_j, of any direction,   c_j = R_j⁺e_j

    What e_j has beyond the columns of D_j, where these depend on one another, counts as remainder.
    """

    def __init__(self, fit: MixedFit, joint: Joint) -> None:
        design = fit.design
        self.cluster = design.cluster
        self.D = design.D / np.linalg.norm(design.D, axis=0)
        self.R = joint.reduced.R / np.linalg.norm(design.D, axis=0)
        self.pseudo = np.linalg.pinv(self.R, rcond=DEPENDENT)
        self.inverse = self.pseudo @ self.pseudo.transpose(0, 2, 1)  # (D_j'D_j)⁺
        self.rows, self.first = sort(design.cluster)

    def draw(self, rng: Generator, responses: Responses, b: int) -> Floats:
        """Return the rows of response b, (N,)."""
        e = responses.e[b]
        c = (self.pseudo @ e[:, :, None])[:, :, 0]
        fitted = (self.R @ c[:, :, None])[:, :, 0]
        left = float(responses.rss[b] + (e**2).sum() - (fitted**2).sum())
        z = rng.standard_normal(len(self.D))
        Dz = np.add.reduceat((self.D * z[:, None])[self.rows], self.first[:-1])
        z -= self._line((self.inverse @ Dz[:, :, None])[:, :, 0])
        length = float(z @ z)
        remainder = z * np.sqrt(max(left, 0.0) / length) if length > 0 else z
        return self._line(c) + remainder

    def _line(self, c: Floats) -> Floats:
        """D_jc_j of every row, (N,)."""
        out: Floats = np.einsum("ia,ia->i", self.D, c[self.cluster])
        return out

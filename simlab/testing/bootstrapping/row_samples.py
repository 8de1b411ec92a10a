"""Bootstrap samples as rows, one by one, for any function of a fit.

They are the very samples of `samples`: the same clusters drawn; and rows that have the drawn
projections and the drawn sum of squares, with the direction of the remainder drawn in addition. So
a function gets the numbers that a named statistic has, up to rounding. Functions are called one
after the other: what they do in Python would not be faster in threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from simlab.kernels import compiled
from simlab.mixed.many import Responses
from simlab.mixed.rows import sort
from simlab.moments import Floats, Ints
from simlab.testing.bootstrapping.statistics import Function
from simlab.testing.draws import Joint, Progress
from simlab.testing.monte_carlo import Bools

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


@compiled()
def values(
    functions: list[Function], labels: list[list[str]], fit: MixedFit,
    designs: Iterable[Design | None], progress: Progress | None = None,
) -> Floats:  # fmt: skip
    """Refit to each design, and apply the functions, (B, q); NaN where a fit failed.

    `labels` are the names that each function gives for the data: for draws it must give the same.
    """
    out = []
    for design in designs:
        again = _refit(design, fit)
        row = [np.full(len(names), np.nan) for names in labels]
        if again is not None:
            row = [
                _checked(value(function, again), names)
                for function, names in zip(functions, labels, strict=True)
            ]
        out.append(np.concatenate(row))
        if progress is not None:
            progress.advance(1, int(again is None))
    return np.array(out)


def _checked(drawn: pd.Series[float], names: list[str]) -> Floats:
    """Numbers of a draw; FitError if they have other names than those of the data."""
    if names != list(drawn.index):
        raise FitError(
            f"a statistic gave {_listed(names)} for the data, and {_listed(list(drawn.index))} for "
            "a draw; it must give the same numbers each time"
        )
    return np.asarray(drawn, dtype=float)


def _refit(design: Design | None, fit: MixedFit) -> MixedFit | None:
    """Fit of a bootstrap sample; None where it has none."""
    if design is None:
        return None
    try:
        again = fit_design(design, fit.method)
    except DataError:  # no residual is left
        return None
    return again if again.optimum.evaluations > 0 else None


def _listed(labels: list[str]) -> str:
    return f"{len(labels)} ({', '.join(labels[:3])}{', …' if len(labels) > 3 else ''})"


def of_clusters(fit: MixedFit, chosen: Ints, fine: Bools) -> Iterator[Design | None]:
    """Yield the data of chosen clusters, (B, J'), numbered 1 … J'; None where they are not fine."""
    design = fit.design
    rows, first = sort(design.cluster)
    pieces = np.split(rows, first[1:-1])
    for indices, here in zip(chosen, fine, strict=True):
        if not here:
            yield None
            continue
        taken = np.concatenate([pieces[j] for j in indices])
        yield replace(
            design,
            D=design.D[taken],
            y=design.y[taken],
            cluster=np.repeat(np.arange(len(indices)), fit.clusters.n[indices]),
            clusters=pd.RangeIndex(1, len(indices) + 1, name=design.cluster_name),
            rows=design.rows[taken],
        )


def of_responses(
    fit: MixedFit, joint: Joint, responses: Responses, rng: Generator
) -> Iterator[Design]:
    """Yield the data with y = Xγ̂ + σ̂y*, y* having the drawn projections and sum of squares.

    Of each y* the projections e_j on the columns D_j = Q_jR_j are given, and a sum of squares:

        y*_j = D_jc_j + a remainder orthogonal to D_j, of any direction,   c_j = R_j⁺e_j

    What e_j has beyond the columns of D_j, where these depend on one another, counts as remainder.
    """
    cluster, lengths = fit.design.cluster, np.linalg.norm(fit.design.D, axis=0)
    D, R = fit.design.D / lengths, joint.reduced.R / lengths
    pseudo = np.linalg.pinv(R, rcond=DEPENDENT)
    inverse = pseudo @ pseudo.transpose(0, 2, 1)  # (D_j'D_j)⁺
    rows, first = sort(cluster)
    mean, sigma = fit.design.X @ fit.gamma, float(np.sqrt(fit.sigma2))

    def line(c: Floats) -> Floats:
        """D_jc_j of every row, (N,)."""
        out: Floats = np.einsum("ia,ia->i", D, c[cluster])
        return out

    for e, rss in zip(responses.e, responses.rss, strict=True):
        c = (pseudo @ e[:, :, None])[:, :, 0]
        explained = (R @ c[:, :, None])[:, :, 0]
        left = float(rss + (e**2).sum() - (explained**2).sum())
        z = rng.standard_normal(len(D))
        Dz = np.add.reduceat((D * z[:, None])[rows], first[:-1])
        z -= line((inverse @ Dz[:, :, None])[:, :, 0])
        length = float(z @ z)
        remainder = z * np.sqrt(max(left, 0.0) / length) if length > 0 else z
        yield replace(fit.design, y=mean + sigma * (line(c) + remainder))

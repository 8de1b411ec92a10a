"""The compiled loops of sampling: standardised laws, moments, rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from simlab.config import STANDARD
from simlab.kernels import inner, loop
from simlab.moments import Floats, Moments, Rows
from simlab.population import Clusters, Law, Parameters

Draw = Callable[[Generator, Law], float]


@inner
def _none(_rng: Generator, _law: Law) -> float:
    return np.nan


def _or(code: int, draw: Callable[[Generator, float, float], float], other: Draw) -> Draw:
    """Compile: draw from the law of this code, and from another as `other` does."""
    own = inner(draw)

    @inner
    def choose(rng: Generator, law: Law) -> float:
        """Draw from the law of this code, or as `other` does."""
        return own(rng, law.a, law.b) if law.code == code else other(rng, law)

    return choose


_standard: Draw = _none
for _code, _law in reversed(list(enumerate(STANDARD.values()))):
    _standard = _or(_code, _law.draw, _standard)


@loop
def fill(rng: Generator, law: Law, out: Floats) -> None:
    """Fill a vector with independent draws."""
    for i in range(len(out)):
        out[i] = _standard(rng, law)


@loop
def moments_of_block(rng: Generator, p: Parameters, clusters: Clusters, out: Moments) -> None:
    """Draw the moments of (x, ε), those of ε in the place of those of y."""
    B, J = out.n.shape
    sd, sigma = p.random_x.within_sd, p.sigma
    for b in range(B):
        row = min(b, len(clusters.n) - 1)
        for j in range(J):
            n = out.n[b, j]
            if not p.x_fixed:
                out.x_mean[b, j] = clusters.m[row, j] + sd * rng.standard_normal() / np.sqrt(n)
                out.ss_x[b, j] = sd * sd * rng.chisquare(n - 1.0) if n > 1.0 else 0.0
            ss_x = out.ss_x[b, j]
            df = n - 2.0 if ss_x > 0.0 else n - 1.0
            out.y_mean[b, j] = sigma * rng.standard_normal() / np.sqrt(n)
            out.s_xy[b, j] = sigma * rng.standard_normal() * np.sqrt(ss_x)
            out.rss[b, j] = sigma * sigma * rng.chisquare(df) if df > 0.0 else 0.0


@loop
def rows_of_block(
    rng: Generator, p: Parameters, clusters: Clusters, out: Moments, rows: Rows, buffer: Floats
) -> None:
    """Draw rows of (x, ε) cluster by cluster, and their moments as `moments_of_block` does.

    `rows` has room for all of them or for none; buffer is (2, largest n_j).
    """
    B, J = out.n.shape
    dx, e = buffer[0], buffer[1]
    keep = len(rows.x) > 0
    for b in range(B):
        row = min(b, len(clusters.n) - 1)
        for j in range(J):
            n, m = int(out.n[b, j]), clusters.m[row, j]
            for i in range(n):  # x as a deviation from m_j, whose own size then costs no digits
                if p.x_fixed:
                    dx[i] = p.fixed_x.values[p.fixed_x.first[j] + i] - m
                else:
                    dx[i] = p.random_x.within_sd * _standard(rng, p.random_x.law)
                e[i] = p.sigma * _standard(rng, p.errors)
                if keep:
                    rows.x[rows.first[b, j] + i] = m + dx[i]
                    rows.y[rows.first[b, j] + i] = e[i]
            x_mean = m + _centre(dx, n)
            out.y_mean[b, j] = _centre(e, n)
            ss_x, s_xe, rss = 0.0, 0.0, 0.0
            for i in range(n):
                ss_x += dx[i] * dx[i]
                s_xe += dx[i] * e[i]
            if p.x_fixed:
                ss_x = out.ss_x[b, j]
            else:
                out.x_mean[b, j], out.ss_x[b, j] = x_mean, ss_x
            slope = s_xe / ss_x if ss_x > 0.0 else 0.0
            for i in range(n):
                rss += (e[i] - slope * dx[i]) ** 2
            out.s_xy[b, j] = slope * ss_x
            out.rss[b, j] = rss if n > 1 + (ss_x > 0.0) else 0.0


@inner
def _centre(values: Floats, n: int) -> float:
    """Subtract from the first n values their mean, and return it."""
    mean = 0.0
    for i in range(n):
        mean += values[i]
    mean /= n
    for i in range(n):
        values[i] -= mean
    return mean

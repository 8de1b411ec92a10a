"""Degrees of freedom by containment: what rows or clusters leave after the columns they carry.

A column that varies within a cluster is judged by rows, one that does not by clusters (Pinheiro &
Bates 2000, *Mixed-Effects Models in S and S-PLUS*, 2.4.2; the rules are nlme's, its odd cases
included).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simlab.moments import Floats, Ints

Bools = NDArray[np.bool_]

CONSTANT = float(np.sqrt(np.finfo(float).eps))  # nlme's: relative spread of a column of ones
WITHIN = 1e-12  # of a column's largest entry: differences below it are rounding


class Containment(NamedTuple):
    """Degrees of freedom of p coefficients and of T terms.

    Attributes
    ----------
    df : (p,)
        Of each coefficient.
    terms : (T,)
        Of each term: its columns are counted together, as within where any of them is.
    inner : (p,) bool
        Whether the column varies within some cluster.
    constant : (p,) bool
        Whether it is constant in all rows: the intercept.
    """

    df: Floats
    terms: Floats
    inner: Bools
    constant: Bools


def containment(X: Floats, cluster: Ints, terms: Sequence[Sequence[int]]) -> Containment:
    """Count as nlme does.

    With N rows, J clusters, p₁ inner columns and p₀ outer ones that are not constant,

        inner: N − J − p₁ (+ 1 without an intercept),   outer: J − p₀ (− 1 with one),

    and the intercept has the larger of the two, as they are if it is all there is: max(N − J, J).

    Parameters
    ----------
    X : (N, p)
        Fixed part.
    cluster : (N,)
        Codes 0 … J−1, each of which occurs.
    terms : sequence of sequences of int
        Columns of each term.

    Returns
    -------
    Containment
        Nothing prevents degrees of freedom of 0 or less, where there are too few clusters.
    """
    N, p = X.shape
    _, first = np.unique(cluster, return_index=True)
    size = np.abs(X).max(axis=0, initial=0.0)
    lead = np.where(X[0] == 0, 1.0, X[0])
    spread = np.abs(np.where(X[0] == 0, X, X / lead - 1)).max(axis=0, initial=0.0)
    constant = np.asarray(spread < CONSTANT)
    inner = np.asarray(np.abs(X - X[first[cluster]]).max(axis=0, initial=0.0) > WITHIN * size)
    inner &= ~constant
    groups = [list(places) for places in terms]
    df = _count(N, len(first), constant, inner, np.ones(p))
    of_terms = _count(
        N,
        len(first),
        np.array([constant[g].all() for g in groups], dtype=bool),
        np.array([inner[g].any() for g in groups], dtype=bool),
        np.array([len(g) for g in groups], dtype=float),
    )
    return Containment(df, of_terms, inner, constant)


def _count(N: int, J: int, constant: Bools, inner: Bools, columns: Floats) -> Floats:
    """Degrees of freedom of items that take up some columns each."""
    within, between = float(N - J), float(J)
    if not constant.all():
        within -= float(columns[inner & ~constant].sum())
        between -= float(columns[~inner & ~constant].sum())
        if constant.any():
            between -= 1.0
        else:
            within += 1.0
    df: Floats = np.where(constant, max(within, between), np.where(inner, within, between))
    return df

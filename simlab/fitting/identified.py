"""Elements of the random effects that the data do not identify, in the user's words and units."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from simlab.data import DataError
from simlab.fitting.contrasts import signed_sum
from simlab.formula import Design
from simlab.formula.nodes import listed
from simlab.mixed.identification import of_columns
from simlab.mixed.information import pairs
from simlab.mixed.rows import Clusters
from simlab.moments import Floats, Ints

Bools = NDArray[np.bool_]
ROUNDING = 1e-12  # residual standard deviation, of the largest y, that is rounding
Terms = list[tuple[float, str]]  # of a sum: each a text, and the number whose sign it has
PART = 1e-6  # of the size that a number could have: below it is rounding


def check_identified(design: Design, clusters: Clusters, reml: bool, source: str) -> list[str]:
    """Refuse a model whose variances the design leaves unknown; return notes of what else it does.

    They name elements of G that trade against each other; by ML, variances that are 0 whatever the
    data say. DataError if σ² cannot be told from G; or, by REML, if the fixed effects take up a
    variance or covariance of the random effects.
    """
    unknown, names = clusters.identification, design.random_names
    if unknown.residual:
        raise DataError(
            f"{source}: {len(design.y)} rows in {len(design.clusters)} clusters of "
            f"{design.cluster_name}: with {listed(names)} random the variance between clusters and "
            "the residual variance cannot be told apart; use fewer random effects"
        )
    if unknown.exact and not reml:
        raise DataError(
            f"{source}: {len(design.y)} rows in {len(design.clusters)} clusters of "
            f"{design.cluster_name}: the fixed and the random effects can fit all of them exactly, "
            "so that the likelihood has no maximum by ML; use fewer effects"
        )
    if len(unknown.taken_up) > len(unknown.flat):
        message = _taken_up(design, clusters, reml)
        if reml:
            raise DataError(f"{source}: {message}")
        return [message]
    return traded(design, clusters)


def traded(design: Design, clusters: Clusters) -> list[str]:
    """Directions along which G may move without a change of the law of y, in words."""
    flat = clusters.identification.flat
    return [_traded(parts) for parts in _sums(flat, clusters, design.random_names)]


def _taken_up(design: Design, clusters: Clusters, reml: bool) -> str:
    """Say which fixed effects leave nothing of which random effects, and what to do."""
    N, B_inverse = clusters.identification.taken_up, np.linalg.inv(clusters.units.B)
    names, group = design.random_names, design.cluster_name
    effects = [
        effect
        for effect, column in zip(names, B_inverse.T, strict=True)
        if _lies_among(np.outer(column, column), N)
    ]
    terms = _taking_up(design, clusters)
    those, bar = listed(terms), _bar(effects, group)
    if effects == ["(Intercept)"] and len(terms) == 1 and _constant_within(design, terms[0]):
        message = (
            f"each {group} has its own {those}: the data say nothing of the variance between "
            f"{group}; leave out {bar}, or {those}"
        )
    elif effects:
        whose = "its variance" if len(effects) == 1 else "their variances"
        message = (
            f"the fixed effects {those} take up all that {listed(effects)} could differ by between "
            f"the {len(design.clusters)} clusters of {group}: the data say nothing of {whose}; "
            f"leave out {bar}, or some of {those}"
        )
    else:
        what = listed(map(signed_sum, _sums(N, clusters, names)))
        message = (
            f"the fixed effects {those} take up what would tell {what} of {group}: the data say "
            f"nothing of it; leave out one of these random effects, or some of {those}"
        )
        return message if reml else f"{message}; by ML it is what makes the determinant of V least"
    return message if reml else f"{message}; by ML it is 0 whatever the data say"


def _bar(effects: list[str], group: str) -> str:
    inside = " + ".join("1" if name == "(Intercept)" else name for name in effects)
    return f"`({'' if '(Intercept)' in effects else '0 + '}{inside} | {group})`"


def _taking_up(design: Design, clusters: Clusters) -> list[str]:
    """Terms without which more would be known; all but the intercept if it takes several."""
    A_inverse, k = np.linalg.inv(clusters.units.A), len(design.fixed_names)
    x = clusters.rotated.xy[:, :, :k] @ A_inverse
    rest = A_inverse.T @ clusters.rotated.rest[0, :k, :k] @ A_inverse
    out = []
    for term, columns in design.terms.items():
        kept = np.array([i for i in range(k) if i not in columns], dtype=np.int64)
        without = of_columns(
            clusters.rotated.K, x[:, :, kept], rest[np.ix_(kept, kept)], clusters.n,
            clusters.rotated.blocks,
        )  # fmt: skip
        if len(without.taken_up) < len(clusters.identification.taken_up):
            out.append(term)
    others = [term for term in out if term != "(Intercept)"]
    return others or [term for term in design.terms if term != "(Intercept)"]


def _constant_within(design: Design, term: str) -> bool:
    X = design.X[:, list(design.terms[term])]
    first = np.unique(design.cluster, return_index=True)[1]
    return bool((X[first[design.cluster]] == X).all())


def _lies_among(direction: Floats, directions: Floats) -> bool:
    """Whether a symmetric matrix is a combination of others."""
    basis = np.linalg.qr(directions.reshape(len(directions), -1).T)[0]
    flat = direction.ravel() / np.linalg.norm(direction)
    return bool(np.linalg.norm(flat - basis @ (basis.T @ flat)) < PART)


def _sums(directions: Floats, clusters: Clusters, names: tuple[str, ...]) -> list[Terms]:
    """Write directions of G, in the engine's units, as sums of few variances and covariances."""
    if not len(directions):
        return []
    B, r = clusters.units.B, len(names)
    pairs = [(a, a) for a in range(r)] + list(combinations(range(r), 2))
    elements = [f"var({names[a]})" if a == b else f"cov({names[a]}, {names[b]})" for a, b in pairs]
    unit = np.sqrt((B**2).sum(axis=1))
    size = np.array([unit[a] * unit[b] for a, b in pairs])
    moved = np.array([[(B @ N @ B.T)[pair] for pair in pairs] for N in _clean(directions)])
    return [_sum(row, elements) for row in _echelon(moved / size) * size]


def _echelon(rows: Floats) -> Floats:
    """Reduced row echelon form of independent rows, whose columns are of one size."""
    rows = rows / np.abs(rows).max(axis=1, keepdims=True)
    eliminate(rows, rows.shape[1], PART, len(rows))
    rows[np.abs(rows) < PART * np.abs(rows).max(axis=1, keepdims=True)] = 0.0
    return rows


def eliminate(rows: Floats, columns: int, least: float, rank: int) -> int:
    """Eliminate the first columns of rows in place, as Gauss and Jordan; return how many could be.

    A pivot is larger than `least`, and there are at most `rank`.
    """
    count = 0
    for column in range(columns):
        if count == rank:
            break
        pivot = count + int(np.argmax(np.abs(rows[count:, column])))
        if np.abs(rows[pivot, column]) <= least:
            continue
        rows[[count, pivot]] = rows[[pivot, count]]
        rows[count] /= rows[count, column]
        others = np.arange(len(rows)) != count
        rows[others] -= np.outer(rows[others, column], rows[count])
        count += 1
    return count


def _sum(row: Floats, elements: list[str]) -> Terms:
    """Terms of a sum, the largest number being 1."""
    numbers = [(x, f"{abs(x):.3g}") for x in row / max(row, key=abs)]
    return [
        (x, element if size == "1" else f"{size} {element}")
        for (x, size), element in zip(numbers, elements, strict=True)
        if x
    ]


def _traded(parts: Terms) -> str:
    """Name a direction along which G may move without a change of the law of y."""
    moves = "may be added to it, in any amount, without a change of"
    return (
        f"G is not identified: {signed_sum(parts)} "
        f"{'does not occur in' if len(parts) == 1 else moves} the law of the data; what depends on "
        "it is NaN, and it is no parameter"
    )


def _clean(directions: Floats) -> Floats:
    """Directions of G in the engine's units, whose columns of Z are all of one size, less rounding.

    An element that takes no part in a direction is 1e-16 there and not 0.
    """
    size = np.abs(directions)
    return np.where(
        size > PART * size.max(axis=(1, 2), initial=0.0, keepdims=True), directions, 0.0
    )


def unknown_elements(clusters: Clusters) -> Bools:
    """Whether each element of the user's G is unknown, (r, r): moved along a flat direction."""
    B = clusters.units.B
    out = np.zeros((len(B), len(B)), dtype=np.bool_)
    for N in _clean(clusters.identification.flat):
        out |= np.abs(B @ N @ B.T) > PART * (np.abs(B) @ np.abs(N) @ np.abs(B).T)
    return out


def unknown_components(clusters: Clusters) -> list[bool]:
    """Whether each variance component is unknown: standard deviations, correlations, σ."""
    G = unknown_elements(clusters)
    cors = [bool(G[a, b] or G[a, a] or G[b, b]) for a, b in pairs(clusters.rotated)]
    return [*map(bool, np.diag(G)), *cors, False]


def unknown_effects(clusters: Clusters) -> Bools:
    """Whether û_j depends on what is unknown of G, (J, r): where NZ_j' is not 0."""
    B, K = clusters.units.B, clusters.rotated.K
    out = np.zeros(K.shape[:2], dtype=np.bool_)
    for N in _clean(clusters.identification.flat):
        moved = np.abs(B @ N @ K).max(axis=2)
        out |= moved > PART * (np.abs(B) @ np.abs(N) @ np.abs(K)).max(axis=2)
    return out


def unknown_rows(clusters: Clusters, Z: Floats, cluster: Ints) -> Bools:
    """Whether z'Gz, and z'û_j where the cluster is known (not −1), depend on it; (M,).

    Z (M, r) is in the engine's units, `cluster` (M,) has codes.
    """
    out, K = np.zeros(len(Z), dtype=np.bool_), clusters.rotated.K
    known = cluster >= 0
    for N in _clean(clusters.identification.flat):
        size = (np.abs(Z) @ np.abs(N) * np.abs(Z)).sum(axis=1)
        out |= np.abs((Z @ N * Z).sum(axis=1)) > PART * size
        along = np.einsum("ia,iac->ic", Z[known] @ N, K[cluster[known]])
        size = np.einsum("ia,iac->ic", np.abs(Z[known]) @ np.abs(N), np.abs(K[cluster[known]]))
        out[known] |= (np.abs(along) > PART * size.max(axis=1, initial=0.0)[:, None]).any(axis=1)
    return out

"""What the data of a fit cannot tell of its random effects, in the user's words and units."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simlab.data import DataError
from simlab.formula import Design
from simlab.formula.nodes import listed
from simlab.mixed.identification import of_columns
from simlab.mixed.information import pairs
from simlab.mixed.rows import Clusters
from simlab.moments import Floats, Ints

if TYPE_CHECKING:
    from simlab.fitting.result import MixedFit

Bools = NDArray[np.bool_]
PART = 1e-6  # of the size that a number could have: below it is rounding


def check_identified(design: Design, clusters: Clusters, reml: bool, source: str) -> list[str]:
    """Refuse a model whose variances the design leaves unknown, and note what else it does.

    Returns
    -------
    list of str
        Notes: elements of G that trade against each other; by ML, variances that are 0 whatever
        the data say.

    Raises
    ------
    DataError
        If σ² cannot be told from G; or, by REML, if the fixed effects take up a variance or
        covariance of the random effects.
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
        said = _taken_up(design, clusters)
        if reml:
            raise DataError(f"{source}: {said}")
        return [f"{said}; by ML it is 0 whatever the data say"]
    return traded(design, clusters)


def traded(design: Design, clusters: Clusters) -> list[str]:
    """Directions along which G may move without a change of the law of y, in words."""
    directions = _in_user_units(clusters.identification.flat, clusters)
    return [_traded(direction, design.random_names) for direction in directions]


def _taken_up(design: Design, clusters: Clusters) -> str:
    """Say which fixed effects leave nothing of which random effects."""
    N = clusters.identification.taken_up
    names, B_inverse = design.random_names, np.linalg.inv(clusters.units.B)
    alone = [
        a for a in range(len(names)) if _lies_among(np.outer(B_inverse[:, a], B_inverse[:, a]), N)
    ]
    effects = [names[a] for a in alone] or list(names)
    terms = _culprits(design, clusters)
    group, bar = design.cluster_name, _bar(effects, design.cluster_name)
    those = listed(terms)
    if effects == ["(Intercept)"] and len(terms) == 1 and _constant_within(design, terms[0]):
        return (
            f"each {group} has its own {those}: the data say nothing of the variance between "
            f"{group}; leave out {bar}, or {those}"
        )
    return (
        f"the fixed effects {those} take up all that {listed(effects)} could differ by between the "
        f"{len(design.clusters)} clusters of {group}: the data say nothing of its variance; leave "
        f"out {bar}, or some of {those}"
    )


def _bar(effects: list[str], group: str) -> str:
    inside = " + ".join("1" if name == "(Intercept)" else name for name in effects)
    return f"`({'' if '(Intercept)' in effects else '0 + '}{inside} | {group})`"


def _culprits(design: Design, clusters: Clusters) -> list[str]:
    """Terms without which more would be known; all but the intercept if it takes several."""
    A_inverse, k = np.linalg.inv(clusters.units.A), len(design.fixed_names)
    x = clusters.rotated.xy[:, :, :k] @ A_inverse
    rest = A_inverse.T @ clusters.rotated.rest[0, :k, :k] @ A_inverse
    out = []
    for term, places in design.terms.items():
        kept = np.array([i for i in range(k) if i not in places], dtype=np.int64)
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


def _traded(direction: Floats, names: tuple[str, ...]) -> str:
    """Name a direction along which G may move without a change of the law of y."""
    r = len(names)
    parts: list[str] = []
    elements = [(a, a) for a in range(r)] + list(combinations(range(r), 2))
    largest = max((direction[pair] for pair in elements), key=abs)
    for a, b in elements:
        share = direction[a, b] / largest
        if abs(share) > PART:
            what = f"var({names[a]})" if a == b else f"cov({names[a]}, {names[b]})"
            size = "" if abs(abs(share) - 1) < PART else f"{abs(share):.3g} "
            sign = ("− " if share < 0 else "+ ") if parts else ("−" if share < 0 else "")
            parts.append(f"{sign}{size}{what}")
    said = " ".join(parts)
    one = len(parts) == 1
    return (
        f"G is not identified: {said} "
        + ("does not occur in" if one else "may be added to it, in any amount, without a change of")
        + " the law of the data; what depends on it is NaN, and it is no parameter"
    )


# ---------------------------------------------------------------- what depends on it


def _in_user_units(directions: Floats, clusters: Clusters) -> Floats:
    B = clusters.units.B
    out: Floats = B @ directions @ B.T
    return out


def unknown_elements(fit: MixedFit) -> Bools:
    """Whether each element of G is unknown, (r, r)."""
    B, flat = np.abs(fit.clusters.units.B), fit.clusters.identification.flat
    out = np.zeros((len(B), len(B)), dtype=np.bool_)
    for direction, N in zip(_in_user_units(flat, fit.clusters), flat, strict=True):
        out |= np.abs(direction) > PART * (B @ np.abs(N) @ B.T)
    return out


def unknown_components(fit: MixedFit) -> list[bool]:
    """Whether each variance component is unknown: standard deviations, correlations, σ."""
    G = unknown_elements(fit)
    cors = [bool(G[a, b] or G[a, a] or G[b, b]) for a, b in pairs(fit.optimum.rotated)]
    return [*map(bool, np.diag(G)), *cors, False]


def unknown_effects(fit: MixedFit) -> Bools:
    """Whether û_j depends on what is unknown of G, (J, r): where NZ_j' is not 0."""
    B, K = fit.clusters.units.B, fit.clusters.rotated.K
    out = np.zeros(K.shape[:2], dtype=np.bool_)
    for N in fit.clusters.identification.flat:
        moved = np.abs(B @ N @ K).max(axis=2)
        out |= moved > PART * (np.abs(B) @ np.abs(N) @ np.abs(K)).max(axis=2)
    return out


def unknown_rows(fit: MixedFit, Z: Floats, cluster: Ints) -> Bools:
    """Whether z'Gz, and z'û_j where the cluster is known (not −1), depend on it; (M,).

    Parameters
    ----------
    Z : (M, r)
        In the engine's units.
    cluster : (M,)
        Codes.
    """
    out, K = np.zeros(len(Z), dtype=np.bool_), fit.clusters.rotated.K
    known = cluster >= 0
    for N in fit.clusters.identification.flat:
        size = (np.abs(Z) @ np.abs(N) * np.abs(Z)).sum(axis=1)
        out |= np.abs((Z @ N * Z).sum(axis=1)) > PART * size
        along = np.einsum("ia,iac->ic", Z[known] @ N, K[cluster[known]])
        size = np.einsum("ia,iac->ic", np.abs(Z[known]) @ np.abs(N), np.abs(K[cluster[known]]))
        out[known] |= (np.abs(along) > PART * size.max(axis=1, initial=0.0)[:, None]).any(axis=1)
    return out

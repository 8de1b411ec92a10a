"""The sums of one condition by name, estimator and term."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.performance.aims import Aims
from simlab.performance.ends import holding
from simlab.performance.node import Node
from simlab.performance.outline import Outline

_ThreeWays = tuple[NDArray[Any], NDArray[Any], NDArray[Any] | float]
_CELL = ("estimator", "term")
_TWO = ("estimator", "reference", "term")
_STREAMS: Mapping[str, tuple[str, ...]] = {
    "estimate": _CELL,
    "variance": _CELL,
    "estimate_with_se": _CELL,
    "variance_with_estimate": _CELL,
    "width": _CELL,
    "squared_error": (*_CELL, "aim"),
    "dropped": ("estimator",),
    "difference": _TWO,
    "squared_error_difference": (*_TWO, "aim"),
    "coverage_difference": (*_TWO, "aim"),
}

DIMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{f"{name}_{part}": d for name, d in _STREAMS.items() for part in ("n", "mean", "C")},
        "centre": _CELL,
        "status_count": ("estimator", "code"),
        "covered": (*_CELL, "aim"),
        "coverable": (*_CELL, "aim"),
        "held": _CELL,
        "holdable": _CELL,
        "rejected": _CELL,
        "rejectable": _CELL,
        "apart": _TWO,
        "pair_C": (*_TWO, "product"),
        "best_n": (*_CELL, "candidate"),
        "best_C": (*_CELL, "candidate", "product"),
        "best_share": (*_CELL, "candidate"),
        "test_rejected": ("test", "kind", "nominal"),
        "test_n": ("test", "kind"),
    }
)
"""Every sum and its dimensions.

``X_n``, ``X_mean`` and ``X_C`` are the replicates, mean and centred sum of squares of a stream X;
``aim`` is β_W, β_B, limit. Estimates are summed about their ``centre``. ``product`` is Σaa, Σbb,
Σdd and Σad, centred, of own estimate a, reference b and d = a − b. ``best`` has the oracle's
slope + λ contextual as b, for the λ in ``best_share``. ``held`` counts the intervals that hold
the mean estimate, and is −1 where that is not known; ``apart`` counts the replicates in which two
estimates are not the same number.
"""


def named(node: Node, outline: Outline, aims: Aims) -> dict[str, NDArray[Any]]:
    """Name the sums of one condition.

    Parameters
    ----------
    node : Node
        Of all its blocks.
    outline : Outline
    aims : Aims

    Returns
    -------
    dict of str to ndarray
        As `DIMS`, without those of tests where there are none. Where an estimator has no such
        term, counts are 0 and the rest is NaN.
    """
    E, T = len(outline.estimators), len(outline.terms)
    e, t = outline.cells
    found: dict[str, NDArray[Any]] = {}
    for name, values in _of_cells(node, outline, aims).items():
        found[name] = _blank((E, T, *values.shape[1:]), values)
        found[name][e, t] = values
    own, reference = outline.pairs
    for name, (values, turned, beside_itself) in _of_pairs(node, outline).items():
        found[name] = _blank((E, E, T, *values.shape[1:]), values)
        found[name][e[own], e[reference], t[own]] = values
        found[name][e[reference], e[own], t[own]] = turned
        found[name][e, e, t] = beside_itself
    found["status_count"] = outline.counts.part("status", node.counts)
    found |= _stream(node, outline, "dropped")
    if outline.tests:
        for name in ("test_rejected", "test_n"):
            found[name] = outline.counts.part(name, node.counts)
    return found | _best(node, outline, aims)


def _stream(node: Node, outline: Outline, name: str) -> dict[str, NDArray[Any]]:
    """The sums of one stream of single values."""
    n, mean, C = (outline.singles.part(name, x) for x in node.singles)
    return {f"{name}_n": n, f"{name}_mean": mean[..., 0], f"{name}_C": C[..., 0]}


def _of_cells(node: Node, outline: Outline, aims: Aims) -> dict[str, NDArray[Any]]:
    """What has one value per cell, first axis (L,)."""
    found: dict[str, NDArray[Any]] = {"centre": aims.centre}
    for name in ("covered", "coverable", "rejected", "rejectable"):
        found[name] = outline.counts.part(name, node.counts)
    for name in _STREAMS:
        if name in outline.singles.shapes and _STREAMS[name][:2] == _CELL:
            found |= _stream(node, outline, name)
    n, mean, _ = _stream(node, outline, "estimate_with_interval").values()
    found["held"] = np.where(n > 0, holding(node.ends, aims.centre + mean), 0)
    return found | {"holdable": n}


def _of_pairs(node: Node, outline: Outline) -> dict[str, _ThreeWays]:
    """What has one value per pair, first axis (P,); the other way round; and beside itself (L,).

    An estimator beside itself has a difference of 0 wherever it has a value.
    """
    apart = outline.counts.part("apart", node.counts)
    n, mean, C = (outline.triples.part("pair", x) for x in node.triples)
    own = _stream(node, outline, "estimate")
    S = own["estimate_C"]
    aa, bb, dd, ad = C.T
    turned = np.stack([bb, aa, dd, dd - ad], axis=-1)  # with b first, d = b − a
    found: dict[str, _ThreeWays] = {
        "apart": (apart, apart, 0),
        "pair_C": (C, turned, np.stack([S, S, 0 * S, 0 * S], axis=-1)),
        "difference_n": (n, n, own["estimate_n"]),
        "difference_mean": (mean[:, 2], -mean[:, 2], 0.0),
        "difference_C": (dd, dd, 0.0),
    }
    streams = {
        "squared_error": tuple(_stream(node, outline, "squared_error_difference").values()),
        "coverage": _coverage_difference(node, outline),
    }
    alone = {
        "squared_error": _stream(node, outline, "squared_error")["squared_error_n"],
        "coverage": outline.counts.part("coverable", node.counts),
    }
    for name, (n, mean, C) in streams.items():
        found[f"{name}_difference_n"] = (n, n, alone[name])
        found[f"{name}_difference_mean"] = (mean, -mean, 0.0)
        found[f"{name}_difference_C"] = (C, C, 0.0)
    return found


def _coverage_difference(node: Node, outline: Outline) -> tuple[NDArray[Any], ...]:
    """n, mean and centred sum of squares of 1 where only a covers, −1 where only b does, else 0."""
    n = outline.counts.part("coverable_by_both", node.counts)
    own, reference = np.moveaxis(outline.counts.part("covered_by_one", node.counts), -1, 0)
    mean = (own - reference) / np.maximum(n, 1)
    return n, mean, own + reference - n * mean**2


def _best(node: Node, outline: Outline, aims: Aims) -> dict[str, NDArray[Any]]:
    own, _, _, candidate = outline.best
    e, t = (axis[own] for axis in outline.cells)
    E, T = len(outline.estimators), len(outline.terms)
    n, _, C = (outline.triples.part("best", x) for x in node.triples)
    found: dict[str, NDArray[Any]] = {
        "best_n": np.zeros((E, T, 2), dtype=np.int64),
        "best_C": np.full((E, T, 2, 4), np.nan),
        "best_share": np.full((E, T, 2), np.nan),
    }
    for name, values in (("best_n", n), ("best_C", C), ("best_share", aims.share)):
        found[name][e, t, candidate] = values
    return found


def _blank(shape: tuple[int, ...], like: NDArray[Any]) -> NDArray[Any]:
    fill = 0 if like.dtype.kind == "i" else np.nan
    return np.full(shape, fill, dtype=like.dtype)

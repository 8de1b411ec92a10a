"""Codings of a factor with m levels by m − 1 contrasts, computed by formulaic, named as in R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from formulaic.transforms.contrasts import (
    HelmertContrasts,
    PolyContrasts,
    SumContrasts,
)

from simlab.moments import Floats

TREATMENT = "Treatment"
_MATRICES = MappingProxyType(
    {"Sum": SumContrasts(), "Helmert": HelmertContrasts(), "Poly": PolyContrasts()}
)
MOST_LEVELS = 30
"""Of polynomials: those of 40 levels are orthonormal to 5e-8, those of 60 not at all."""

CODINGS = (TREATMENT, *_MATRICES)
"""Codings that a formula may ask for, ``C(f, Sum)``."""

_DEGREES: Mapping[int, str] = MappingProxyType({1: ".L", 2: ".Q", 3: ".C"})


class Coding(NamedTuple):
    """How a factor is coded.

    Attributes
    ----------
    name : str
        One of `CODINGS`.
    reference : str or None
        Of treatment coding, the level that the others are compared with; None for the first.
    """

    name: str = TREATMENT
    reference: str | None = None


DEFAULT = Coding()
"""Treatment coding, the first level being the reference."""


class Contrasts(NamedTuple):
    """Columns of a coding.

    Attributes
    ----------
    labels : tuple of str
        What R adds to the factor's name: levels for treatment coding, "1", "2", … for sum and
        Helmert coding, ".L", ".Q", ".C", "^4", … for polynomials.
    matrix : (m, m − 1)
        A row for each level.
    """

    labels: tuple[str, ...]
    matrix: Floats


def contrasts(coding: Coding, levels: Sequence[str]) -> Contrasts:
    """Columns of a factor that is coded by contrasts.

    Sum: each level but the last less the mean of all levels. Helmert: each level but the first
    less the mean of those before it, in steps that grow with the number of these. Poly: orthonormal
    polynomials over equally spaced levels. These are R's contr.sum, contr.helmert, contr.poly.

    Parameters
    ----------
    coding : Coding
    levels : sequence of str
        The m levels in order, two or more; the reference is one of them.
    """
    m = len(levels)
    if coding.name == TREATMENT:
        first = 0 if coding.reference is None else list(levels).index(coding.reference)
        others = [i for i in range(m) if i != first]
        return Contrasts(tuple(levels[i] for i in others), np.eye(m)[:, others])
    matrix = _MATRICES[coding.name].get_coding_matrix(list(levels), sparse=False)
    numbers = range(1, m)
    if coding.name == "Poly":
        labels = tuple(_DEGREES.get(k, f"^{k}") for k in numbers)
    else:
        labels = tuple(map(str, numbers))
    return Contrasts(labels, np.ascontiguousarray(matrix, dtype=np.float64))

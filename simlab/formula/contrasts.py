"""Codings of a factor with m levels by m − 1 contrasts, computed by formulaic, named as in R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from simlab.moments import Floats

TREATMENT = "Treatment"
MOST_LEVELS = 30
"""Of polynomials: those of 40 levels are orthonormal to 5e-8, those of 60 not at all."""

CODINGS = (TREATMENT, "Sum", "Helmert", "Poly")
"""Codings that a formula may ask for, ``C(f, Sum)``."""

_DEGREES: Mapping[int, str] = MappingProxyType({1: ".L", 2: ".Q", 3: ".C"})


class Coding(NamedTuple):
    """Coding of a factor.

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


def contrast_names(coding: Coding, levels: Sequence[str]) -> tuple[str, ...]:
    """Names of the m − 1 columns of a factor that is coded by contrasts.

    Parameters
    ----------
    coding : Coding
    levels : sequence of str
        The m levels in order, two or more; the reference is one of them.

    Returns
    -------
    tuple of str
        What R adds to the factor's name: levels for treatment coding, "1", "2", … for sum and
        Helmert coding, ".L", ".Q", ".C", "^4", … for polynomials.
    """
    if coding.name == TREATMENT:
        reference = levels[0] if coding.reference is None else coding.reference
        return tuple(level for level in levels if level != reference)
    numbers = range(1, len(levels))
    if coding.name == "Poly":
        return tuple(_DEGREES.get(k, f"^{k}") for k in numbers)
    return tuple(map(str, numbers))


@lru_cache(maxsize=1)
def contrast_matrix(coding: Coding, levels: tuple[str, ...]) -> Floats:
    """Coding matrix of m levels, (m, m − 1), a row for each level.

    Treatment: an indicator of each level but the reference. Sum: each level but the last less the
    mean of all levels. Helmert: each level but the first less the mean of those before it, in steps
    that grow with the number of these. Poly: orthonormal polynomials over equally spaced levels.
    These are R's contr.treatment, contr.sum, contr.helmert, contr.poly.

    Parameters
    ----------
    coding : Coding
    levels : tuple of str
        The m levels in order, two or more; the reference is one of them.
    """
    if coding.name == TREATMENT:
        others = contrast_names(coding, levels)
        return np.array([[float(level == other) for other in others] for level in levels])
    from formulaic.transforms import contrasts  # formulaic: most formulas do without it

    codings = {
        "Sum": contrasts.SumContrasts,
        "Helmert": contrasts.HelmertContrasts,
        "Poly": contrasts.PolyContrasts,
    }
    matrix = codings[coding.name]().get_coding_matrix(list(levels), sparse=False)
    return np.ascontiguousarray(matrix, dtype=np.float64)

"""What is said of the tests of a study: their names, and whether a size is what it claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

SizeWord = Literal["conservative", "nominal", "liberal", ""]

CLEAR: Final = 3.0
"""Standard errors from the nominal level at which a size is called other than nominal. A study has
hundreds of sizes, and of those that are nominal one in 370 is as far off by chance."""

TESTS: Mapping[str, str] = MappingProxyType(
    {
        "random_intercept": "random intercept, G = 0?",
        "random_slope": "random slope, g₁₁ = 0?",
        "fixed_slope": "fixed slope, β = 0?",
    }
)
"""What a test asks, in tables and pictures."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "chi2": "χ²",
        "mixture": "χ² mixture",
        "exact": "exact",
        "wald": "Wald, normal",
        "satterthwaite": "Satterthwaite",
        "kenward_roger": "Kenward–Roger",
        "simulated": "simulated",
    }
)
"""What a kind of p-value is called there."""


def test_label(test: str) -> str:
    """Return what a test asks; of one that is not known, its name."""
    return TESTS.get(test, test)


def kind_label(kind: str) -> str:
    """Return what a kind of p-value is called; of one that is not known, its name."""
    return KINDS.get(kind, kind)


def size_word(size: float, n: int, nominal: float) -> SizeWord:
    """Judge a size by the standard error √(α(1 − α)/n) that a share of nominal size would have.

    Parameters
    ----------
    size : float
        Share of rejections under a true null hypothesis; NaN gives "".
    n : int
        Replicates.
    nominal : float
        The level α.
    """
    if math.isnan(size) or n == 0:
        return ""
    off = (size - nominal) / math.sqrt(nominal * (1 - nominal) / n)
    return "conservative" if off < -CLEAR else "liberal" if off > CLEAR else "nominal"

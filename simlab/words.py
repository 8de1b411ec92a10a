"""Names and numbers as a person reads them: a share is never 0 % ± 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

ROUNDING = 1e-9
"""What is smaller is no error of sampling."""


def signed(value: float, digits: int, plus: bool = False) -> str:
    """Write a number with a minus as printers set it, and no sign on 0; NaN is empty."""
    if math.isnan(value):
        return ""
    text = f"{value:{'+' if plus else ''}.{digits}f}".replace("-", "−")
    bare = text.strip("+−")
    return bare if float(bare) == 0 else text


def pair(value: float, mcse: float, digits: int, plus: bool = False) -> str:
    """Write a number ± its MCSE, which is never shown as 0; alone, where one tells no MCSE."""
    digits = decimals(mcse, digits)
    shown = signed(value, digits, plus)
    return shown if math.isnan(mcse) else f"{shown} ± {mcse:.{digits}f}"


def wrong(error: float) -> str:
    """Say what a relative error, in %, makes of a standard error."""
    return f"{abs(error):.0f} % too {'small' if error < 0 else 'large'}"


def decimals(error: float, least: int) -> int:
    """Return how many decimals show an error as other than 0, `least` or more."""
    if not (math.isfinite(error) and error > ROUNDING):
        return least
    return max(least, -math.floor(math.log10(2 * error)))


def percent(share: float, mcse: float, interval: tuple[float, float], least: int = 1) -> str:
    """Write a share in %, with its MCSE; one that has not varied, with the end of its interval.

    Parameters
    ----------
    share, mcse : float
    interval : (float, float)
        95 % Monte Carlo interval, of `Measure.interval`.
    least : int
        Decimals, or more.
    """
    if math.isnan(share):
        return "–"
    if share in (0, 1):
        low, high = (100 * end for end in interval)
        digits = decimals(high - low, 0)
        return f"0 (< {high:.{digits}f})" if share == 0 else f"100 (> {low:.{digits}f})"
    digits = decimals(100 * mcse, least)
    return f"{100 * share:.{digits}f} ± {100 * mcse:.{digits}f}"


SHORT: Mapping[str, str] = MappingProxyType(
    {
        "population.clusters": "J",
        "population.cluster_sizes.mean": "n",
        "population.cluster_sizes.size": "n",
    }
)
"""What the factors of sample size are called in tables."""


def factor_label(factor: str) -> str:
    """Return a short name of a factor: what its path says, without the population."""
    plain = factor.removeprefix("population.").replace("_", " ").replace(".", " ")
    return SHORT.get(factor, plain)


def named_level(factor: str, level: object, shared: bool = False) -> str:
    """Name a level of a factor, so that it is clear of what.

    A number has the factor before it. A label of several words is taken to say what it is of, as
    "random slopes" does; a single word, and one that other factors have too (`shared`), has the
    factor behind it: "t5 random effects".
    """
    label, name = str(level), factor_label(factor)
    if isinstance(level, float):
        return f"{name} = {level:g}"
    if label[:1] in ("{", "["):
        return f"{name} {label}"
    if factor == "scheme" or (" " in label and not shared):
        return label
    return f"{label} {name}"


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

"""Names and numbers as a person reads them: a share is never 0 % ± 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

ROUNDING = 1e-9
"""What is smaller is no error of sampling."""

_LARGE = 7  # digits before the point, beyond which a number is written with an exponent
_SMALL = 7  # decimals, the same
_HUGE = 1e9  # the same of a number that has its decimals from its error


def counted(n: int, what: str) -> str:
    """Write how many there are of something, which is named as one: 1 block, 2 blocks."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def number(value: float, unit: float | None = None, digits: int = 4) -> str:
    """Write a number with `digits` significant digits of its unit, such as a standard error.

    There is no exponent where a person reads it easily so; "" for NaN.
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value) if unit is None or not math.isfinite(unit) or unit <= 0 else unit
    if size == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(size)), 0)
    if decimals > _SMALL or abs(value) >= 10**_LARGE:
        return f"{value:.{digits - 1}e}"
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def statistic(value: float) -> str:
    """Write a t or F value: three decimals, fewer where it is large."""
    if math.isfinite(value) and abs(value) < 1e5:
        return f"{value:.3f}"
    return number(value)


def p_value(p: float) -> str:
    """Write a probability as the rest of simlab does."""
    if math.isnan(p):
        return ""
    return f"{p:.2e}" if p < 1e-4 else f"{p:.5f}"


def degrees(df: float) -> str:
    """Write degrees of freedom; those of the normal law are "∞"."""
    if math.isnan(df):
        return ""
    if math.isinf(df):
        return "∞"
    return f"{df:.0f}" if df == round(df) else f"{df:.2f}"


def signed(value: float, digits: int, plus: bool = False) -> str:
    """Write a number with a minus as printers set it, and no sign on 0; NaN is empty."""
    if math.isnan(value):
        return ""
    form = f".{digits}f" if abs(value) < _HUGE or math.isinf(value) else ".3e"
    text = f"{value:{'+' if plus else ''}{form}}".replace("-", "−")
    bare = text.strip("+−")
    return bare if float(bare) == 0 else text


def plus_minus(value: float, mcse: float = math.nan, digits: int = 1, plus: bool = False) -> str:
    """Write a number, and ± its MCSE where that is known; more decimals where that would be 0."""
    digits = decimals(mcse, digits)
    text = signed(value, digits, plus)
    return text if math.isnan(mcse) or not text else f"{text} ± {signed(mcse, digits)}"


def se_error(error: float, mcse: float = math.nan, digits: int = 1, unit: str = " %") -> str:
    """Write how far a reported standard error is off, on the one scale that simlab has for it.

    The error is reported over true standard error, less 1, in %, the measure `relative_error`: −31
    is 31 % too small, 0 is honest. It is written as −31.0 ± 0.6 %; NaN is empty. Give no unit where
    a header says it.
    """
    text = plus_minus(error, mcse, digits, plus=True)
    return text and text + unit


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

    The interval is the 95 % Monte Carlo interval of `Measure.interval`; `least` are decimals.
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


def level(value: object) -> str:
    """Write a level of a factor; nothing where a condition has no such field."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return "" if str(value) == "nan" else str(value)


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

"""What a user's method returns, read with care: numbers, or a line that says why they are none.

A replicate whose numbers are no numbers has the status ERROR and a message. A method says that
there is nothing to be estimated by returning None, or by the status in its `Estimates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.custom.isolation import LONGEST, CustomError
from simlab.estimators.base import ERROR, NOT_ESTIMABLE, OK, SINGULAR, Estimates
from simlab.moments import Floats

__all__ = ["blank", "joined", "read"]

PARTS = ("estimate", "std_error", "df")


def blank(B: int, T: int, status: int, text: str = "") -> Estimates:
    """Return estimates that there are not, of B replicates and T terms."""
    nothing = np.full((B, T), np.nan)
    messages = dict.fromkeys(range(B), text) if text else {}
    return Estimates(
        nothing, nothing.copy(), nothing.copy(),
        np.full(B, status, np.int8), np.zeros(B, np.int32), messages=messages,
    )  # fmt: skip


def joined(each: Sequence[Estimates]) -> Estimates:
    """Put estimates of one replicate each together."""

    def together(name: str) -> Any:
        values = [getattr(one, name) for one in each]
        known = next((v for v in values if v is not None), None)
        if known is None:
            return None
        # Variance components are all that a replicate may lack: those of one that failed.
        return np.concatenate([known * np.nan if v is None else v for v in values])

    messages = {b: one.messages[0] for b, one in enumerate(each) if one.messages}
    return Estimates(**{name: together(name) for name in Estimates._fields[:-1]}, messages=messages)


def read(returned: object, terms: tuple[str, ...], B: int, mixed: bool = False) -> Estimates:
    """Read what a method returned.

    Parameters
    ----------
    returned : object
        `Estimates`, a mapping from term to numbers, or None where there is no estimate.
    terms : tuple of str
        Names of the T terms.
    B : int
        Number of replicates.
    mixed : bool
        Whether `Estimates` must have G and σ².

    Raises
    ------
    CustomError
        If it is of no such kind, or its numbers are not numbers or have another shape.
    """
    if returned is None:
        return blank(B, len(terms), NOT_ESTIMABLE)
    if isinstance(returned, Estimates):
        found = _checked(returned, len(terms), B, mixed)
        told = dict.fromkeys(PARTS, np.zeros(len(terms), np.bool_))
        return _judged(found, terms, told | {"estimate": np.ones(len(terms), np.bool_)})
    if isinstance(returned, Mapping):
        return _judged(*_mapped(returned, terms, B))
    raise CustomError(
        f"returned {_what(returned)}; a method returns a mapping from term to "
        "(estimate, std_error), or None"
    )


Told = dict[str, NDArray[np.bool_]]
"""By part: of which terms it was returned, and so must be a number. (T,)."""


def _mapped(
    returned: Mapping[Any, Any], terms: tuple[str, ...], B: int
) -> tuple[Estimates, tuple[str, ...], Told]:
    unknown = [str(name) for name in returned if name not in terms]
    if unknown:
        raise CustomError(
            f"returned the term {unknown[0]!r}, which is not among its terms {', '.join(terms)}; "
            "say terms=(…) in @simlab.estimator"
        )
    if not returned:
        raise CustomError("returned no term; return None where there is nothing to be estimated")
    found = blank(B, len(terms), OK)
    told = {part: np.zeros(len(terms), np.bool_) for part in PARTS}
    for t, name in enumerate(terms):
        entry = _entry(name, returned[name]) if name in returned else {}
        if "std_error" in entry:
            entry = {"df": np.inf if B == 1 else np.full(B, np.inf), **entry}
        for part, value in entry.items():
            getattr(found, part)[:, t] = _numbers(f"{name}: {part}", value, (B,))
            told[part][t] = True
    return found, terms, told


def _entry(name: str, entry: object) -> dict[str, Any]:
    """Name the numbers of a term: a tuple's by their order, one number alone is the estimate."""
    if isinstance(entry, Mapping):
        if "estimate" in entry and set(entry) <= set(PARTS):
            return dict(entry)
        raise CustomError(f"{name}: has {', '.join(map(str, entry))}, not {', '.join(PARTS)}")
    if isinstance(entry, tuple | list):
        if 1 <= len(entry) <= len(PARTS):
            return dict(zip(PARTS, entry, strict=False))
        raise CustomError(f"{name}: has {len(entry)} numbers, not {', '.join(PARTS)}")
    return {"estimate": entry}


def _checked(found: Estimates, T: int, B: int, mixed: bool) -> Estimates:
    """Return `Estimates` with arrays of their own, of the right shape and type."""
    numbers = {part: _numbers(part, getattr(found, part), (B, T)) for part in PARTS}
    status = _numbers("status", found.status, (B,))
    wrong = ~np.isin(status, range(ERROR + 1))
    if wrong.any():
        raise CustomError(f"status is {status[wrong][0]:g}, not one of 0 to {ERROR}")
    components = {}
    if mixed:
        components["G"] = _numbers("G", found.G, (B, 2, 2))
        components["sigma2"] = _numbers("sigma2", found.sigma2, (B,))
    return Estimates(
        **numbers,
        status=status.astype(np.int8),
        dropped=_numbers("dropped", found.dropped, (B,)).astype(np.int32),
        **components,
        messages={b: str(found.messages[b])[:LONGEST] for b in range(B) if b in found.messages},
    )


def _judged(found: Estimates, terms: tuple[str, ...], told: Told) -> Estimates:
    """Blank what failed; what must be a number and is none has failed."""
    status, messages = found.status.copy(), dict(found.messages)
    for part in reversed(PARTS):  # the estimate has the last word
        values = getattr(found, part)
        bad = np.isnan(values) & told[part]
        bad |= np.isinf(values) & (part != "df")
        bad |= (values < 0) & (part != "estimate") | (values == 0) & (part == "df")
        bad &= (found.status <= SINGULAR)[:, None]
        for b, t in np.argwhere(bad)[::-1].tolist():
            status[b], messages[b] = ERROR, f"{terms[t]}: {part} is {values[b, t]:g}"
    failed = (status > SINGULAR)[:, None]
    blanked = {part: np.where(failed, np.nan, getattr(found, part)) for part in PARTS}
    return found._replace(**blanked, status=status, messages=messages)


def _numbers(name: str, value: object, shape: tuple[int, ...]) -> Floats:
    """Return numbers of a shape; one replicate's may come without its dimension."""
    try:
        found = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise CustomError(f"{name} is {_what(value)}, not a number") from None
    if found.shape == shape[1:] and shape[0] == 1:
        return found.reshape(shape)
    if found.shape != shape:
        raise CustomError(f"{name} has the shape {found.shape}, not {shape}")
    return found


def _what(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"

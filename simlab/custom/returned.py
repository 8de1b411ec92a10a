"""Estimates read from what a user's method returns: numbers, or a line on what is wrong with them.

A replicate whose numbers are no numbers has the status error and a message. A method says that
there is nothing to be estimated by returning None, or by a status of its own. What it cannot tell
of an estimate is NaN: a standard error, degrees of freedom, an interval, a p-value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.custom.declarations import STATUS
from simlab.custom.isolation import LONGEST
from simlab.errors import CustomError
from simlab.estimators.base import Estimates
from simlab.inference import infer
from simlab.moments import Floats
from simlab.words import FAILED, FITTED, Status

PARTS = ("estimate", "std_error", "df")  # what a tuple of numbers is, in its order

INFERRED = ("lower", "upper", "p_value")  # what is Student's t where a method has none of its own

WORDS = {status.word: status for status in Status if status is not Status.ERROR}
"""How a method may say that a fit ended."""


def blank(B: int, T: int, status: int, text: str = "", warned: tuple[str, ...] = ()) -> Estimates:
    """Return estimates that there are not, of B replicates and T terms."""
    nothing = np.full((B, T), np.nan)
    return Estimates(
        nothing, nothing.copy(), nothing.copy(),
        np.full(B, status, np.int8), np.zeros(B, np.int32),
        messages=dict.fromkeys(range(B), text) if text else {},
        warnings=dict.fromkeys(range(B), warned) if warned else {},
    )  # fmt: skip


def joined(each: Sequence[Estimates], level: float) -> Estimates:
    """Put estimates of one replicate each together."""
    if any(one.lower is not None for one in each):
        each = [_inferred(one, level) for one in each]

    def together(name: str) -> Any:
        """One field of all replicates, first axis; None if none has it."""
        values = [getattr(one, name) for one in each]
        known = next((v for v in values if v is not None), None)
        if known is None:
            return None
        # Variance components are all that a replicate may lack: those of one that failed.
        return np.concatenate([known * np.nan if v is None else v for v in values])

    texts = ("messages", "warnings")
    fields: dict[str, Any] = {
        name: {b: getattr(one, name)[0] for b, one in enumerate(each) if getattr(one, name)}
        for name in texts
    }
    fields |= {name: together(name) for name in Estimates._fields if name not in texts}
    return Estimates(**fields)


def _inferred(estimates: Estimates, level: float) -> Estimates:
    """Return estimates with intervals and p-values, Student's t where there are no others."""
    if estimates.lower is not None:
        return estimates
    own = infer(estimates.estimate, estimates.std_error, estimates.df, level)
    return estimates._replace(**own._asdict())


def read(
    returned: object, terms: tuple[str, ...], B: int, mixed: bool = False, level: float = 0.95
) -> Estimates:
    """Read what a method returned: `Estimates`, a mapping from term to numbers, or None.

    `mixed` says that `Estimates` must have G and σ². `level` is for the intervals of terms that
    have none of their own where others do.

    Raises
    ------
    CustomError
        If it is of no such kind, or its numbers are not numbers or have another shape.
    """
    if returned is None:
        return blank(B, len(terms), Status.NOT_ESTIMABLE)
    if isinstance(returned, Estimates):
        estimates = _checked(returned, len(terms), B, mixed, level)
        return _judged(estimates, terms, np.ones(len(terms), np.bool_))
    if isinstance(returned, Mapping):
        estimates, estimated = _mapped(returned, terms, B, level)
        return _judged(estimates, terms, estimated)
    raise CustomError(
        f"returned {_what(returned)}; a method returns a mapping from term to "
        "(estimate, std_error), or None"
    )


def _mapped(
    returned: Mapping[Any, Any], terms: tuple[str, ...], B: int, level: float
) -> tuple[Estimates, NDArray[np.bool_]]:
    """Return the estimates, and of which terms there are any, (T,)."""
    unknown = [str(name) for name in returned if name not in terms and name != STATUS]
    if unknown:
        raise CustomError(
            f"returned the term {unknown[0][:LONGEST]!r}, which is not among its terms "
            f"{', '.join(terms)}; say terms=(…) in @simlab.estimator"
        )
    estimates = blank(B, len(terms), Status.OK)
    if STATUS in returned:
        estimates = estimates._replace(status=_status(returned[STATUS], B))
    elif not returned:
        raise CustomError("returned no term; return None where there is nothing to be estimated")
    entries = {name: _entry(name, returned[name]) for name in terms if name in returned}
    for name, entry in entries.items():
        if "std_error" in entry:
            entry.setdefault("df", np.full((B,), np.inf))
        for part in (part for part in PARTS if part in entry):
            values = _numbers(f"{name}: {part}", entry[part], (B,))
            getattr(estimates, part)[:, terms.index(name)] = values
    if any(part in entry for entry in entries.values() for part in INFERRED):
        estimates = _inferred(estimates, level)
        for name, entry in entries.items():
            for part in (part for part in INFERRED if part in entry):
                values = _numbers(f"{name}: {part}", entry[part], (B,))
                getattr(estimates, part)[:, terms.index(name)] = values
    return estimates, np.array([name in returned for name in terms])


def _entry(name: str, entry: object) -> dict[str, Any]:
    """Name the numbers of a term: a tuple's by their order, one number alone is the estimate."""
    if isinstance(entry, Mapping):
        if "estimate" not in entry or not set(entry) <= {*PARTS, *INFERRED}:
            known = ", ".join((*PARTS, *INFERRED))
            raise CustomError(f"{name}: has {', '.join(map(str, entry))[:LONGEST]}, not {known}")
        if ("lower" in entry) != ("upper" in entry):
            raise CustomError(f"{name}: has one end of an interval; the other may be infinite")
        return dict(entry)
    if isinstance(entry, tuple | list):
        if 1 <= len(entry) <= len(PARTS):
            return dict(zip(PARTS, entry, strict=False))
        raise CustomError(f"{name}: has {len(entry)} numbers, not {', '.join(PARTS)}")
    return {"estimate": entry}


def _status(given: object, B: int) -> NDArray[np.int8]:
    """Return codes of the words or codes that a method returned: one for all, or one for each."""
    each = np.array(given, dtype=object)
    if each.shape not in ((), (B,)):
        raise CustomError(f"{STATUS} has the shape {each.shape}, not {(B,)}")
    codes: dict[Any, int] = {**WORDS, **{code: code for code in WORDS.values()}}
    for word in each.ravel():
        if (
            isinstance(word, bool)
            or not isinstance(word, str | int | np.integer)
            or (word not in codes)
        ):
            raise CustomError(f"{STATUS} is {str(word)[:LONGEST]!r}, not one of {', '.join(WORDS)}")
    result = np.array([codes[word] for word in each.ravel()], dtype=np.int8)
    return np.broadcast_to(result, (B,)).copy()


def _checked(given: Estimates, T: int, B: int, mixed: bool, level: float) -> Estimates:
    """Return `Estimates` with arrays of their own, of the right shape and type."""
    numbers: dict[str, Any] = {part: _numbers(part, getattr(given, part), (B, T)) for part in PARTS}
    status = _numbers("status", given.status, (B,))
    wrong = ~np.isin(status, list(Status))
    if wrong.any():
        raise CustomError(f"status is {status[wrong][0]:g}, not one of 0 to {max(Status)}")
    components: dict[str, Any] = {}
    if mixed:
        components["G"] = _numbers("G", given.G, (B, 2, 2))
        components["sigma2"] = _numbers("sigma2", given.sigma2, (B,))
    checked = Estimates(
        **numbers,
        status=status.astype(np.int8),
        dropped=_numbers("dropped", given.dropped, (B,)).astype(np.int32),
        **components,
        messages={b: str(given.messages[b])[:LONGEST] for b in range(B) if b in given.messages},
    )
    own: dict[str, Any] = {
        part: getattr(given, part) for part in INFERRED if getattr(given, part) is not None
    }
    if ("lower" in own) != ("upper" in own):
        raise CustomError("has one end of intervals; the other may be infinite")
    if not own:
        return checked
    own = {part: _numbers(part, values, (B, T)) for part, values in own.items()}
    return _inferred(checked, level)._replace(**own)


def _judged(given: Estimates, terms: tuple[str, ...], estimated: NDArray[np.bool_]) -> Estimates:
    """Blank what failed; what cannot be, and an estimate that is none, has failed."""
    status, messages = given.status.copy(), dict(given.messages)
    sound = np.isin(given.status, FITTED)[:, None]
    for part, bad in reversed(_faults(given, estimated)):  # the estimate has the last word
        for b, t in np.argwhere(bad & sound)[::-1].tolist():
            lower, upper, value = (
                np.nan if values is None else values[b, t]
                for values in (given.lower, given.upper, getattr(given, part))
            )
            interval = f"the interval is from {lower:g} to {upper:g}"
            text = interval if part == "lower" else f"{part} is {value:g}"
            status[b], messages[b] = Status.ERROR, f"{terms[t]}: {text}"
    failed = np.isin(status, FAILED)[:, None]
    parts = PARTS if given.lower is None else (*PARTS, *INFERRED)
    blanked: dict[str, Any] = {
        part: np.where(failed, np.nan, getattr(given, part)) for part in parts
    }
    return given._replace(**blanked, status=status, messages=messages)


def _faults(given: Estimates, estimated: NDArray[np.bool_]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Impossible values, (B, T), by part."""
    estimate, error, df = (getattr(given, part) for part in PARTS)
    faults = [
        ("estimate", np.isnan(estimate) & estimated | np.isinf(estimate)),
        ("std_error", np.isinf(error) | (error < 0)),
        ("df", df <= 0),
    ]
    if given.lower is not None and given.upper is not None and given.p_value is not None:
        lower, upper, p = given.lower, given.upper, given.p_value
        bad = (lower > upper) | (np.isnan(lower) != np.isnan(upper))
        bad |= (lower == np.inf) | (upper == -np.inf)
        faults += [("lower", bad), ("p_value", (p < 0) | (p > 1))]
    return faults


def _numbers(name: str, value: Any, shape: tuple[int, ...]) -> Floats:
    """Return numbers of a shape; one replicate's may come without its dimension."""
    try:
        if np.iscomplexobj(value) or np.asarray(value).dtype.kind in "SUb":  # "3.0" is none
            raise TypeError
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise CustomError(f"{name} is {_what(value)}, not a number") from None
    if array.shape == shape[1:] and shape[0] == 1:
        return array.reshape(shape)
    if array.shape != shape:
        raise CustomError(f"{name} has the shape {array.shape}, not {shape}")
    return array


def _what(value: object) -> str:
    if isinstance(value, np.ndarray | np.generic):
        return f"an array of {value.dtype}" if value.shape else f"a {value.dtype}"
    return "None" if value is None else f"a {type(value).__name__}"

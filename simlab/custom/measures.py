"""A user's measure, tried out before it is used on a study."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from simlab.custom.addresses import Address, locate_object
from simlab.custom.isolation import Failure, attempt
from simlab.errors import CustomError
from simlab.performance.measure import Measure
from simlab.performance.registry import COMPARISONS, MEASURES, ROBUST, STREAMS
from simlab.performance.robust import Statistic
from simlab.performance.stream import Replicates

B = 40  # replicates of the trial

STEP, NEAR = 1e-6, 1e-3
"""Relative step of a difference quotient, and how near a derivative must be to it."""


def own_measure(path: str, folder: Path | None) -> Measure | Statistic:
    """Make a measure of an import path ``module:name`` of a `Measure` or a `Statistic`.

    Raises
    ------
    CustomError
        If it cannot be imported, is no measure, has a name of simlab's, or fails a trial.
    """
    address = locate_object(path, folder)
    measure = address.load()
    if not isinstance(measure, Measure | Statistic):
        kind = type(measure).__name__
        raise CustomError(f"{path} is a {kind}; a measure is a simlab.measures.Measure")
    if not measure.name.isidentifier() or measure.name in {*MEASURES, *COMPARISONS, *ROBUST}:
        raise CustomError(
            f"{path}: its name {measure.name!r} is simlab's own, or no name of a variable"
        )
    if isinstance(measure, Statistic):
        _attempt(address, lambda: measure(*_trial(measure.arguments)))
        return measure
    names = [stream.name for stream in STREAMS]
    if measure.stream not in STREAMS:
        if measure.stream.name in names or not measure.stream.name.isidentifier():
            raise CustomError(f"{path}: give its stream another name than {measure.stream.name!r}")
        if measure.stream.per not in ("fit", "term", "target"):
            raise CustomError(f"{path}: its stream is per fit, term or target, and of no pairs")
        measure = replace(measure, stream=replace(measure.stream, each=OwnEach(address)))
    _attempt(address, lambda: _try(measure))
    return measure


@dataclass(frozen=True)
class OwnEach:
    """The `each` of a user's stream: an address, by which any process finds the function."""

    address: Address

    def __call__(self, *replicates: Replicates) -> Any:
        """Give the function the replicates."""
        each = self.address.load().stream.each
        return _attempt(self.address, lambda: each(*replicates))


def _attempt(address: Address, call: Any) -> Any:
    """Result of a call; CustomError with its message if it fails."""
    result = attempt(call, address.file)
    if isinstance(result, Failure):
        text = result.text.removeprefix(f"{address.path}: ")
        raise CustomError(f"{address.path}: {text}")
    return result


def _trial(names: tuple[str, ...]) -> list[Any]:
    """Arrays (2, b) by name, theta (2,)."""
    rng = np.random.default_rng(1)
    estimate, std_error = rng.normal(1, 0.5, (2, B)), rng.uniform(0.4, 0.6, (2, B))
    known = {
        "estimate": estimate, "std_error": std_error, "lower": estimate - 2 * std_error,
        "upper": estimate + 2 * std_error, "p_value": rng.uniform(0, 0.2, (2, B)),
        "theta": np.array([1.1, -0.3]), "centre": np.array([1.1, -0.3]),
        "status": rng.integers(0, 5, (2, B)) * 1.0, "run": np.ones((2, B)),
        "dropped": rng.integers(0, 3, (2, B)) * 1.0,
    }  # fmt: skip
    for name in names:
        if name not in known:
            raise CustomError(f"needs {name!r}; a replicate has {', '.join(known)}")
    return [known[name] for name in names]


def _try(measure: Measure) -> None:
    """Sum a few replicates, and compare the derivative with a difference quotient."""
    stream = measure.stream
    names = (*dict.fromkeys((*stream.needs, "theta", "centre")), "estimate", "std_error", "p_value")
    arrays = dict(zip(names, _trial(names), strict=True))
    arrays |= {name: arrays[name][:, None] for name in ("theta", "centre")}
    r = Replicates(arrays | dict(zip(stream.needs, _trial(stream.needs), strict=True)))
    r.arrays = {k: v if v.ndim > 1 else v[:, None] for k, v in r.arrays.items()}
    x = stream.values(r)
    if x.shape != (stream.variables, 2, B):
        raise CustomError(
            f"its stream gives {x.shape[0]} numbers of shape {x.shape[1:]} for arrays of shape "
            f"{(2, B)}; it has {stream.variables} by its features, and one for each replicate"
        )
    m = measure.means(stream.moments(stream.of(r)), r.theta[:, 0], r.centre[:, 0])
    with np.errstate(all="ignore"):
        slope = measure.slope(m)
        if len(slope) != len(m.features):
            raise CustomError(f"has {len(m.features)} features and {len(slope)} derivatives")
        for i, given in enumerate(slope):
            step = STEP * np.maximum(np.abs(m.features[i]), 1e-3)
            ends = [
                measure.value(replace(m, features=(*m[:i], m[i] + d, *m[i + 1 :])))
                for d in (step, -step)
            ]
            expected = (np.asarray(ends[0]) - np.asarray(ends[1])) / (2 * step)
            off = np.abs(np.asarray(given) - expected) > NEAR * (1e-6 + np.abs(expected))
            if (off & np.isfinite(expected)).any():
                shown = np.broadcast_to(given, off.shape)[off][0]
                raise CustomError(
                    f"its derivative by feature {i} is {shown:.6g}, where a difference quotient "
                    f"gives {expected[off][0]:.6g}"
                )

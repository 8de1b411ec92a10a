"""A user's function as an estimator of a study, whose failures stay with their replicates."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from simlab.config import ConfigError, Problem
from simlab.custom.found import Address, locate_object
from simlab.custom.isolation import CustomError, Failure, attempt, untouched
from simlab.custom.marks import MethodMark, mark_of
from simlab.custom.returned import blank, joined, read
from simlab.estimators.base import (
    ERROR,
    KINDS,
    Estimates,
    Estimator,
    Kind,
    Sample,
    SizeMoments,
    term_names,
)
from simlab.moments import Moments, Rows

__all__ = ["Own", "Shielded", "own_estimator"]


def own_estimator(path: str, folder: Path | None) -> Estimator:
    """Make an estimator of what an import path names.

    Parameters
    ----------
    path : str
        ``module:name`` of a function, or of an `Estimator`.
    folder : Path, optional
        The study's folder; by default the current one.

    Raises
    ------
    CustomError
        If it cannot be imported, or is no estimator.
    """
    address = locate_object(path, folder)
    found = address.load()
    fit = Own(address)
    if isinstance(found, Estimator):
        if not found.kinds or not set(found.kinds) <= set(KINDS):
            raise CustomError(f"{path}: its kinds are among {', '.join(KINDS)}, not {found.kinds}")
        return replace(
            found, name=path, label=path, fit=fit, share=found.share and OwnShare(address),
            linear=found.linear and not (found.mixed or found.oracle),
        )  # fmt: skip
    if not callable(found):
        kind = type(found).__name__
        raise CustomError(f"{path} is a {kind}; an estimator is a function or an Estimator")
    mark = mark_of(found, MethodMark())
    return Estimator(path, path, mark.terms, "beta_within", fit, needs=mark.needs, linear=False)


@dataclass(frozen=True, slots=True)
class Own:
    """The `fit` of a user's estimator: an address, by which any process finds the function."""

    address: Address

    def __call__(self, sample: Sample) -> Estimates:
        """Give the function data of its own; a replicate in which it fails has the status ERROR."""
        how, about = _calling(self.address), sample.about
        S = sample.moments.n_sectors
        terms = term_names(how.kinds, about.sectors if about else tuple(map(str, range(S))))

        def fit(some: Sample) -> Estimates:
            extra: dict[str, Any] = {}
            if how.asks_rng and some.about is not None:
                extra["rng"] = some.about.rng(0, self.address.path)
            given = some.about.frame(0) if how.by_rows and some.about else _copied(some)
            return read(
                untouched(how.function)(given, **extra), terms, len(some.moments.n), how.mixed
            )

        if not (how.by_rows or how.asks_rng):
            return _isolated(fit, sample, len(terms), self.address.file)
        each = (sample.at(b) for b in range(len(sample.moments.n)))
        return joined([_isolated(fit, one, len(terms), self.address.file) for one in each])


@dataclass(frozen=True, slots=True)
class OwnShare:
    """The `share` of a user's estimator."""

    address: Address

    def __call__(self, x: SizeMoments) -> float:
        """Return λ.

        Raises
        ------
        ConfigError
            If the user's function fails.
        """
        found = attempt(lambda: float(self.address.load().share(x)), self.address.file)
        if isinstance(found, Failure):
            message = f"{self.address.path}: its share fails: {found.text}"
            raise ConfigError([Problem("", None, None, "estimators", message)])
        return found


@dataclass(frozen=True, slots=True)
class Shielded:
    """The `fit` of one of simlab's estimators, applied to data of which nothing is promised."""

    method: Estimator

    def __call__(self, sample: Sample) -> Estimates:
        """Fit; what the data of one replicate bring about stays with that replicate."""
        T = len(self.method.kinds) * (2 * sample.moments.n_sectors - 1)
        return _isolated(self.method.fit, sample, T, "")


class _Calling(NamedTuple):
    """How a function is called."""

    function: Callable[..., object]
    kinds: tuple[Kind, ...]
    by_rows: bool
    asks_rng: bool
    mixed: bool


@cache
def _calling(address: Address) -> _Calling:
    found = address.load()
    if isinstance(found, Estimator):
        return _Calling(found.fit, found.kinds, False, False, found.mixed)
    mark = mark_of(found, MethodMark())
    return _Calling(found, mark.terms, mark.needs == "rows", _asks(found, "rng"), False)


def _asks(function: Callable[..., object], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except ValueError:  # compiled functions may have no signature
        return False


def _isolated(fit: Callable[[Sample], Estimates], sample: Sample, T: int, file: str) -> Estimates:
    """Fit all replicates at once; where that fails, one by one, so that only the guilty are out."""
    found = attempt(lambda: fit(sample), file)
    if not isinstance(found, Failure):
        return found
    B = len(sample.moments.n)
    if B == 1:
        return blank(1, T, ERROR, found.text)
    return joined([_isolated(fit, sample.at(b), T, file) for b in range(B)])


def _copied(sample: Sample) -> Sample:
    """Return the numbers of a sample as a method's own, to change as it likes."""
    known, rows = sample.known, sample.rows
    return Sample(
        Moments._make(field.copy() for field in sample.moments),
        known and known._replace(G=known.G.copy()),
        rows and Rows._make(field.copy() for field in rows),
    )

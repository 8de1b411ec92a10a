"""A user's function as an estimator of a study, whose failures stay with their replicates."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from simlab.config import ConfigError
from simlab.custom.addresses import Address, locate_object
from simlab.custom.calls import called, ordered
from simlab.custom.declarations import MethodDeclaration, declaration_of, terms_of
from simlab.custom.isolation import Failure, attempt
from simlab.custom.returned import blank, joined, read
from simlab.errors import CustomError
from simlab.estimators.base import Estimates, Estimator, Sample, SizeMoments
from simlab.moments import Moments, Rows
from simlab.words import Status

NONE = MethodDeclaration()
"""Declaration of a function that has none."""


def own_estimator(path: str, folder: Path | None) -> Estimator:
    """Make an estimator of an import path ``module:name`` of a function, or of an `Estimator`."""
    address = locate_object(path, folder)
    return _declared(address, address.load())


def _declared(address: Address, given: object) -> Estimator:
    """Make an estimator of what is at an address."""
    path, fit = address.path, Own(address)
    if isinstance(given, Estimator):
        try:
            named = terms_of((*given.kinds, *given.others))
        except ValueError as error:
            raise CustomError(f"{path}: {error}") from None
        if named != (given.kinds, given.others):
            raise CustomError(f"{path}: its kinds are {named[0]}, its others {named[1]}")
        return replace(
            given, name=path, fit=fit, lambda_=given.lambda_ and OwnLambda(address),
            linear=given.linear and not (given.mixed or given.oracle),
            truth=given.truth and OwnTruth(address),
        )  # fmt: skip
    if not callable(given):
        kind = type(given).__name__
        raise CustomError(f"{path} is a {kind}; an estimator is a function or an Estimator")
    declared = declaration_of(given, NONE)
    return Estimator(
        path, declared.kinds, "beta_within", fit, needs=declared.needs, linear=False,
        others=declared.others, truth=declared.truth and OwnTruth(address),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Own:
    """The `fit` of a user's estimator: an address, by which any process finds the function."""

    address: Address

    def __call__(self, sample: Sample) -> Estimates:
        """Give the function data of its own; a replicate in which it fails has the status error."""
        how, about = _calling(self.address), sample.about
        B, S = len(sample.moments.n), sample.moments.n_sectors
        terms = how.estimator.terms(about.sectors if about else tuple(map(str, range(S))))
        level = about.level if about else 0.95

        def fit(some: Sample) -> Estimates:
            """Estimates of the function, given a sample of its own and what else it takes."""
            extra: dict[str, Any] = {"level": level} if how.asks_level else {}
            if how.asks_rng and some.about is not None:
                extra["rng"] = some.about.rng(0, self.address.path)
            given = some.about.frame(0) if how.by_rows and some.about else _copied(some)
            returned = how.function(given, **extra)
            return read(returned, terms, len(some.moments.n), how.estimator.mixed, level)

        isolated = partial(_isolated, partial(self._call, fit), T=len(terms), level=level)
        if not (how.by_rows or how.asks_rng or ordered(self.address.path)):
            return isolated(sample)
        return joined([isolated(sample.at(b)) for b in range(B)], level)

    def _call(self, fit: Callable[[Sample], Estimates], sample: Sample) -> Estimates | Failure:
        """Fit, and hear the warnings: whose they are among several replicates, each alone tells."""
        B = len(sample.moments.n)
        numbers = sample.about.numbers if sample.about else range(B)
        result, warned = called(partial(fit, sample), self.address, numbers)
        if isinstance(result, Failure):
            return result._replace(warnings=warned)
        if not warned or B == 1:
            return result._replace(warnings={0: warned} if warned else {})
        alone = (called(partial(fit, sample.at(b)), self.address, [numbers[b]]) for b in range(B))
        return result._replace(warnings={b: texts for b, (_, texts) in enumerate(alone) if texts})


@dataclass(frozen=True, slots=True)
class OwnLambda:
    """The `lambda_` of a user's estimator."""

    address: Address

    def __call__(self, x: SizeMoments) -> float:
        """Return λ."""
        weight = attempt(lambda: float(self.address.load().lambda_(x)), self.address.file)
        if isinstance(weight, Failure):
            raise ConfigError.of(
                "estimators", f"{self.address.path}: its lambda_ fails: {weight.text}"
            )
        return weight


@dataclass(frozen=True, slots=True)
class OwnTruth:
    """The `truth` of a user's estimator."""

    address: Address

    def __call__(self, population: dict[str, Any]) -> dict[str, float]:
        """Return what is true of the terms that are not simlab's own."""
        given, path = self.address.load(), self.address.path
        truth = given.truth if isinstance(given, Estimator) else declaration_of(given, NONE).truth
        others = _calling(self.address).estimator.others

        def checked() -> dict[str, float]:
            """True values by term; CustomError if they are of other terms."""
            values = truth(population) if callable(truth) else truth
            if not isinstance(values, Mapping) or not set(values) <= set(others):
                raise CustomError(f"is no mapping of numbers to {', '.join(others)}")
            return {str(name): float(value) for name, value in values.items()}

        truth_of = attempt(checked, self.address.file)
        if isinstance(truth_of, Failure):
            raise ConfigError.of("estimators", f"{path}: its truth fails: {truth_of.text}")
        return truth_of


@dataclass(frozen=True, slots=True)
class Shielded:
    """The `fit` of one of simlab's estimators, applied to data of which nothing is promised."""

    method: Estimator

    def __call__(self, sample: Sample) -> Estimates:
        """Fit; what the data of one replicate bring about stays with that replicate."""
        T = len(self.method.kinds) * (2 * sample.moments.n_sectors - 1)
        return _isolated(lambda some: attempt(lambda: self.method.fit(some), ""), sample, T)


class _Calling(NamedTuple):
    """Function of an address, and which arguments it takes."""

    function: Callable[..., object]
    estimator: Estimator
    by_rows: bool
    asks_rng: bool
    asks_level: bool


@cache
def _calling(address: Address) -> _Calling:
    """Look up the function of an address and the arguments that it takes, once a process."""
    given = address.load()
    declared = _declared(address, given)
    if isinstance(given, Estimator):
        return _Calling(given.fit, declared, False, False, False)
    by_rows = declared.needs == "rows"
    return _Calling(given, declared, by_rows, _asks(given, "rng"), _asks(given, "level"))


def _asks(function: Callable[..., object], name: str) -> bool:
    """Whether a function has an argument of that name."""
    try:
        return name in inspect.signature(function).parameters
    except ValueError:  # compiled functions may have no signature
        return False


def _isolated(
    call: Callable[[Sample], Estimates | Failure], sample: Sample, T: int, level: float = 0.95
) -> Estimates:
    """Fit all replicates at once; where that fails, one by one, so that only those are lost."""
    result = call(sample)
    if not isinstance(result, Failure):
        return result
    B = len(sample.moments.n)
    if B == 1:
        return blank(1, T, Status.ERROR, result.text, result.warnings)
    return joined([_isolated(call, sample.at(b), T, level) for b in range(B)], level)


def _copied(sample: Sample) -> Sample:
    """Return the numbers of a sample as a method's own, to change as it likes."""
    known, rows = sample.known, sample.rows
    return Sample(
        Moments._make(field.copy() for field in sample.moments),
        known and known._replace(G=known.G.copy()),
        rows and Rows._make(field.copy() for field in rows),
    )

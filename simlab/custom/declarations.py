"""Declarations `estimator` and `generator`, which a user writes above a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

from simlab.errors import ArgumentError
from simlab.estimators.base import Truth
from simlab.words import KINDS, Kind

F = TypeVar("F", bound=Callable[..., Any])
ATTRIBUTE = "__simlab__"


@dataclass(frozen=True)
class MethodDeclaration:
    """Declaration of a function that estimates; the defaults are those of one without."""

    kinds: tuple[Kind, ...] = ("intercept", "slope")
    needs: Literal["rows", "moments"] = "rows"
    others: tuple[str, ...] = ()
    truth: Truth = None


@dataclass(frozen=True)
class GeneratorDeclaration:
    """Declaration of a function that draws; the defaults are those of one without."""

    draws: Literal["rows", "moments"] = "rows"
    sectors: tuple[str, ...] = ("all",)
    truth: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None


@overload
def estimator(function: F, /) -> F: ...


@overload
def estimator(
    *, terms: tuple[str, ...] = ..., needs: Literal["rows", "moments"] = ..., truth: Truth = ...
) -> Callable[[F], F]: ...


def estimator(
    function: F | None = None,
    /,
    *,
    terms: tuple[str, ...] = MethodDeclaration.kinds,
    needs: Literal["rows", "moments"] = MethodDeclaration.needs,
    truth: Truth = None,
) -> F | Callable[[F], F]:
    """Declare a function to be an estimator that studies name by its import path.

    Parameters
    ----------
    terms : tuple of str
        What it estimates: intercept, slope, between, contextual, of which the truth is known and
        which each sector has; and any others.
    needs : {"rows", "moments"}
        With rows, it is called as ``function(df)`` for one replicate at a time, `df` having the
        columns cluster, sector, x, y, and those that a generator adds. With moments, as
        ``function(sample)`` for many at once, `sample.moments` being arrays (replicates, clusters).
        A function with an argument `rng` is given a random stream too, and then one replicate at a
        time; one with an argument `level`, the level of the study's intervals.
    truth : mapping or callable, optional
        What is true of the other terms: numbers by term, or a function of the population, as a
        mapping of what the study's file says of it, that returns these. What is not given is not
        known, and neither are bias and coverage.

    Returns
    -------
    callable
        The function, unchanged but for its declaration. It returns a mapping from term to
        (estimate, std_error, df), to (estimate, std_error) for a normal reference, to the
        estimate alone, or to a mapping of these and lower, upper, p_value, by name. `status` among
        the terms says how the fit ended. None says that there is nothing to be estimated.

    Raises
    ------
    ArgumentError
        If a term cannot be named so, there is no such need, or the truth is of another term.
    """
    kinds, others = terms_of((terms,) if isinstance(terms, str) else tuple(terms))
    if not (truth is None or callable(truth)) and not set(truth) <= set(others):
        raise ArgumentError(f"truth is of other terms than {', '.join(KINDS)}, not of {[*truth]}")
    declaration = MethodDeclaration(kinds, _one_of("needs", needs), others, truth)
    return _declaring(declaration) if function is None else _declaring(declaration)(function)


MOST = 60  # characters of the name of a term


def terms_of(terms: tuple[str, ...]) -> tuple[tuple[Kind, ...], tuple[str, ...]]:
    """Return the terms that every sector has, and the others; refuse names that cannot be used."""
    if not terms or len(set(terms)) < len(terms):
        raise ArgumentError(f"terms are one or more different names, not {terms}")
    for term in terms:
        # Brackets are for sectors; what is printed of a term must be the term.
        if not (
            isinstance(term, str) and 0 < len(term) <= MOST and term.isprintable()
            and term == term.strip() and not {*"[]"} & {*term} and term != STATUS
        ):  # fmt: skip
            raise ArgumentError(
                f"{term!r} cannot name a term: give up to {MOST} printable characters without "
                f"brackets, and another name than {STATUS}"
            )
    kinds = tuple(term for term in terms if term in KINDS)
    return kinds, tuple(term for term in terms if term not in KINDS)


STATUS = "status"  # what a method returns besides its terms: how the fit ended


@overload
def generator(function: F, /) -> F: ...


@overload
def generator(
    *,
    draws: Literal["rows", "moments"] = ...,
    sectors: tuple[str, ...] = ...,
    truth: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = ...,
) -> Callable[[F], F]: ...


def generator(
    function: F | None = None,
    /,
    *,
    draws: Literal["rows", "moments"] = GeneratorDeclaration.draws,
    sectors: tuple[str, ...] = GeneratorDeclaration.sectors,
    truth: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None,
) -> F | Callable[[F], F]:
    """Declare a function to be a population that studies name by its import path.

    Parameters
    ----------
    draws : {"rows", "moments"}
        With rows, it is called as ``function(rng, **parameters)`` and returns one replicate, a
        data frame with the columns cluster, x, y (and sector), and others for methods that ask for
        them. With moments, it is called as ``function(rng, replicates, **parameters)`` and returns
        the `Moments` of that many.
    sectors : tuple of str
        Names of the sectors, the same in every replicate.
    truth : mapping or callable, optional
        What is true: beta_within, beta_between, intercept, G, sigma2, and under `terms` that of
        other terms, as far as it is known; or a function of the parameters that returns it.

    Returns
    -------
    callable
        The function, unchanged but for its declaration.

    Raises
    ------
    ArgumentError
        If it cannot draw so, or sectors are not different names.
    """
    sectors = (sectors,) if isinstance(sectors, str) else tuple(sectors)
    named = all(isinstance(sector, str) and sector for sector in sectors)
    if not named or not sectors or len(set(sectors)) < len(sectors):
        raise ArgumentError(f"sectors are one or more different names, not {sectors}")
    declaration = GeneratorDeclaration(_one_of("draws", draws), sectors, truth)
    return _declaring(declaration) if function is None else _declaring(declaration)(function)


Declaration = TypeVar("Declaration", MethodDeclaration, GeneratorDeclaration)


def declaration_of(function: object, default: Declaration) -> Declaration:
    """Return the declaration of a function, or the default where it has none of that kind."""
    declared = getattr(function, ATTRIBUTE, None)
    return declared if isinstance(declared, type(default)) else default


def _declaring(declaration: MethodDeclaration | GeneratorDeclaration) -> Callable[[F], F]:
    """Decorator that attaches a declaration to a function, otherwise unchanged."""

    def attach(function: F) -> F:
        """Attach the declaration."""
        setattr(function, ATTRIBUTE, declaration)
        return function

    return attach


def _one_of(name: str, value: Any) -> Literal["rows", "moments"]:
    if value == "rows" or value == "moments":  # noqa: PLR1714 (narrows the type)
        return value  # type: ignore[no-any-return]
    raise ArgumentError(f"{name} is 'rows' or 'moments', not {value!r}")

"""What a user writes above a function, to say how a study should call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, overload

from simlab.estimators.base import KINDS, Kind

__all__ = ["GeneratorMark", "MethodMark", "estimator", "generator", "mark_of"]

F = TypeVar("F", bound=Callable[..., Any])
ATTRIBUTE = "__simlab__"


@dataclass(frozen=True)
class MethodMark:
    """How a function estimates; the defaults are those of a function without a mark."""

    terms: tuple[Kind, ...] = ("intercept", "slope")
    needs: Literal["rows", "moments"] = "rows"


@dataclass(frozen=True)
class GeneratorMark:
    """How a function draws; the defaults are those of a function without a mark."""

    draws: Literal["rows", "moments"] = "rows"
    sectors: tuple[str, ...] = ("all",)
    truth: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None


@overload
def estimator(function: F, /) -> F: ...


@overload
def estimator(
    *, terms: tuple[Kind, ...] = ..., needs: Literal["rows", "moments"] = ...
) -> Callable[[F], F]: ...


def estimator(
    function: F | None = None,
    /,
    *,
    terms: tuple[Kind, ...] = MethodMark.terms,
    needs: Literal["rows", "moments"] = MethodMark.needs,
) -> F | Callable[[F], F]:
    """Declare a function to be an estimator that studies name by its import path.

    Parameters
    ----------
    terms : tuple of str
        What it estimates, among intercept, slope, between, contextual.
    needs : {"rows", "moments"}
        With rows, it is called as ``function(df)`` for one replicate at a time, `df` having the
        columns cluster, sector, x, y. With moments, as ``function(sample)`` for many at once,
        `sample.moments` being arrays (replicates, clusters). A function with an argument `rng` is
        given a random stream too, and then one replicate at a time.

    Returns
    -------
    callable
        The function, unchanged but for the mark that it now bears. It returns a mapping from term
        to (estimate, std_error, df), to (estimate, std_error) for a normal reference, or to the
        estimate alone; or None where there is nothing to be estimated.

    Raises
    ------
    ValueError
        If there is no such term, or no such need.
    """
    terms = (terms,) if isinstance(terms, str) else tuple(terms)
    unknown = [term for term in terms if term not in KINDS]
    if unknown or not terms or len(set(terms)) < len(terms):
        raise ValueError(f"terms are among {', '.join(KINDS)}, each once; not {terms}")
    mark = MethodMark(terms, _one_of("needs", needs))
    return _marked(mark) if function is None else _marked(mark)(function)


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
    draws: Literal["rows", "moments"] = GeneratorMark.draws,
    sectors: tuple[str, ...] = GeneratorMark.sectors,
    truth: Mapping[str, Any] | Callable[..., Mapping[str, Any]] | None = None,
) -> F | Callable[[F], F]:
    """Declare a function to be a population that studies name by its import path.

    Parameters
    ----------
    draws : {"rows", "moments"}
        With rows, it is called as ``function(rng, **parameters)`` and returns one replicate, a
        data frame with the columns cluster, x, y (and sector). With moments, it is called as
        ``function(rng, replicates, **parameters)`` and returns the `Moments` of that many.
    sectors : tuple of str
        Names of the sectors, the same in every replicate.
    truth : mapping or callable, optional
        What is true: beta_within, beta_between, intercept, G, sigma2, as far as it is known; or a
        function of the parameters that returns it.

    Returns
    -------
    callable
        The function, unchanged but for the mark that it now bears.

    Raises
    ------
    ValueError
        If it cannot draw so, or sectors are not different names.
    """
    sectors = (sectors,) if isinstance(sectors, str) else tuple(sectors)
    if not sectors or len(set(sectors)) < len(sectors) or not all(map(_is_name, sectors)):
        raise ValueError(f"sectors are one or more different names, not {sectors}")
    mark = GeneratorMark(_one_of("draws", draws), sectors, truth)
    return _marked(mark) if function is None else _marked(mark)(function)


Mark = TypeVar("Mark", MethodMark, GeneratorMark)


def mark_of(function: object, default: Mark) -> Mark:
    """Return the mark of a function, or the default where it bears none of that kind."""
    mark = getattr(function, ATTRIBUTE, None)
    return mark if isinstance(mark, type(default)) else default


def _marked(mark: MethodMark | GeneratorMark) -> Callable[[F], F]:
    def mark_it(function: F) -> F:
        setattr(function, ATTRIBUTE, mark)
        return function

    return mark_it


def _one_of(name: str, value: Any) -> Literal["rows", "moments"]:
    if value == "rows" or value == "moments":  # noqa: PLR1714 (narrows the type)
        return value  # type: ignore[no-any-return]
    raise ValueError(f"{name} is 'rows' or 'moments', not {value!r}")


def _is_name(sector: object) -> bool:
    return isinstance(sector, str) and bool(sector)

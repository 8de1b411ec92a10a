"""Errors and warnings of fits."""

from __future__ import annotations

from simlab.errors import FitError, Notice

__all__ = ["FitError", "FitWarning", "one_of"]


def one_of(value: object, allowed: tuple[object, ...], name: str) -> None:
    """Refuse an option that does not exist, with those there are; True and False are no numbers."""
    if isinstance(value, bool) or value not in allowed:
        words = ", ".join(map(repr, allowed))
        raise FitError(f"{name} is {value!r}; it must be one of {words}")


class FitWarning(Notice):
    """The fit is not quite of what was asked: rows left out, columns dropped, no convergence."""

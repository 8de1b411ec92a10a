"""What is wrong with a configuration, and where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterable

from simlab.errors import ConfigError, Problem, did_you_mean

__all__ = ["ConfigError", "Problem", "unknown"]


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the refusal of a name that is not known, with the closest that is, or with all."""
    known = tuple(known)
    hint = did_you_mean(name, known, f"known are {', '.join(known)}")
    return f"unknown {what} {name!r}{hint}"

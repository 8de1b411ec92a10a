"""Calling a function of the user: whatever it raises becomes a text, and the study goes on.

What runs in a thread can be kept from raising, and from changing the arrays of others. It cannot
be kept from running for ever, from ending the process, or from changing what the whole process
shares; `docs/your_own.md` says what to do about these.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

__all__ = ["LONGEST", "CustomError", "Failure", "attempt", "message", "untouched"]

LONGEST = 500
"""Characters of a message that are kept."""

T = TypeVar("T")


class CustomError(Exception):
    """What a function of the user is or returns does not fit; one line says what and why."""


class Failure(NamedTuple):
    """What went wrong, in one line."""

    text: str


def attempt(call: Callable[[], T], file: str) -> T | Failure:
    """Call a function of the user.

    Parameters
    ----------
    call : callable
        The call, without arguments.
    file : str
        The user's file, of which the message names the line.

    Returns
    -------
    object or Failure
        What was returned, or what was raised. Only Ctrl-C passes: not even `SystemExit` ends a
        study.
    """
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Failure(message(error, file))


def untouched(function: Callable[..., T]) -> Callable[..., T]:
    """Return the function such that numpy treats floating-point errors afterwards as before."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> T:
        with np.errstate():
            return function(*args, **kwargs)

    return call


def message(error: BaseException, file: str) -> str:
    """Say in one line what was raised, and where in the user's file."""
    try:
        text = " ".join(str(error).split())
    except BaseException as again:
        text = f"(its text cannot be had: {type(again).__name__})"
    if not isinstance(error, CustomError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines = [error.lineno]
    place = f" ({Path(file).name}:{lines[-1]})" if lines else ""
    room = LONGEST - len(place)
    return (text if len(text) <= room else text[: room - 3] + "...") + place

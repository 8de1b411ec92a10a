"""What is wrong with data, and how messages write what stands in them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from simlab.errors import Error, Notice, did_you_mean
from simlab.text.plain import one_line

_LONGEST = 2000  # characters of a message


class DataError(Error):
    """The data cannot be used as asked; one line says which file, line and column, and why."""

    def __str__(self) -> str:
        # Names and values come from the data, where they may hold anything
        text = super().__str__()
        if len(text) > _LONGEST:
            text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
        return one_line(text)


class DataWarning(Notice):
    """The data may not mean what they are read as; one line says where, and what to do."""


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the end of a message that asks whether the nearest name was meant; "" if none is."""
    near = did_you_mean(name, choices)
    return f"; did you mean {near!r}?" if near else ""


def row_name(df: pd.DataFrame, position: int) -> str:
    """Return what a message calls a row, such as ``line 7``."""
    return f"{df.index.name or 'row'} {df.index[position]}"


def literal(value: object) -> str:
    """Return a value as a message writes it: text in quotes."""
    return repr(value) if isinstance(value, str) else str(value)

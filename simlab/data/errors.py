"""What is wrong with data, and how messages write what stands in them."""

from __future__ import annotations

import pandas as pd

from simlab.errors import DataError, Notice

__all__ = ["DataError", "DataWarning", "literal", "row_name"]


class DataWarning(Notice):
    """The data may not mean what they are read as; one line says where, and what to do."""


def row_name(df: pd.DataFrame, position: int) -> str:
    """Return what a message calls a row, such as ``line 7``."""
    return f"{df.index.name or 'row'} {df.index[position]}"


def literal(value: object) -> str:
    """Return a value as a message writes it: text in quotes."""
    return repr(value) if isinstance(value, str) else str(value)

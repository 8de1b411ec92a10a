"""Slips in the data that are no error, yet hardly meant."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from pandas.api.types import is_string_dtype

from simlab.formula.nodes import columns
from simlab.formula.parser import parse
from simlab.formula.tokens import tokenize


def nearly_numbers(
    df: pd.DataFrame, formula: str, random: str | None, source: str
) -> Iterator[str]:
    """Tell of variables that a slip in the data has turned from numbers into categories."""
    if not any(is_string_dtype(dtype) for dtype in df.dtypes):
        return
    grouping = parse(formula, random).grouping
    tokens = [*tokenize(formula), *(tokenize(random) if random else ())]
    used = dict.fromkeys(name for t in tokens if t.node is not None for name in columns(t.node))
    for name in used:
        column = df[name] if name in df.columns and name not in grouping else None
        # A name that stands for several columns is refused when the design is built
        if not isinstance(column, pd.Series) or not is_string_dtype(column.dtype):
            continue
        there = column.dropna()
        bad = pd.to_numeric(there, errors="coerce").isna()
        if bad.any() and bad.mean() < 0.5:
            value, line = there[bad].iloc[0], there.index[int(bad.argmax())]
            yield (
                f"{source}, {df.index.name or 'row'} {line}: {name} is {value!r}, though most of "
                f"its values are numbers; so {name} is read as categories"
            )

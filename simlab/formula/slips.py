"""Slips in the data that are no error, yet hardly meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pandas.api.types import is_string_dtype

from simlab.formula.build import variables
from simlab.formula.parser import parse
from simlab.formula.values import Table


def nearly_numbers(table: Table, formula: str, random: str | None = None) -> Iterator[str]:
    """Tell of variables that a slip in the data has turned from numbers into categories."""
    grouping = parse(formula, random).grouping
    for name in variables(formula, random):
        # A name of no column, or of several, is refused when the design is built
        if name in grouping or not table.has([name]):
            continue
        dtype = table.stored(name).dtype
        if isinstance(dtype, np.dtype) and dtype.kind in "fiub":
            continue
        column = table.series(name)
        if not is_string_dtype(column.dtype) or table.has_twice(name):
            continue
        try:
            text = isinstance(dtype, pd.StringDtype)
            codes, levels = table.factorized(name) if text else pd.factorize(column)
        except TypeError:  # lists and the like, which are refused too
            continue
        is_bad = pd.to_numeric(pd.Series(levels), errors="coerce").isna().to_numpy()
        bad = np.append(is_bad, False)[codes]  # a missing value, −1, is not bad
        if bad.any() and bad.sum() < 0.5 * (codes >= 0).sum():
            row = int(bad.argmax())
            yield (
                f"{table.where(row)}: {name} is {column.iloc[row]!r}, though most of its values "
                f"are numbers; so {name} is read as categories"
            )

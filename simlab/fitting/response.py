"""Another response for the rows of a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from simlab.fitting.errors import FitError
from simlab.formula.nodes import listed
from simlab.moments import Floats


def response(y: pd.Series[float] | ArrayLike, rows: pd.Index) -> Floats:
    """Put one number for each row of a fit into the order of these rows.

    Parameters
    ----------
    y : pandas.Series or array-like, (N,)
        A Series goes by its index, anything else by position.
    rows : pd.Index
        Labels of the N rows that were used.

    Returns
    -------
    (N,) float64

    Raises
    ------
    FitError
        If it has several columns, is not of finite numbers, does not have N of them, or the index
        of a Series is not that of the rows: a label that lacks, occurs twice or is another.
    """
    if isinstance(y, pd.DataFrame):
        first = _word(y.columns[0]) if len(y.columns) else "…"
        raise FitError(f"refit: y is a data frame; give one column of it, y[{first}]")
    values = _numbers(y)
    if isinstance(y, pd.Series) and not y.index.equals(rows):
        values = values[_order(y.index, rows)]
    if values.shape != (len(rows),):
        raise FitError(
            f"refit: y has shape {values.shape}; the model used {len(rows)} rows, "
            "and needs one number for each"
        )
    if not np.isfinite(values).all():
        first_bad = rows[int(np.argmin(np.isfinite(values)))]
        raise FitError(f"refit: y is not a finite number in row {first_bad}")
    return values


def _numbers(y: object) -> Floats:
    if isinstance(y, pd.Series) and isinstance(y.dtype, pd.Int64Dtype | pd.Float64Dtype):
        y = y.to_numpy(np.float64, na_value=np.nan)
    values = np.asarray(y)
    text = values.dtype.kind in "USO" and any(isinstance(v, str | bytes) for v in values.flat)
    try:
        if text or values.dtype.kind not in "biufO":
            raise TypeError
        return np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        kind = type(y).__name__ if values.dtype.kind == "O" else values.dtype
        raise FitError(
            f"refit: y holds {'text' if text else kind}; it must be numbers, one for each row"
        ) from None


def _order(index: pd.Index, rows: pd.Index) -> np.ndarray:
    """Places in the index of the rows of the fit."""
    what = "to go by position give an array, y.to_numpy()"
    for labels, whose in ((rows, "the model"), (index, "y")):
        if not labels.is_unique:
            twice = labels[labels.duplicated()][0]
            raise FitError(
                f"refit: y needs one number for each row that the model used, and its index cannot "
                f"be matched with theirs, as {_word(twice)} occurs twice in {whose}; {what}"
            )
    lacking, extra = rows.difference(index, sort=False), index.difference(rows, sort=False)
    if len(lacking) or len(extra):
        said = [
            f"{words} {len(labels)} {which} ({listed(map(_word, labels), 3)})"
            for words, labels, which in (
                ("lacks", lacking, "of them"), ("has", extra, "that are none"),
            )
            if len(labels)
        ]  # fmt: skip
        how = what if len(lacking) else "give y.loc[fit.design.rows]"
        raise FitError(
            "refit: y needs one number for each row that the model used, and its index "
            f"{' and '.join(said)}; {how}"
        )
    return index.get_indexer(rows)


def _word(label: object) -> str:
    return f"{label!r:.40}" if isinstance(label, str) else f"{label!s:.40}"

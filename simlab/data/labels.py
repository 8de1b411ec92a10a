"""Labels of clusters as they are written, by which a reader tells them apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.data.checks import literal
from simlab.errors import DataError


def numbered(
    labels: Any, name: object, source: str = "the data"
) -> tuple[NDArray[np.int64], pd.Index]:
    """Number the clusters of a column of labels, (N,), in order of first appearance.

    Returns their codes, (N,), 0 … J−1, −1 where a label is missing, and the distinct labels, (J,).
    DataError if labels cannot be compared, or two are written alike (see `check_apart`); it calls
    the column `name` and the data `source`.
    """
    codes, distinct = coded(labels, name)
    check_apart(distinct, name, source)
    return codes, distinct


def coded(values: Any, name: object) -> tuple[NDArray[np.int64], pd.Index]:
    """Number the distinct values in order of first appearance; a missing value is −1."""
    try:
        codes, labels = pd.factorize(pd.Series(values))
    except TypeError as error:
        raise DataError(
            f"the values of {name} cannot be compared ({error}); turn them into text or numbers"
        ) from error
    return codes.astype(np.int64), pd.Index(labels)


def written(label: object) -> str:
    """A label as a reader sees it: 7.0 is '7'."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def same_number(label: object) -> float | str:
    """The number that a label is in some spelling, or else its text, without spaces or capitals."""
    text = written(label).strip().casefold()
    try:
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        return text


def check_apart(labels: Iterable[Any], name: object, source: str) -> None:
    """Refuse distinct labels that are written alike, such as the text ``'7'`` and the number 7."""
    index = pd.Index(labels)
    if isinstance(index, pd.CategoricalIndex):
        index = index.categories
    if not pd.api.types.is_object_dtype(index.dtype):
        return
    seen: dict[str, Any] = {}
    for label in index:
        text = written(label)
        if text in seen:
            raise DataError(
                f"{source}: {name} has two labels that are both written {text}: "
                f"{_kind(seen[text])} and {_kind(label)}; make them one kind, such as text, by "
                ".astype(str)"
            )
        seen[text] = label


def _kind(label: object) -> str:
    return f"{type(label).__name__} {literal(label)}"

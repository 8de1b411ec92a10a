"""Data frames of other libraries, at the door: inside, every data frame is one of pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from simlab.errors import DataError

if TYPE_CHECKING:
    from narwhals.typing import IntoFrame

Data: TypeAlias = "pd.DataFrame | Mapping[str, Any] | IntoFrame"
"""A data frame of pandas, polars, pyarrow or another library that narwhals reads; or a dict."""

DataSets: TypeAlias = "Mapping[str, Data]"
"""Data by the names that a study gives them."""


def as_pandas(data: object, source: str = "the data") -> pd.DataFrame:
    """Return data as a data frame of pandas; one of pandas is returned as it is.

    DataError if it is no data frame, nor a mapping of columns of one length, or cannot be
    converted; it calls the data `source`.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, Mapping):
        try:
            return pd.DataFrame(dict(data))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{source}: the columns do not form a table; give each a list of values, one for "
                "each row"
            ) from error
    import narwhals as nw  # of other libraries' frames only

    try:
        frame = nw.from_native(data, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"{source}: {_twice(error)}") from error
    if isinstance(frame, nw.LazyFrame):
        raise DataError(f"{source}: nothing of it is computed yet; give it after .collect()")
    if not isinstance(frame, nw.DataFrame):
        raise DataError(
            f"{source}: must be a data frame (of pandas, polars or pyarrow) or a dict of columns, "
            f"not {type(data).__name__}"
        )
    try:
        return frame.to_pandas()
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"{source}: {_twice(error)}") from error
    except ImportError as error:
        raise DataError(
            f"{source}: to convert it needs the package pyarrow; install it, or give a pandas "
            "DataFrame"
        ) from error


def _twice(error: Exception) -> str:
    """Which columns have one name, in the words of narwhals: "- 'x' 2 times"."""
    names = [line[2:].rsplit(" ", 2)[0] for line in str(error).splitlines() if line[:2] == "- "]
    return f"column {' and '.join(names)} occurs more than once; rename or drop one"


def stored(df: pd.DataFrame, position: int) -> Any:
    """Values of a column as pandas holds them: an array of numpy, or one of its own.

    pandas takes ten times as long to make a Series of it first.
    """
    read = getattr(df, "_get_column_array", None)  # not public: it may go, or mean another thing
    return df.iloc[:, position].array if read is None else read(position)

"""Rows that a user's generator drew, as a data frame, to the moments and rows of one replicate."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pandas as pd

from simlab.errors import CustomError
from simlab.moments import Floats, Ints, Moments, Rows, from_rows

FEWEST = 2
"""Clusters that a sector must have: fewer tell nothing of what differs between them."""


def from_frame(df: object, sectors: tuple[str, ...]) -> tuple[Moments, Rows]:
    """Return the moments and rows of one replicate from the data frame that a generator drew.

    Columns cluster, x, y and, if there are several sectors, sector. Rows may have any order;
    clusters are numbered by sector, then by appearance.
    """
    if not isinstance(df, pd.DataFrame):
        raise CustomError(f"returned a {type(df).__name__}, not a data frame")
    wanted = ["cluster", "x", "y", *(["sector"] if len(sectors) > 1 else [])]
    missing = [name for name in wanted if name not in df]
    if missing:
        raise CustomError(f"returned a data frame without {', '.join(missing)}")
    cluster, _ = pd.factorize(df["cluster"])
    if (cluster < 0).any():
        raise CustomError("cluster has missing values")
    x, y = (_real(df, name) for name in ("x", "y"))
    number, sector = _in_order(cluster.astype(np.int64), _sector(df, sectors), sectors)
    rows = np.argsort(number, kind="stable")
    first = np.searchsorted(number[rows], np.arange(len(sector) + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        moments = from_rows(x, y, number, sector)
    if not all(np.isfinite(field).all() for field in moments):
        raise CustomError("x or y are too large: their squares overflow")
    return moments, Rows(x[rows], y[rows], first[None].astype(np.int64))


def copied(df: pd.DataFrame) -> pd.DataFrame:
    """Copy rows with all that they refer to, such as lists."""
    own = df.copy()
    for i, kind in enumerate(df.dtypes):
        if kind.kind == "O":
            own.isetitem(i, np.fromiter(deepcopy([*df.iloc[:, i]]), object, len(df)))
    return own


def _real(df: pd.DataFrame, name: str) -> Floats:
    try:
        values: Floats = df[name].to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise CustomError(f"{name} holds something else than numbers") from None
    if not np.isfinite(values).all():
        raise CustomError(f"{name} has values that are not finite")
    return values


def _sector(df: pd.DataFrame, sectors: tuple[str, ...]) -> Ints:
    """Position of each row's sector."""
    if "sector" not in df:
        return np.zeros(len(df), dtype=np.int64)
    found = pd.Index(sectors).get_indexer(pd.Index(df["sector"]))
    if (found < 0).any():
        strange = df["sector"][found < 0].iloc[0]
        raise CustomError(
            f"the sector {strange!r} is not among {', '.join(sectors)}; "
            "say sectors=(…) in @simlab.generator"
        )
    return found.astype(np.int64)


def _in_order(cluster: Ints, sector: Ints, names: tuple[str, ...]) -> tuple[Ints, Ints]:
    """Number the clusters sector by sector: the number of each row, the sector of each cluster."""
    pairs = np.unique(np.column_stack([sector, cluster]), axis=0)
    for s, name in enumerate(names):
        if (pairs[:, 0] == s).sum() < FEWEST:
            where = f" of {name}" if len(names) > 1 else ""
            raise CustomError(f"returned fewer than {FEWEST} clusters{where}")
    if len(pairs) > pairs[:, 1].max() + 1:
        raise CustomError("a cluster lies in two sectors; give clusters different names")
    number = np.empty(len(pairs), dtype=np.int64)
    number[pairs[:, 1]] = np.arange(len(pairs))
    return number[cluster], pairs[:, 0]

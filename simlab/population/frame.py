"""Clusters of a study: counted by the configuration, or those of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from simlab.config import DataCovariate, DataSizes, Population
from simlab.data import DATASETS
from simlab.data.checks import complete, numbered, numeric, require
from simlab.data.frames import DataSets, as_pandas
from simlab.data.reading import table
from simlab.errors import PopulationError
from simlab.moments import Floats, Ints


class Frame(NamedTuple):
    """The J clusters of a population, sector after sector."""

    sectors: tuple[str, ...]
    labels: NDArray[Any]  # names of the clusters, (J,)
    starts: Ints  # sector s holds the clusters ``starts[s]:starts[s + 1]``, (S + 1,)
    n: Floats  # sizes, (J,); empty where they are drawn
    x: Floats  # values of the data, (N,), cluster after cluster; empty where x is drawn


def frame(population: Population, base_dir: Path | None, data: DataSets | None = None) -> Frame:
    """Return the clusters of a population; paths and data as for `compile_plan`."""
    source = population.source
    if source is None:
        return _counted(population)
    clusters = _from_data(source, *_load(source, base_dir, data or {}))
    _check_sectors(population, source, clusters)
    return clusters


def _counted(population: Population) -> Frame:
    """Clusters by their numbers in the sectors; sizes if these are fixed."""
    counts, sizes = population.clusters, population.cluster_sizes
    by_sector = counts if isinstance(counts, Mapping) else {"all": counts}
    starts = np.cumsum([0, *by_sector.values()], dtype=np.int64)
    J = int(starts[-1])
    n = np.empty(0) if sizes is None else sizes.fixed(J)
    return Frame(tuple(by_sector), np.arange(1, J + 1), starts, n, np.empty(0))


def _from_data(source: DataCovariate | DataSizes, df: pd.DataFrame, name: str) -> Frame:
    """Clusters of a data set, sector after sector, with their sizes and x."""
    labels, cluster = _codes(df[source.cluster], source.cluster, name)
    sectors, sector = np.array(["all"]), np.zeros(len(df), dtype=np.int64)
    if source.sector is not None:
        sectors, sector = _codes(df[source.sector], source.sector, name)
        _check_nested(labels, cluster, sector, f"{name}: {source.sector}", source.cluster)
    sector_of = np.empty(len(labels), dtype=np.int64)
    sector_of[cluster] = sector
    order = np.argsort(sector_of, kind="stable")  # clusters, sector after sector
    starts = np.searchsorted(sector_of[order], np.arange(len(sectors) + 1)).astype(np.int64)
    n = np.bincount(cluster)[order].astype(float)
    x = np.empty(0)
    if isinstance(source, DataCovariate):
        rank = np.argsort(order)
        rows = np.argsort(rank[cluster], kind="stable")
        x = numeric(df, source.column, name)[rows]
    return Frame(tuple(map(str, sectors)), labels[order], starts, n, x)


def _load(
    source: DataCovariate | DataSizes, base_dir: Path | None, data: DataSets
) -> tuple[pd.DataFrame, str]:
    """Return the data and their name in messages, after checking that the columns are complete."""
    if source.data in data:
        df, name = as_pandas(data[source.data], source.data), source.data
    else:
        path = source.data if source.data in DATASETS else (base_dir or Path()) / source.data
        labels = (source.cluster, source.sector)
        df, name = table(path, lambda column: "label" if column in labels else "number"), str(path)
    roles = {"clusters": source.cluster}
    if source.sector is not None:
        roles["sectors"] = source.sector
    if isinstance(source, DataCovariate):
        roles["covariate"] = source.column
    require(df, roles, name)
    _, missing = complete(df, roles.values(), name)
    if missing:
        counts = ", ".join(f"{column} {count}" for column, count in missing.items())
        raise PopulationError(f"{name}: missing values ({counts}); remove or complete those rows")
    return df, name


def _codes(column: pd.Series[Any], name: str, source: str) -> tuple[NDArray[Any], Ints]:
    """Return the distinct values, in order of levels or of appearance, and each row's position."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories().cat
        return used.categories.to_numpy(), used.codes.to_numpy().astype(np.int64)
    codes, values = numbered(column, name, source)
    return np.asarray(values), codes


def _check_nested(
    labels: NDArray[Any], cluster: Ints, sector: Ints, what: str, within: str
) -> None:
    """Refuse clusters that have rows in several sectors."""
    pairs = np.unique(np.column_stack([cluster, sector]), axis=0)
    clusters, counts = np.unique(pairs[:, 0], return_counts=True)
    mixed = [str(labels[c]) for c in clusters[counts > 1]]
    if mixed:
        more = f" and {len(mixed) - 5} more" if len(mixed) > 5 else ""
        raise PopulationError(
            f"{what} is not constant within {within} {', '.join(mixed[:5])}{more}; "
            "give clusters of different sectors different names"
        )


def _check_sectors(population: Population, source: DataCovariate | DataSizes, of: Frame) -> None:
    """Mappings per sector name the data's sectors, and each sector has clusters to compare."""
    for field in ("gamma", "beta_within", "beta_between"):
        values = getattr(population, field)
        if isinstance(values, Mapping) and set(values) != set(of.sectors):
            raise PopulationError(
                f"names the sectors {', '.join(values)}, "
                f"but {source.sector} of {source.data} has {', '.join(of.sectors)}",
                f"population.{field}",
            )
    for sector, count in zip(of.sectors, np.diff(of.starts), strict=True):
        if count < 2:
            where = "" if source.sector is None else f" where {source.sector} is {sector}"
            raise PopulationError(
                f"{source.data}: only one {source.cluster}{where}; a sector needs 2 or more"
            )

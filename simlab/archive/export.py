"""A saved study in other formats: NetCDF as it is, CSV and Parquet in long form."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from simlab.errors import ExportError
from simlab.measures import measure, tidy
from simlab.measures.outcomes import factors_of
from simlab.measures.sums import keeps_measures
from simlab.words import Status

__all__ = ["ExportError", "check_export", "export", "long_form"]

PER_TERM = ("estimate", "std_error", "df", "lower", "upper", "p_value")


def export(ds: xr.Dataset, path: str | Path) -> None:
    """Write results to a file, in the format that its name ends with.

    Parameters
    ----------
    ds : Dataset
        Results of a study.
    path : path
        ``.nc``: NetCDF 3 (64-bit offset), the Dataset as it is. ``.csv`` and ``.parquet``: see
        `long_form`; of a study that keeps measures these, as `simlab.measures.tidy` gives them.
        All digits are written. A file that is there is replaced, when the new one is
        whole.

    Raises
    ------
    ExportError
        If the name ends otherwise, the format cannot hold the results, or the disk refuses.
    """
    path = Path(path)
    check_export(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        WRITERS[path.suffix](ds, partial)
        os.replace(partial, path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def check_export(path: Path) -> None:
    """Refuse a file that cannot be written, before any results are read, with an ExportError.

    Its name ends otherwise, its folder does not exist, or its format needs a package that is not
    there.
    """
    if path.suffix not in WRITERS:
        raise ExportError(f"{path}: name a file that ends in {', '.join(WRITERS)}")
    if not path.parent.is_dir():
        raise ExportError(f"{path}: there is no folder {path.parent}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ExportError("Parquet needs pyarrow: pip install pyarrow, or export to .csv or .nc")


def _frames(ds: xr.Dataset) -> Iterator[pd.DataFrame]:
    """Parts of the table of the results, one data frame a condition."""
    return iter([tidy(measure(ds))]) if keeps_measures(ds) else long_form(ds)


def long_form(ds: xr.Dataset) -> Iterator[pd.DataFrame]:
    """Yield the results condition by condition, a row for each estimate.

    Columns are the factors of the grid, condition (position), replicate, estimator, term,
    estimate, std_error, df, lower, upper, p_value, status (a word), dropped, sigma2, G_intercept,
    G_covariance, G_slope (of mixed models), and the targets beta_within, beta_between and limit.
    Terms that an estimator does not have, and replicates that have not been run, have no row; a
    fit that failed has rows without numbers.
    """
    order = ("replicate", "estimator", "term")
    has = ds["limit"].notnull() | ds["estimate"].notnull().any("replicate")
    for c in range(ds.sizes["condition"]):
        one = ds.isel(condition=c)
        run = (one["status"] >= 0).transpose(*order[:2]).values
        r, e, t = np.nonzero(run[:, :, None] & has.values[c][None])
        columns: dict[str, Any] = {
            name: np.repeat(one[name].values, len(r)) for name in factors_of(ds)
        }
        columns |= {
            "condition": np.repeat(c, len(r)),
            "replicate": r,
            "estimator": ds["estimator"].values[e],
            "term": ds["term"].values[t],
        }
        columns |= {name: one[name].transpose(*order).values[r, e, t] for name in PER_TERM}
        codes = one["status"].transpose(*order[:2]).values[r, e]
        columns["status"] = pd.Series([Status(code).word for code in codes.tolist()], dtype=object)
        columns["dropped"] = one["dropped"].transpose(*order[:2]).values[r, e]
        columns |= _variances(one, r, ds["estimator"].values[e])
        for target in ds["target"].values:
            columns[str(target)] = one["truth"].sel(target=target).values[t]
        columns["limit"] = one["limit"].values[e, t]
        yield pd.DataFrame(columns)


def _variances(one: xr.Dataset, r: Any, estimators: Any) -> dict[str, Any]:
    """G and σ² of mixed models, NaN for the others."""
    index = {name: i for i, name in enumerate(one["mixed"].values.tolist())}
    at = np.array([index.get(name, -1) for name in estimators.tolist()], dtype=np.int64)
    columns: dict[str, Any] = {}
    G = one["G"].transpose("replicate", "mixed", "effect", "effect_").values
    sigma2 = one["sigma2"].transpose("replicate", "mixed").values
    parts = {"sigma2": sigma2}
    parts |= {"G_intercept": G[..., 0, 0], "G_covariance": G[..., 1, 0], "G_slope": G[..., 1, 1]}
    for name, values in parts.items():
        column = np.full(len(r), np.nan)
        column[at >= 0] = values[r[at >= 0], at[at >= 0]]
        columns[name] = column
    return columns


def _netcdf(ds: xr.Dataset, path: Path) -> None:
    """Write one file in the classic format of NetCDF; ExportError if it cannot hold the results."""
    try:
        ds.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT")
    except (ValueError, TypeError, OverflowError) as error:
        raise ExportError(
            f"NetCDF cannot hold these results ({error}); export to .parquet"
        ) from error


def _csv(ds: xr.Dataset, path: Path) -> None:
    """Write one file, condition by condition."""
    for number, frame in enumerate(_frames(ds)):
        frame.to_csv(
            path, index=False, mode="a" if number else "w", header=not number, encoding="utf-8"
        )


def _parquet(ds: xr.Dataset, path: Path) -> None:
    """Write one file of Parquet, condition by condition."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for frame in _frames(ds):
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


WRITERS: Mapping[str, Callable[[xr.Dataset, Path], None]] = MappingProxyType(
    {".nc": _netcdf, ".csv": _csv, ".parquet": _parquet}
)
"""Functions that write a file, by the end of its name."""

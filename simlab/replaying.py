"""One replicate of a saved study, drawn and fitted again, and compared with what was stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from simlab.archive import condition_of
from simlab.archive.difference import identical
from simlab.config import Study
from simlab.errors import ArgumentError
from simlab.results import Block, Stored, SumsResults, open_store
from simlab.results.labelled import coordinates
from simlab.runner import Work, prepare, run_block
from simlab.study import load, replicate_of


@dataclass(frozen=True, slots=True)
class Replay:
    """A replicate that was drawn and fitted again."""

    work: Work  # the study, compiled
    condition: int
    replicate: int
    rows: pd.DataFrame  # its data: cluster, sector, x, y
    drawn_as: str  # "rows" or "moments"; rows of a replicate drawn as moments have these moments
    stored: xr.Dataset | None  # what the store has of it; None where it keeps measures
    again: Block  # what the fit gives now, a block of one
    # variable, place, stored, again: every number that is another, to the bit. Empty, unless the
    # code, its libraries or the store have changed; and where nothing is stored
    differs: pd.DataFrame


def replay(
    store: str | Path, condition: int | str, replicate: int, config: str | Path | None = None
) -> Replay:
    """Rebuild one replicate of a saved study, fit it again, and compare.

    Parameters
    ----------
    store : path
        A results store.
    condition : int or str
        Its position, the start of its key, or levels such as "population.clusters=20".
    replicate : int
        Its number in the condition, from 0.
    config : path, optional
        The study's file, where it reads data from its own folder; otherwise what the store keeps of
        the configuration is used.

    Raises
    ------
    StoreError
        If the store cannot be read.
    ArgumentError
        If there is no such condition, or this replicate has not been run.
    ConfigError
        If the study cannot be drawn any more.
    """
    results = open_store(store)
    schema = results.schema
    c = condition_of(xr.Dataset(coords=coordinates(schema)), str(condition))
    stored = _stored(results, c, replicate)
    work = prepare(_study(schema.attrs, config))
    key = schema.keys[c]
    index = {job.condition.key: i for i, job in enumerate(work.jobs)}
    if key not in index:
        raise ArgumentError(f"{config}: has no such condition as {store} has at {c}: another study")
    number, only = divmod(replicate, work.study.block)
    job = work.jobs[index[key]]
    again = run_block(work, index[key], number, only=only)
    return Replay(
        work, index[key], replicate, replicate_of(work, index[key], replicate),
        "rows" if job.rows else "moments", stored, again, _differs(stored, again),
    )  # fmt: skip


def _stored(results: Stored, condition: int, replicate: int) -> xr.Dataset | None:
    """Stored values of a replicate: one block is read, whatever the size of the store."""
    schema, finished = results.schema, results.finished
    number, index = divmod(replicate, schema.block)
    if not 0 <= replicate < schema.replicates or (condition, number) not in finished:
        raise ArgumentError(
            f"{results.path}: condition {condition} has "
            f"{finished.replicates()[condition]:,} replicates, numbered from 0; "
            f"there is no replicate {replicate}"
        )
    if isinstance(results, SumsResults):
        return None
    block = results.read(condition, number)
    kept = xr.Dataset(
        {name: (v.dims, getattr(block, name)[index]) for name, v in schema.variables.items()}
    )
    return kept.assign_coords({k: v for k, v in coordinates(schema).items() if k in kept.dims})


def _study(attrs: Mapping[str, object], config: str | Path | None) -> Study:
    """Study of a store, or that of another file with the store's seed and replicates."""
    study = Study.from_json(str(attrs["config"]))
    if config is not None:
        return load(config).replace(seed=study.seed, replicates=study.replicates)
    folder = str(attrs.get("folder", ""))
    return study.origin("", "", Path(folder) if folder else None)


def _differs(stored: xr.Dataset | None, again: Block) -> pd.DataFrame:
    """Numbers that differ from those stored, to the bit; see `Replay`."""
    rows = []
    for name in () if stored is None else map(str, stored.data_vars):
        assert stored is not None
        old, new = stored[name].values, np.asarray(getattr(again, name))[0]
        for at in np.argwhere(~identical(old, new)).tolist():
            where = ", ".join(
                str(stored[dim].values[i]) for dim, i in zip(stored[name].dims, at, strict=True)
            )
            rows.append((name, where, old[tuple(at)], new[tuple(at)]))
    return pd.DataFrame(rows, columns=["variable", "place", "stored", "again"])

"""Sessions of a store: who wrote to it, when, on what machine and with what; one file each.

A session is a run, from its beginning to its end. Its file is written twice, whole each time, so a
run that was killed is one that never ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from simlab.files import Unread, clear, content, replace_file
from simlab.results.disk import ELSEWHERE, disk

FOLDER = "sessions"
LARGEST = 1 << 20
"""Bytes of the record of a session."""

UNFINISHED = "unfinished"
_FACTS = {"began": str, "ended": str, "outcome": str, "blocks": int}
_GROUP = {"zarr_format": 3, "node_type": "group", "attributes": {}}  # or readers of Zarr warn


@dataclass(slots=True)
class Session:
    """A session that is being recorded: how many blocks it has written so far."""

    blocks: int = 0


@contextmanager
def recorded(store: Path, facts: Mapping[str, Any]) -> Iterator[Session]:
    """Record a session in the folder of a store: its beginning now, and how it ended.

    `facts` are what else is recorded of it: machine, versions, command line. StoreError if its
    beginning cannot be written. An end that cannot be written is a session unfinished.
    """
    folder = store / FOLDER
    open_end = {"ended": None, "outcome": UNFINISHED, "blocks": None}
    record: dict[str, Any] = {**facts, "began": _now(), **open_end}
    with disk(store, ELSEWHERE):
        if not folder.is_dir():
            clear(folder)
            folder.mkdir()
        _write(folder / "zarr.json", _GROUP)
        file = folder / f"{max(_numbers(folder), default=0) + 1:04d}.json"
        _write(file, record)
    session = Session()
    outcome = "finished"
    try:
        yield session
    except BaseException as error:
        outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {error}"
        raise
    finally:
        end = {"ended": _now(), "outcome": outcome, "blocks": session.blocks}
        with suppress(OSError):
            _write(file, {**record, **end})


def sessions(path: str | Path) -> list[dict[str, Any]]:
    """List the sessions of the store at `path`, the first one first.

    Returns
    -------
    list of dict
        With ``number``; ``began`` and ``ended`` (ISO 8601, UTC; None while it runs, or where it
        was killed); ``outcome``: finished, interrupted, failed with its message, unfinished, or
        unreadable; ``blocks`` that it wrote (None where it did not end); and what the writer told
        of itself. Empty for stores written before sessions were recorded.
    """
    folder = Path(path) / FOLDER
    if os.path.lexists(folder) and not folder.is_dir():
        return [{"number": 0, **_UNREADABLE}]
    return [
        {"number": number, **_read(folder / f"{number:04d}.json")} for number in _numbers(folder)
    ]


_UNREADABLE = {"began": None, "ended": None, "outcome": "unreadable", "blocks": None}


def wall_seconds(ds: xr.Dataset) -> xr.DataArray:
    """Wall time that went by while a condition was worked on, in seconds, (condition,).

    The length of the union of the intervals from ``began`` to ``ended`` of its blocks: blocks that
    were done at the same time count once, and the time between two sessions counts not at all.
    NaN where no times are recorded, as where a study keeps measures.
    """
    if "began" in ds and "ended" in ds:
        times = zip(*(ds[name].values for name in ("began", "ended", "seconds")), strict=True)
        each = [
            # Stores of earlier versions have core times only.
            np.nan if np.isnan(began).all() and np.isfinite(core).any() else _union(began, ended)
            for began, ended, core in times
        ]
    else:
        each = [np.nan] * ds.sizes["condition"]
    attrs = {"long_name": "wall time of the condition", "units": "s"}
    return xr.DataArray(np.array(each), dims="condition", attrs=attrs)


def _union(began: np.ndarray, ended: np.ndarray) -> float:
    """Length of the union of intervals; those with NaN are left out."""
    known = np.isfinite(began) & np.isfinite(ended)
    order = np.argsort(began[known])
    began, ended = began[known][order], ended[known][order]
    reached = np.maximum.accumulate(ended)
    before = np.concatenate([began[:1], reached[:-1]])
    return float(np.maximum(ended - np.maximum(began, before), 0).sum())


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(f.stem) for f in folder.glob("*.json") if f.stem.isdecimal())


def _read(file: Path) -> dict[str, Any]:
    """Record of a session; `_UNREADABLE` if the file is damaged."""
    try:
        record = json.loads(content(file, LARGEST))
    except (OSError, ValueError, RecursionError, Unread):
        record = None
    if not isinstance(record, dict) or not all(
        name in record and (record[name] is None or isinstance(record[name], kind))
        for name, kind in _FACTS.items()
    ):
        return dict(_UNREADABLE)
    return {name: fact for name, fact in record.items() if name != "number"}


def _write(file: Path, record: Mapping[str, Any]) -> None:
    replace_file(file, json.dumps(record, indent=1, ensure_ascii=False).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

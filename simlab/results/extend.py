"""A store laid out anew for a study that has grown, with everything that is done kept.

More replicates or more conditions change the shape of every array, and perhaps the order of the
conditions; the blocks stay what they are. So a new store is laid out beside, the files of the
blocks get a second name in it, and it takes the place of the old one. With more estimators or tests
the blocks are not yet what they will be: they are kept apart, see `earlier`. Sums are of all
estimators together: those of a store that gets more of them, or more measures, are taken anew.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from simlab.results.disk import SAFE, disk
from simlab.results.earlier import EARLIER
from simlab.results.layout import lay_out
from simlab.results.schema import Schema
from simlab.results.sessions import FOLDER
from simlab.results.store import ZarrResults
from simlab.results.sums import NODES, SumsResults
from simlab.results.swap import draft_of, take_place

Stored = ZarrResults | SumsResults


def extended(results: Stored, schema: Schema) -> Stored:
    """Return the store of `results` with the shape of `schema` and what is done in both.

    The last block of a condition is kept only if it has the same length: its replicates are drawn
    together. Whoever is killed on the way has lost nothing.

    Parameters
    ----------
    results
        The store, whose finished blocks are in order.
    schema
        Of the same study, grown: every condition of the store is among its conditions.

    Raises
    ------
    StoreError
        If the disk refuses; the store is then as it was.
    """
    assert results.path is not None
    path, draft = results.path, draft_of(results.path)
    with disk(path, SAFE):
        try:
            lay_out(draft, schema)
            if isinstance(results, SumsResults):
                (draft / NODES).mkdir()
                if summed_alike(results.schema, schema):
                    _keep_nodes(results, schema, draft)
            elif results.schema.labels == schema.labels:
                _keep_blocks(results, ZarrResults.open(draft))
                _keep_folder(path / EARLIER, draft / EARLIER)
            else:
                _keep_folder(path, draft / EARLIER)
            with suppress(FileNotFoundError):  # none was recorded
                shutil.copytree(path / FOLDER, draft / FOLDER)
            take_place(path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return type(results).open(path)


def summed_alike(there: Schema, here: Schema) -> bool:
    """Whether sums of one store stand for those of another: of the same estimators and streams."""
    return there.labels == here.labels and _streams(there) == _streams(here)


def _streams(schema: Schema) -> list[dict[str, Any]]:
    return [stream.layout() for stream in schema.summed.streams] if schema.summed else []


def _keep_nodes(old: SumsResults, schema: Schema, draft: Path) -> None:
    """Put the sums of one store into another, but for last blocks that are longer there."""
    for place, file in old.files().items():
        if place.level or old.schema.rows(place.number) == schema.rows(place.number):
            _link(file, draft / NODES / file.name)


def _keep_blocks(old: ZarrResults, new: ZarrResults) -> None:
    """Put the finished blocks of one store into another."""
    place = {key: condition for condition, key in enumerate(new.schema.keys)}
    for condition, number in old.finished:
        if old.schema.rows(number) == new.schema.rows(number):
            names = new.files(place[old.schema.keys[condition]], number)
            for name, file in old.files(condition, number).items():
                if name != "messages" or file.exists():
                    _link(file, names[name])


def _keep_folder(old: Path, new: Path) -> None:
    """Give the files of a folder, if it is there, second names in another; but not its sessions."""
    if old.is_dir():
        apart = shutil.ignore_patterns(FOLDER)
        shutil.copytree(old, new, ignore=apart, copy_function=_link)


def _link(file: Path | str, name: Path | str) -> None:
    """Give a file a second name, or copy it where that is not allowed, as of others' files."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)

"""Open a store, to read it, or to write to it: continued as it is, or laid out anew and larger.

More replicates or more conditions change the shape of every array, and perhaps the order of the
conditions; the blocks stay what they are. So a new store is laid out, the files of the blocks get a
second name in it, and it replaces the old one. With more estimators or tests the blocks
are not yet what they will be: they are kept apart, see `earlier`. Sums are of all estimators
together: those of a store that gets more of them, or more measures, are taken anew.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import xarray as xr

from simlab.errors import Notice, StoreError
from simlab.results.differences import differences, refusal
from simlab.results.disk import ELSEWHERE, SAFE, disk, draft_of, is_free, recover, take_place
from simlab.results.earlier import EARLIER, Earlier
from simlab.results.layout import STORE_VERSION, check_root, lay_out, renew
from simlab.results.nodes import Summing
from simlab.results.replicates import ReplicateResults
from simlab.results.schema import Schema
from simlab.results.sessions import FOLDER
from simlab.results.sums import NODES, SumsResults

_DECISIVE = ("numpy", "scipy", "numba")  # packages whose versions may change the last digits
_CONFIGURATION = ("config", "config_text")  # attributes


Stored = ReplicateResults | SumsResults


class StoreWarning(Notice):
    """Something about a store that is no reason to stop, but should be known; one line."""


def open_store(path: str | Path) -> Stored:
    """Open a store that exists, to be read, as what it is; StoreError if there is none."""
    path = Path(path)
    if path.exists() and "summed" in check_root(path):
        return SumsResults.open(path)
    return ReplicateResults.open(path)


def open_dataset(path: str | Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Load a study's Dataset, with labels as strings, from the store at `path`.

    Parameters
    ----------
    path
        Where.
    variables
        Which of the variables with a value per replicate to read; by default all. Of a large study
        all may be more than fits into memory.

    Raises
    ------
    StoreError
        If there is no readable results store at `path`, or a part of it is damaged.

    Warns
    -----
    StoreWarning
        If what says that a block is done is damaged: the block counts as not done.
    """
    store = open_store(path)
    if isinstance(store, SumsResults):
        return store.dataset()
    if lost := [*store.no_flags().values()]:
        more = f"; and {len(lost) - 1} more" if len(lost) > 1 else ""
        blocks = "1 block counts" if len(lost) == 1 else f"{len(lost)} blocks count"
        advice = "repeat the run, which computes what is missing"
        _warn(f"{path}: {blocks} as not done ({lost[0]}{more}); {advice}", 3)
    return store.dataset(variables)


def open_results(
    path: str | Path, schema: Schema, *, overwrite: bool = False, extend: bool = False
) -> Stored:
    """Create a store, or continue the one that is there if it belongs to the same study.

    All that a store that is continued has is read and checked. Damaged blocks count as not done,
    which a `StoreWarning` says. Who calls holds the store by `locked`, if others may write too.

    Parameters
    ----------
    overwrite
        Replace the store that is there, whatever it holds.
    extend
        If the study has only grown, by replicates, conditions, estimators, tests or measures, keep
        what is done.

    Raises
    ------
    StoreError
        If `path` holds something else, or a store of another study, whose differences are listed in
        lines; or if the disk refuses.
    """
    path = Path(path)
    with disk(path, ELSEWHERE):
        recover(path)
        free = is_free(path)
    if free or overwrite:
        return kind_of(schema).create(path, schema, overwrite=overwrite)
    results = _opened(path, schema)
    differ = differences(results.schema, schema)
    if differ and not (extend and all(difference.growth for difference in differ)):
        raise StoreError(refusal(path, differ, extend))
    _tell_versions(path, results.schema, schema)
    _tell_damage(path, "block" if schema.summed is None else "node", results.mend())
    if isinstance(results, SumsResults) and not _summed_alike(results.schema, schema):
        _warn(
            f"{path}: keeps sums, which compare estimators in each replicate: what is new is "
            "computed with all the others, for every replicate, drawn again"
        )
    if differ or results.schema is schema:
        results = _extended(results, schema)
    else:
        _renew(results, path, schema)
    if isinstance(results, SumsResults) and schema.summed is not None:
        # A store tells how its sums are laid out, and the study how they are taken.
        results.summing = Summing.of(schema, *schema.summed)
    return results


def open_earlier(results: Stored) -> Earlier | None:
    """Return what a store was before it got more estimators or tests; None where it is complete.

    Damaged blocks count as not done, which a `StoreWarning` says.
    """
    if isinstance(results, SumsResults):
        return None
    assert results.path is not None
    try:
        earlier = Earlier.of(results.path, results.schema)
    except StoreError as error:
        _warn(f"{str(error).partition(';')[0]}; what it had is run again")
        return None
    _tell_damage(results.path, "block", earlier.mend())
    return earlier if earlier else None


def _opened(path: Path, schema: Schema) -> Stored:
    """Open a store; where metadata below the root's are damaged, with those of the same study."""
    try:
        return open_store(path)
    except StoreError as error:
        root = check_root(path)
        here = (STORE_VERSION, schema.fingerprint, schema.block, schema.replicates)
        names = ("store_version", "fingerprint", "block", "replicates")
        if tuple(root.get(name) for name in names) != here:
            raise
        _warn(f"{str(error).partition(';')[0]}; its metadata are written anew")
        return kind_of(schema)(schema, path)


def kind_of(schema: Schema) -> type[ReplicateResults] | type[SumsResults]:
    """Class of the results of a study."""
    return ReplicateResults if schema.summed is None else SumsResults


def _renew(results: Stored, path: Path, schema: Schema) -> None:
    """Let the store tell the configuration as it is now: what is free may have changed."""
    old = results.schema.attrs
    new = {name: schema.attrs[name] for name in _CONFIGURATION if name in schema.attrs}
    if any(old.get(name) != value for name, value in new.items()):
        with disk(path, SAFE):
            renew(path, new)
        results.schema = replace(results.schema, attrs={**old, **new})


def _tell_versions(path: Path, there: Schema, here: Schema) -> None:
    """Warn if packages that decide last digits have other versions than at the start."""
    old, new = _versions(there), _versions(here)
    changed = [
        f"{name} {old[name]} there, {new[name]} here"
        for name in _DECISIVE
        if name in old and name in new and old[name] != new[name]
    ]
    if changed:
        _warn(f"{path}: was begun with {'; '.join(changed)}: last digits may differ")


def _tell_damage(path: Path, what: str, texts: list[str]) -> None:
    """Warn of damaged files, whose blocks are run again."""
    if texts:
        more = f"; and {len(texts) - 1} more" if len(texts) > 1 else ""
        those = f"1 damaged {what} is" if len(texts) == 1 else f"{len(texts)} damaged {what}s are"
        _warn(f"{path}: {those} run again ({texts[0]}{more})")


def _warn(text: str, level: int = 4) -> None:
    warnings.warn(text, StoreWarning, stacklevel=level)


def _versions(schema: Schema) -> dict[str, str]:
    """Package → version, from the attribute ``versions``, "numpy 2.1.0, scipy …"."""
    pairs = (part.split() for part in str(schema.attrs.get("versions", "")).split(", "))
    return dict(pair for pair in pairs if len(pair) == 2)


def _extended(results: Stored, schema: Schema) -> Stored:
    """Return the store of `results` with the shape of `schema` and what is done in both.

    The study is the same, grown: every condition of the store is among its conditions. The last
    block of a condition is kept only if it has the same length: its replicates are drawn together.
    Whoever is killed on the way has lost nothing; if the disk refuses the store is as it was.
    """
    assert results.path is not None
    path, draft = results.path, draft_of(results.path)
    with disk(path, SAFE):
        try:
            lay_out(draft, schema)
            if isinstance(results, SumsResults):
                (draft / NODES).mkdir()
                if _summed_alike(results.schema, schema):
                    _keep_nodes(results, schema, draft)
            elif results.schema.labels == schema.labels:
                _keep_blocks(results, ReplicateResults.open(draft))
                _keep_folder(path / EARLIER, draft / EARLIER)
            else:
                _keep_folder(path, draft / EARLIER)
            with suppress(FileNotFoundError):  # none was recorded
                shutil.copytree(path / FOLDER, draft / FOLDER)
            take_place(path)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return type(results).open(path)


def _summed_alike(there: Schema, here: Schema) -> bool:
    """Whether sums of one store stand for those of another: of the same estimators and streams."""
    return there.labels == here.labels and _streams(there) == _streams(here)


def _streams(schema: Schema) -> list[dict[str, Any]]:
    return [stream.to_dict() for stream in schema.summed.streams] if schema.summed else []


def _keep_nodes(old: SumsResults, schema: Schema, draft: Path) -> None:
    """Put the sums of one store into another, but for last blocks that are longer there."""
    for span, file in old.files().items():
        if span.level or old.schema.rows(span.number) == schema.rows(span.number):
            _link(file, draft / NODES / file.name)


def _keep_blocks(old: ReplicateResults, new: ReplicateResults) -> None:
    """Put the finished blocks of one store into another."""
    condition_of = {key: condition for condition, key in enumerate(new.schema.keys)}
    for condition, number in old.finished:
        if old.schema.rows(number) == new.schema.rows(number):
            names = new.files(condition_of[old.schema.keys[condition]], number)
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

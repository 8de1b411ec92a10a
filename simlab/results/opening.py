"""Open a store, whichever way it keeps what a study found: to read it, or to write to it."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import xarray as xr

from simlab.errors import Notice, StoreError
from simlab.results.differences import differences, refusal
from simlab.results.disk import ELSEWHERE, SAFE, disk
from simlab.results.earlier import Earlier
from simlab.results.extend import Stored, extended, summed_alike
from simlab.results.layout import STORE_VERSION, check_root, read_done, renew
from simlab.results.schema import Schema
from simlab.results.store import ZarrResults
from simlab.results.summing import Summing
from simlab.results.sums import SumsResults
from simlab.results.swap import is_free, recover

_DECISIVE = ("numpy", "scipy", "numba")  # packages whose versions may change the last digits
_CONFIGURATION = ("config", "config_text")  # attributes


class StoreWarning(Notice):
    """Something about a store that is no reason to stop, but should be known; one line."""


def open_store(path: str | Path) -> Stored:
    """Open a store that exists, to be read, as what it is.

    Raises
    ------
    StoreError
        If there is no readable results store at `path`.
    """
    path = Path(path)
    if path.exists() and "summed" in check_root(path):
        return SumsResults.open(path)
    return ZarrResults.open(path)


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
    if isinstance(store, ZarrResults) and (lost := [*store.no_flags().values()]):
        more = f"; and {len(lost) - 1} more" if len(lost) > 1 else ""
        blocks = "1 block counts" if len(lost) == 1 else f"{len(lost)} blocks count"
        advice = "repeat the run, which computes what is missing"
        _warn(f"{path}: {blocks} as not done ({lost[0]}{more}); {advice}", 3)
    return store.dataset(variables) if isinstance(store, ZarrResults) else store.dataset()


def open_results(
    path: str | Path, schema: Schema, *, overwrite: bool = False, extend: bool = False
) -> Stored:
    """Create a store, or continue the one that is there if it belongs to the same study.

    All that a store that is continued has is read and checked. Damaged blocks count as not done,
    which a `StoreWarning` says.

    Parameters
    ----------
    path
        Where. Who calls holds it by `locked`, if others may write there too.
    schema
        The shape of the Dataset.
    overwrite
        Replace the store that is there, whatever it holds.
    extend
        If the study has only grown, by replicates, conditions, estimators, tests or measures, keep
        what is done.

    Raises
    ------
    StoreError
        If `path` holds something else, or a store of another study, whose differences are told in
        lines; or if the disk refuses.
    """
    path = Path(path)
    with disk(path, ELSEWHERE):
        recover(path)
        free = is_free(path)
    if free or overwrite:
        kind = ZarrResults if schema.summed is None else SumsResults
        return kind.create(path, schema, overwrite=overwrite)
    results = _opened(path, schema)
    found = differences(results.schema, schema)
    if found and not (extend and all(difference.growth for difference in found)):
        raise StoreError(refusal(path, found, extend))
    _tell_versions(path, results.schema, schema)
    _tell_damage(path, "block" if schema.summed is None else "node", results.mend())
    if isinstance(results, SumsResults) and not summed_alike(results.schema, schema):
        _warn(
            f"{path}: keeps sums, which compare estimators in each replicate: what is new is "
            "computed with all the others, for every replicate, drawn again"
        )
    if found or results.schema is schema:
        results = extended(results, schema)
    else:
        results = _renewed(results, path, schema)
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
        if schema.summed is not None:
            return SumsResults.of(path, schema)
        return ZarrResults(path, schema, read_done(path, schema))


def _renewed(results: Stored, path: Path, schema: Schema) -> Stored:
    """Let the store tell the configuration as it is now: what is free may have changed."""
    old = results.schema.attrs
    new = {name: schema.attrs[name] for name in _CONFIGURATION if name in schema.attrs}
    if all(old.get(name) == value for name, value in new.items()):
        return results
    with disk(path, SAFE):
        renew(path, new)
    changed = replace(results.schema, attrs={**old, **new})
    if isinstance(results, SumsResults):
        return SumsResults.of(path, changed)
    return ZarrResults(path, changed, results.finished)


def _tell_versions(path: Path, there: Schema, here: Schema) -> None:
    old, new = _versions(there), _versions(here)
    changed = [
        f"{name} {old[name]} there, {new[name]} here"
        for name in _DECISIVE
        if name in old and name in new and old[name] != new[name]
    ]
    if changed:
        _warn(f"{path}: was begun with {'; '.join(changed)}: last digits may differ")


def _tell_damage(path: Path, what: str, found: list[str]) -> None:
    if found:
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        those = f"1 damaged {what} is" if len(found) == 1 else f"{len(found)} damaged {what}s are"
        _warn(f"{path}: {those} run again ({found[0]}{more})")


def _warn(text: str, level: int = 4) -> None:
    warnings.warn(text, StoreWarning, stacklevel=level)


def _versions(schema: Schema) -> dict[str, str]:
    """Package → version, from the attribute ``versions``, "numpy 2.1.0, scipy …"."""
    pairs = (part.split() for part in str(schema.attrs.get("versions", "")).split(", "))
    return dict(pair for pair in pairs if len(pair) == 2)

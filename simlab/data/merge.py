"""Two files, one of clusters and one of units, joined to one long data frame.

The mistakes that R's `merge` lets pass are messages here, which name variable and clusters.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from simlab.data.checks import DataWarning, check_key, coded, literal, rows_named, same_number, some
from simlab.data.frames import Data, as_pandas
from simlab.data.levels import Ints, varying
from simlab.errors import DataError

_KINDS = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "numbers"),
    **dict.fromkeys(("datetime64", "datetime", "date"), "times"),
    "string": "text",
    "boolean": "truth values",
}


def merge_levels(
    clusters: Data, units: Data, on: str, *, orphans: Literal["error", "keep", "drop"] = "error"
) -> pd.DataFrame:
    """Join a file of clusters and a file of units to one long data frame.

    Parameters
    ----------
    clusters
        One row per cluster, such as schools. The key may be its index, as `up` leaves it.
    units
        One row per unit, such as students.
    on
        The key: the column, in both files, that holds the label of the cluster.
    orphans
        What to do with units whose cluster is not in the cluster file: refuse them, keep them with
        the variables of the cluster missing (whole numbers then become floats), or drop them.

    Returns
    -------
    pd.DataFrame
        The rows of the unit file with their index, in their order and as many, but for orphans
        dropped. First the columns of `units`, then those of `clusters` that are new; one that is in
        both files is there once. ``attrs["merge"]`` is a dict: ``on``; ``rows`` and ``clusters``,
        how many have both levels; ``without_units``, the labels of clusters that no unit has, which
        are not in the result; ``orphans``, label → units of clusters that the cluster file has not,
        kept or dropped.

    Raises
    ------
    DataError
        If the key is not a column of both, is missing in a row, is of different kinds in the two
        files, or occurs twice in the cluster file; a unit is an orphan; or a variable is in both
        files and varies within a cluster or differs between the files. A value that is missing in
        one of them differs.

    Warns
    -----
    DataWarning
        If orphans are kept or dropped whose label differs from one of the cluster file in its
        spelling alone, as ``7`` and ``007``, or ``a`` and ``A``.

    Notes
    -----
    R's ``merge(clusters, units)`` joins on all columns that the files share, and drops without a
    word the units, and the clusters, that find no partner.
    """
    if orphans not in ("error", "keep", "drop"):
        raise DataError(f"orphans is {orphans!r}; it may be 'error', 'keep' or 'drop'")
    clusters = as_pandas(clusters, "the cluster file")
    if clusters.index.name == on and on not in clusters:
        clusters = clusters.reset_index()
    units = as_pandas(units, "the unit file")
    _check_keys(clusters, units, on)
    keys = pd.Index(clusters[on].astype(object))
    row = keys.get_indexer(pd.Index(units[on].astype(object)))
    counts = units[on][row < 0].astype(object).value_counts(sort=False)
    lost = {label: int(count) for label, count in counts.items()}
    if lost and orphans == "error":
        raise DataError(_orphans_message(lost, keys, on))
    if (hint := _alike(lost, keys)) and orphans != "error":
        fate = "kept without the variables of the cluster" if orphans == "keep" else "dropped"
        message = f"{sum(lost.values())} rows of the unit file are {fate}, {hint}"
        warnings.warn(message, DataWarning, stacklevel=2)
    _check_shared(clusters, units, on, row)
    kept = units[row >= 0] if orphans == "drop" else units
    row = row[row >= 0] if orphans == "drop" else row
    used = np.unique(row[row >= 0])
    merged = _side_by_side(kept, clusters, row)
    merged.attrs["merge"] = {
        "on": on,
        "rows": int((row >= 0).sum()),
        "clusters": len(used),
        "without_units": keys.delete(used).tolist(),
        "orphans": lost,
    }
    return merged


def _side_by_side(units: pd.DataFrame, clusters: pd.DataFrame, row: Ints) -> pd.DataFrame:
    """Join the variables of each unit's cluster to it; `row` −1 has none."""
    new = clusters[clusters.columns.difference(units.columns, sort=False)]
    new = new.reset_index(drop=True).reindex(row)
    new.index = units.index
    merged: pd.DataFrame = pd.concat([units, new], axis=1)
    return merged


def _check_keys(clusters: pd.DataFrame, units: pd.DataFrame, on: str) -> None:
    """Refuse keys that are absent, missing, of different kinds, or repeated in the cluster file."""
    wrong = []
    for df, source in ((clusters, "the cluster file"), (units, "the unit file")):
        try:
            check_key(df, on, source, "key")
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        raise DataError("; ".join(wrong))
    for df, argument, source in (
        (clusters, "clusters", "cluster file"),
        (units, "units", "unit file"),
    ):
        if (missing := df[on].isna().to_numpy()).any():
            rows = rows_named(df, missing)
            raise DataError(
                f"the {source}, {rows}: {on} is missing; fill it in, or leave such "
                f"rows out with {argument}.dropna(subset=[{on!r}])"
            )
    _check_kinds(clusters[on], units[on], on)
    counts = clusters[on].astype(object).value_counts(sort=False)
    twice = counts[counts > 1]
    if len(twice):
        listed = some(f"{literal(label)} in {count} rows" for label, count in twice.items())
        if differing := [literal(name) for name in varying(clusters, on)]:
            advice = f"they differ in {some(differing)}: keep one row of each"
        else:
            advice = f"the rows agree, so use up(clusters, {on!r})"
        raise DataError(f"the cluster file has {on} more than once: {listed}; {advice}")


def _check_kinds(a: pd.Series, b: pd.Series, on: str) -> None:
    """Refuse a key that is text in one file and numbers in the other, and say how to convert it."""
    kinds = {}
    for key, argument in ((a, "clusters"), (b, "units")):
        plain = key.astype(object)
        inferred = infer_dtype(plain, skipna=True)
        kinds[argument] = _KINDS.get(inferred, inferred)
        if inferred in ("mixed", "mixed-integer"):
            raise DataError(
                f"the key {on!r} of {argument} holds values of different kinds, such as text and "
                f"numbers; make them one: {argument}[{on!r}] = {argument}[{on!r}].astype(str)"
            )
    if len(set(kinds.values()) - {"empty"}) < 2:
        return
    advice = "convert one of them"
    if set(kinds.values()) == {"text", "numbers"}:
        text, number = sorted(kinds, key=kinds.__getitem__, reverse=True)
        texts, numbers = (a, b) if text == "clusters" else (b, a)
        parsed = pd.to_numeric(texts.astype(object), errors="coerce")
        if parsed.notna().all() and parsed.nunique() < texts.nunique():
            advice = (
                f"write the labels of {number} as those of {text}, of which some are one number"
            )
        elif parsed.notna().all():
            advice = f"{text}[{on!r}] = pd.to_numeric({text}[{on!r}])"
        else:
            whole = (numbers.astype(float) % 1 == 0).all()
            through = ".astype(int)" if whole else ""
            advice = f"{number}[{on!r}] = {number}[{on!r}]{through}.astype(str)"
    raise DataError(
        f"the key {on!r} is {kinds['clusters']} in the cluster file and {kinds['units']} in the "
        f"unit file; make them one kind: {advice}"
    )


def _orphans_message(lost: dict[Any, int], keys: pd.Index, on: str) -> str:
    """Message on rows whose cluster is not in the cluster file."""
    listed = some(f"{literal(label)} ({count} rows)" for label, count in lost.items())
    hint = _alike(lost, keys)
    return (
        f"{sum(lost.values())} rows of the unit file have a {on} that is not in the cluster file: "
        f"{listed}{hint and f' ({hint})'}; add it there, or choose orphans='drop' or orphans='keep'"
    )


def _alike(lost: dict[Any, int], keys: pd.Index) -> str:
    """Number of orphans that the cluster file has in another spelling, with an example."""
    known = {same_number(key): key for key in keys}
    alike = [(label, known[same_number(label)]) for label in lost if same_number(label) in known]
    if not alike:
        return ""
    if all(isinstance(same_number(label), str) for label, _ in alike):
        return f"{len(alike)} of them differ only in spaces or capitals"
    label, key = map(literal, alike[0])
    return f"{len(alike)} of them differ only in spelling, such as {label} from {key}"


def _check_shared(clusters: pd.DataFrame, units: pd.DataFrame, on: str, row: Ints) -> None:
    """Refuse variables of both files that are not the same variable of the cluster."""
    shared = [c for c in units.columns if c in clusters.columns and c != on]
    there = row >= 0
    within = varying(units.loc[there, [on, *shared]], on)
    labels = units[on].astype(object).to_numpy()[there]
    wrong = []
    for name in shared:
        if name in within:
            listed = some(literal(label) for label in within[name])
            wrong.append(f"{name!r} varies within a {on} of the unit file: {listed}")
            continue
        a = clusters[name].astype(object).to_numpy()[row[there]]
        b = units[name].astype(object).to_numpy()[there]
        codes, _ = coded(np.concatenate([a, b]), name)
        differ = np.flatnonzero(codes[: len(a)] != codes[len(a) :])
        _, first = np.unique(row[there][differ], return_index=True)
        if len(first):
            listed = some(
                f"{literal(labels[i])} ({_or_missing(a[i])} and {_or_missing(b[i])})"
                for i in differ[np.sort(first)]
            )
            wrong.append(f"{name!r} differs between the cluster file and the unit file: {listed}")
    if wrong:
        raise DataError(
            f"{'; '.join(wrong)}. A column of both files must be one variable of the {on}: correct "
            "a file, or rename or drop the column in one of them"
        )


def _or_missing(value: Any) -> str:
    return "missing" if pd.isna(value) else literal(value)

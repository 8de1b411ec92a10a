"""`simlab diff`: how two saved studies differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simlab.text import text_table, wrapped
from simlab.text.numbers import number


def diff(first: Path, second: Path) -> int:
    """Tell how two stores differ: settings, conditions, and every number, bit for bit.

    The exit status is 0 if all numbers that both have are the same, and 1 if not.

    Parameters
    ----------
    first, second
        NAME.zarr folders.
    """
    from simlab import archive
    from simlab.cli.console import dataset

    found = archive.difference(dataset(first), dataset(second))
    if not found.settings.empty:
        print("what was asked, and with what it was run\n")
        header = ["about", "name", str(first), str(second)]
        print(text_table(header, found.settings.to_numpy().tolist(), names=2))
        print()
    for path, only in ((first, found.only_first), (second, found.only_second)):
        if only:
            told = f"only in {path}: {_count(len(only), 'condition')}: {_some(only)}"
            print(f"{wrapped(told, '  ', '')}\n")
    if not found.numbers.empty:
        print("numbers that differ\n")
        rows = [
            [row["variable"], f"{row['cells']:,}", number(row["largest"]), row["where"]]
            for row in found.numbers.to_dict("records")
        ]
        print(text_table(["variable", "cells", "largest difference", "first at"], rows))
        print()
    if found.unequal:
        told = "not compared, since measures are kept of other numbers of replicates: "
        told += f"{_count(len(found.unequal), 'condition')}: {_some(found.unequal)}"
        print(f"{wrapped(told, '  ', '')}\n")
    compared = found.common - len(found.unequal)
    both = f"{_count(compared, 'condition')}, {found.replicates:,} replicates in both"
    if found.same_numbers:
        told = f"{both}: every number is the same, bit for bit (times are not compared)"
        print(wrapped(told, "  ", ""))
    elif compared:
        print(f"{both}: {int(found.numbers['cells'].sum()):,} numbers differ")
    else:
        print("no condition can be compared")
    return 0 if found.same_numbers else 1


def _some(conditions: Sequence[str]) -> str:
    return "; ".join(conditions[:5]) + ("; …" if len(conditions) > 5 else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")

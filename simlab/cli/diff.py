"""`simlab diff`: how two saved studies differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simlab.text import Paragraph, Part, Table
from simlab.text.numbers import counted, number


def diff(first: Path, second: Path) -> int:
    """Tell how two stores differ: settings, conditions, and every number, bit for bit.

    The exit status is 0 if all numbers that both have are the same, and 1 if not.

    Parameters
    ----------
    first, second
        NAME.zarr folders.
    """
    from simlab import archive
    from simlab.cli.console import dataset, say

    result = archive.difference(dataset(first), dataset(second))
    parts: list[Part] = []
    if not result.settings.empty:
        header = ["about", "name", str(first), str(second)]
        rows = result.settings.to_numpy().tolist()
        parts.append(Table(header, rows, "what was asked, and with what it was run", names=2))
    for path, only in ((first, result.only_first), (second, result.only_second)):
        if only:
            parts.append(Paragraph(f"only in {path}: {_conditions(only)}"))
    if not result.numbers.empty:
        rows = [
            [row["variable"], f"{row['cells']:,}", number(row["largest"]), row["where"]]
            for row in result.numbers.to_dict("records")
        ]
        header = ["variable", "cells", "largest difference", "first at"]
        parts.append(Table(header, rows, "numbers that differ"))
    if result.unequal:
        why = "not compared, since measures are kept of other numbers of replicates"
        parts.append(Paragraph(f"{why}: {_conditions(result.unequal)}"))
    compared = result.common - len(result.unequal)
    both = f"{counted(compared, 'condition')}, {counted(result.replicates, 'replicate')} in both"
    if result.same_numbers:
        verdict = f"{both}: every number is the same, bit for bit (times are not compared)"
    elif compared:
        verdict = f"{both}: {int(result.numbers['cells'].sum()):,} numbers differ"
    else:
        verdict = "no condition can be compared"
    say(*parts, Paragraph(verdict))
    return 0 if result.same_numbers else 1


def _conditions(named: Sequence[str]) -> str:
    more = "; …" if len(named) > 5 else ""
    return f"{counted(len(named), 'condition')}: {'; '.join(named[:5])}{more}"

"""`simlab compare`: every method on one data set."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from simlab.cli.choices import Cluster, Group, Level, Printed, X, Y
from simlab.methods import label
from simlab.text import Paragraph, Part, Table
from simlab.text.numbers import counted, degrees, number, p_value
from simlab.text.plain import exact
from simlab.words import Status, Term

if TYPE_CHECKING:
    import pandas as pd


WHY = {
    Status.NOT_ESTIMABLE.word: "not estimable; there are too few clusters or rows, x varies "
    "too little, or y is a function of x but for its rounding",
    Status.NOT_CONVERGED.word: "not converged; the data may not tell the variances of this model",
    Status.OK.word: "no standard error, for no cluster with a line has a third row",
}
"""Why a method has no number, by its status."""


def compare(
    data: str,
    *,
    y: Y,
    x: X,
    cluster: Cluster,
    group: Group = None,
    level: Level = 0.95,
    format: Printed = "text",
) -> None:
    """Apply every method to one data set.

    Parameters
    ----------
    data
        A CSV file, or hs.
    format
        csv is tidy and has every digit.
    """
    from simlab.cli.console import say
    from simlab.cli.reading import by_roles
    from simlab.comparison import compare as compare_methods
    from simlab.comparison import fit_statistics

    df = by_roles(data, cluster, group)
    result = compare_methods(df, y, x, cluster, group, level=level, source=data)
    reasons = _missing(result)
    if format == "csv":
        result.to_csv(exact(sys.stdout), index=False)
        for line in reasons:
            print(f"simlab: {line}", file=sys.stderr)
        return
    first, *others = _estimates(result, level)
    left_out: list[Part] = [
        Paragraph(_left_out(count, column), indent="")
        for column, count in result.attrs["missing"].items()
    ]
    statistics = _statistics(fit_statistics(df, y, x, cluster, group))
    explanations: list[list[Part]] = [[Paragraph(line) for line in reasons]] if reasons else []
    say([*left_out, first], *others, *explanations, statistics)


def _left_out(count: int, column: str) -> str:
    """Say how many values of a column are missing."""
    rows = "its row is" if count == 1 else "their rows are"
    return f"{counted(count, 'missing value')} of {column}: {rows} left out"


def _missing(result: pd.DataFrame) -> list[str]:
    """Reasons why numbers are missing, a line each, with the methods that it is true of."""
    gaps = result[result["std_error"].isna()]
    methods = gaps.drop_duplicates(["method", "status"]).groupby("status")["method"]
    return [
        f"{', '.join(map(label, methods.get_group(status)))}: {why}"
        for status, why in WHY.items()
        if status in methods.groups
    ]


def _estimates(result: pd.DataFrame, level: float) -> list[Table]:
    """A table for each thing that stands in the brackets of the terms, in their order."""
    tables: dict[str, list[list[str]]] = {}
    header = ["method", "term", "estimate", "SE", "df", "t", "p", "lower", "upper"]
    before: dict[str, str] = {}
    for row in result.assign(t=result["estimate"] / result["std_error"]).to_dict("records"):
        term = Term.parse(row["term"])
        rows = tables.setdefault(term.place, [])
        name = label(row["method"]) if before.get(term.place) != row["method"] else ""
        if name and row["status"] != "ok":
            name += f" ({row['status'].replace('_', ' ')})"
        if name and row["dropped"]:
            name += f" ({row['dropped']} clusters dropped)"
        before[term.place] = row["method"]
        unit = min(row["std_error"], 0.5)  # six decimals at least
        rows.append([
            name, term.kind,
            number(row["estimate"], unit, 6), number(row["std_error"], unit, 6), _df(row["df"]),
            number(row["t"], 1, 7), p_value(row["p_value"]),
            number(row["lower"], unit), number(row["upper"], unit),
        ])  # fmt: skip
    intervals = f"{100 * level:g} % intervals"
    return [
        Table(header, rows, f"{place}, with {intervals}" if place else f"With {intervals}", names=2)
        for place, rows in tables.items()
    ]


def _statistics(statistics: pd.DataFrame) -> Table:
    """Table of the statistics of each method's fit."""
    rows, before = [], ""
    for row in statistics.to_dict("records"):
        name = label(row["method"]) if row["method"] != before else ""
        before = row["method"]
        degrees = ", ".join(_df(row[name]) for name in ("num_df", "den_df") if row[name] > 0)
        p = p_value(row["p_value"]) if row["p_value"] >= 0 else ""
        rows.append([name, row["statistic"], number(row["value"], 1, 6), degrees, p])
    header = ["method", "statistic", "value", "df", "p"]
    return Table(header, rows, "The fit as a whole", names=2)


def _df(df: float) -> str:
    return degrees(df) if math.isfinite(df) else "–"

"""`simlab compare`: every method on one data set."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from simlab.cli.choices import Printed
from simlab.methods import label
from simlab.text import text_table, wrapped
from simlab.text.numbers import degrees, number, p_value
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
    y: str,
    x: str,
    cluster: str,
    group: str | None = None,
    level: float = 0.95,
    format: Printed = "text",
) -> None:
    """Apply every method to one data set.

    Parameters
    ----------
    data
        A CSV file, or hs.
    y
        Column of the response.
    x
        Column of the covariate.
    cluster
        Column that names the cluster.
    group
        Column of a group of clusters, such as a sector.
    level
        Confidence level.
    format
        csv is tidy and has every digit.
    """
    from simlab.cli.reading import by_roles
    from simlab.comparison import compare as compare_methods
    from simlab.comparison import fit_statistics

    df = by_roles(data, cluster, group)
    result = compare_methods(df, y, x, cluster, group, level=level, source=data)
    if format == "csv":
        result.to_csv(exact(sys.stdout), index=False)
        for line in _missing(result):
            print(f"simlab: {line}", file=sys.stderr)
        return
    for column, count in result.attrs["missing"].items():
        print(wrapped(f"{count} missing values of {column}: their rows are left out"))
    for part in _parts(result):
        print(f"{_estimates(part, level)}\n")
    for line in _missing(result):
        print(wrapped(line, "  ", ""))
    if result["std_error"].isna().any():
        print()
    print(_statistics(fit_statistics(df, y, x, cluster, group)))


def _parts(result: pd.DataFrame) -> list[pd.DataFrame]:
    """Split by what stands in the brackets of the terms, in their order."""
    place = result["term"].map(lambda name: Term.parse(name).place)
    return [result[place == name].assign(place=name) for name in dict.fromkeys(place)]


def _missing(result: pd.DataFrame) -> list[str]:
    """Why numbers are missing, a line for each reason, with the methods that it is true of."""
    gaps = result[result["std_error"].isna()]
    methods = gaps.drop_duplicates(["method", "status"]).groupby("status")["method"]
    return [
        f"{', '.join(map(label, methods.get_group(status)))}: {why}"
        for status, why in WHY.items()
        if status in methods.groups
    ]


def _estimates(part: pd.DataFrame, level: float) -> str:
    place = part["place"].iloc[0]
    title = f"{place}{', with' if place else 'With'} {100 * level:g} % intervals"
    rows, before = [], ""
    for row in part.assign(t=part["estimate"] / part["std_error"]).to_dict("records"):
        name = label(row["method"]) if row["method"] != before else ""
        if name and row["status"] != "ok":
            name += f" ({row['status'].replace('_', ' ')})"
        if name and row["dropped"]:
            name += f" ({row['dropped']} clusters dropped)"
        before, unit = row["method"], min(row["std_error"], 0.5)  # six decimals at least
        rows.append([
            name, Term.parse(row["term"]).kind,
            number(row["estimate"], unit, 6), number(row["std_error"], unit, 6), _df(row["df"]),
            number(row["t"], 1, 7), p_value(row["p_value"]),
            number(row["lower"], unit), number(row["upper"], unit),
        ])  # fmt: skip
    header = ["method", "term", "estimate", "SE", "df", "t", "p", "lower", "upper"]
    return f"{wrapped(title)}\n\n{text_table(header, rows, names=2)}"


def _statistics(statistics: pd.DataFrame) -> str:
    rows, before = [], ""
    for row in statistics.to_dict("records"):
        name = label(row["method"]) if row["method"] != before else ""
        before = row["method"]
        degrees = ", ".join(_df(row[name]) for name in ("num_df", "den_df") if row[name] > 0)
        p = p_value(row["p_value"]) if row["p_value"] >= 0 else ""
        rows.append([name, row["statistic"], number(row["value"], 1, 6), degrees, p])
    header = ["method", "statistic", "value", "df", "p"]
    return f"The fit as a whole\n\n{text_table(header, rows, names=2)}"


def _df(df: float) -> str:
    return degrees(df) if math.isfinite(df) else "–"

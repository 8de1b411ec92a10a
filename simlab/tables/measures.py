"""Performance measures in long form, for people and for programs."""

from __future__ import annotations

from typing import Literal, get_args

import pandas as pd

from simlab.layout import text_table
from simlab.tables.formats import csv, markdown_table
from simlab.tables.render import check_format

MeasuresFormat = Literal["text", "csv", "markdown"]


def measures_table(tidy_frame: pd.DataFrame, format: MeasuresFormat = "text") -> str:
    """Render the frame of `simlab.measures.tidy`.

    Parameters
    ----------
    tidy_frame : DataFrame
        Factors, estimator, term, target, measure, value, mcse, n.
    format : {"text", "csv", "markdown"}
        `csv` has every digit, the others four.

    Returns
    -------
    str
        Without a final line break.

    Raises
    ------
    ValueError
        When there is no such format.
    """
    check_format(format, get_args(MeasuresFormat))
    if format == "csv":
        return csv(tidy_frame)
    header = [str(name) for name in tidy_frame.columns]
    rows = [[_cell(v) for v in row] for row in tidy_frame.itertuples(index=False)]
    if format == "markdown":
        return markdown_table(header, rows)
    return text_table(header, rows, names=header.index("value"))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return str(value)

"""All tables of a study, measured once for every format."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import xarray as xr

from simlab.tables import conditions, methods, notes
from simlab.tables.render import Format, render
from simlab.tables.sizes import render_sizes, size_table
from simlab.verdicts import judge


class StudyTables(NamedTuple):
    """The tables of a study; see `study_tables`.

    Attributes
    ----------
    methods : DataFrame
        As of `methods_table`.
    conditions, sizes : DataFrame, optional
        As of `conditions_table`, where there are conditions of which the summary does not speak;
        as of `size_table`, where the study tests something.
    """

    methods: pd.DataFrame
    conditions: pd.DataFrame | None
    sizes: pd.DataFrame | None

    def render(self, format: Format = "text") -> str:
        """Render them below one another.

        Parameters
        ----------
        format : {"text", "markdown", "latex", "csv"}
            Several tables are no CSV file: there it is the methods alone.

        Raises
        ------
        ArgumentError
            When there is no such format.
        """
        made = [render(self.methods, format)]
        if format != "csv" and self.conditions is not None:
            made.append(conditions.render_conditions(self.conditions, format))
        if format != "csv" and self.sizes is not None:
            made.append(render_sizes(self.sizes, format))
        return "\n\n".join(made)


def study_tables(ds: xr.Dataset, sector: str | None = None) -> StudyTables:
    """Tabulate a study: its methods, the conditions beyond the summary, the sizes of its tests.

    Parameters
    ----------
    ds : Dataset
        Results of a study, from `simlab.run` or `simlab.open_dataset`.
    sector : str, optional
        Whose slopes; by default the first sector's.

    Raises
    ------
    ArgumentError
        When there is no such sector, or no slope to judge.
    """
    summary = judge(ds, sector)
    seen = summary.view
    each = None
    if not notes.speaks_of(seen).issuperset(range(ds.sizes["condition"])):
        each = conditions.tabulated(ds, summary.sector, seen)
    sizes = size_table(ds) if "test" in ds.dims else None
    return StudyTables(methods.tabulated(ds, summary), each, sizes)

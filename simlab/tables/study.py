"""All tables of a study, measured once."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import xarray as xr

from simlab.tables import conditions, methods, notes
from simlab.tables.conditions import ConditionsTable
from simlab.tables.methods import MethodsTable
from simlab.tables.sizes import SizeTable, size_table
from simlab.text import Part, Printable
from simlab.verdicts import judge


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StudyTables(Printable):
    """The tables of a study; see `study_tables`.

    Attributes
    ----------
    methods : MethodsTable
        As of `methods_table`.
    conditions : ConditionsTable or None
        Of conditions of which the summary does not speak, where there are any.
    sizes : SizeTable or None
        Where the study tests something.
    """

    methods: MethodsTable
    conditions: ConditionsTable | None
    sizes: SizeTable | None

    def to_frame(self) -> pd.DataFrame:
        """The methods alone: several tables are no data frame."""
        return self.methods.frame

    def parts(self) -> list[Part | list[Part]]:
        """All tables, one below the other."""
        tables = (self.methods, self.conditions, self.sizes)
        return [part for table in tables if table is not None for part in table.parts()]


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

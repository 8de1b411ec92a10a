"""Verdicts, measures, contrasts, sizes of tests as tables, which print in five formats."""

from simlab.tables.conditions import conditions_table, sorted_by
from simlab.tables.contrasts import contrast_table
from simlab.tables.failures import failures_table
from simlab.tables.measures import MeasuresTable, chosen_rows, wide_measures
from simlab.tables.methods import methods_table, study_tables
from simlab.tables.notes import StudyTable
from simlab.tables.sizes import size_table

__all__ = [
    "MeasuresTable", "StudyTable", "chosen_rows", "conditions_table", "contrast_table",
    "failures_table", "methods_table", "size_table", "sorted_by", "study_tables", "wide_measures",
]  # fmt: skip

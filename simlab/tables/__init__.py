"""Verdicts, measures, contrasts, sizes of tests as tables, which print in five formats."""

from simlab.tables.conditions import ConditionsTable, conditions_table, sorted_by
from simlab.tables.contrasts import ContrastTable, contrast_table
from simlab.tables.measures import MeasuresTable, chosen_rows, wide_measures
from simlab.tables.methods import MethodsTable, methods_table
from simlab.tables.sizes import SizeTable, size_table
from simlab.tables.study import StudyTables, study_tables

__all__ = [
    "ConditionsTable",
    "ContrastTable",
    "MeasuresTable",
    "MethodsTable",
    "SizeTable",
    "StudyTables",
    "chosen_rows",
    "conditions_table",
    "contrast_table",
    "methods_table",
    "size_table",
    "sorted_by",
    "study_tables",
    "wide_measures",
]

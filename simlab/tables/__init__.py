"""Verdicts, measures, contrasts, sizes of tests: data frames, text, Markdown, LaTeX and CSV."""

from simlab.tables.conditions import conditions_table, render_conditions
from simlab.tables.contrasts import contrast_table, render_contrasts
from simlab.tables.measures import chosen_rows, measures_table, wide_measures
from simlab.tables.methods import methods_table
from simlab.tables.render import render
from simlab.tables.sizes import render_sizes, size_table
from simlab.tables.study import StudyTables, study_tables

__all__ = [
    "StudyTables",
    "chosen_rows",
    "conditions_table",
    "contrast_table",
    "measures_table",
    "methods_table",
    "render",
    "render_conditions",
    "render_contrasts",
    "render_sizes",
    "size_table",
    "study_tables",
    "wide_measures",
]

"""Verdicts, measures, contrasts, sizes of tests: data frames, text, Markdown, LaTeX and CSV."""

from simlab.tables.contrasts import contrast_table, render_contrasts
from simlab.tables.measures import measures_table
from simlab.tables.methods import methods_table
from simlab.tables.render import render
from simlab.tables.sizes import render_sizes, size_table

__all__ = [
    "contrast_table",
    "measures_table",
    "methods_table",
    "render",
    "render_contrasts",
    "render_sizes",
    "size_table",
]

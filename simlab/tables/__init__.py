"""Verdicts, measures and sizes of tests as data frames, and as text, Markdown, LaTeX and CSV."""

from simlab.tables.measures import measures_table
from simlab.tables.methods import methods_table
from simlab.tables.render import render
from simlab.tables.sizes import render_sizes, size_table

__all__ = ["measures_table", "methods_table", "render", "render_sizes", "size_table"]

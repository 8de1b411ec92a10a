"""Tables: verdicts and measures as data frames and as text, Markdown, LaTeX and CSV."""

from simlab.tables.measures import measures_table
from simlab.tables.methods import methods_table
from simlab.tables.render import render

__all__ = ["measures_table", "methods_table", "render"]

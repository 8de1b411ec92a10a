"""Text on a terminal: how wide it is, where lines break, and the one way to print a table.

A line is broken at a blank and nowhere else, so that no word and no number is ever cut.
"""

from simlab.text.lines import PIPED, TIE, listed, width, wrapped, wrapped_sum
from simlab.text.plain import one_line
from simlab.text.table import frame_table, text_table

__all__ = [
    "PIPED",
    "TIE",
    "frame_table",
    "listed",
    "one_line",
    "text_table",
    "width",
    "wrapped",
    "wrapped_sum",
]

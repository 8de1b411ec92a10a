"""Questions to a saved study: what it is, what failed in it, how another differs, other formats.

All of them read a results Dataset, as `simlab.open_dataset` gives it, and run nothing.
"""

from simlab.archive.conditions import condition_of, describe, summary
from simlab.archive.difference import Difference, difference
from simlab.archive.export import ExportError, export
from simlab.archive.failures import failure_counts, failures

__all__ = [
    "Difference",
    "ExportError",
    "condition_of",
    "describe",
    "difference",
    "export",
    "failure_counts",
    "failures",
    "summary",
]

"""Questions to a saved study: what it is, what failed in it, how another differs, other formats.

All of them read a results Dataset, as `simlab.open_dataset` gives it, and run nothing.
"""

from simlab.archive.conditions import condition_of, describe, factor_of, summary
from simlab.archive.dependence import dependent_failures
from simlab.archive.difference import Difference, difference
from simlab.archive.export import check_export, export
from simlab.archive.failures import failed_fits, failure_counts, failures, tried
from simlab.errors import ExportError

__all__ = [
    "Difference", "ExportError", "check_export", "condition_of", "dependent_failures",
    "describe", "difference", "export", "factor_of", "failed_fits", "failure_counts",
    "failures", "summary", "tried",
]  # fmt: skip

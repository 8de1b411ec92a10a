"""Data sets, and careful reading of data from a file.

Every error in a file is one line that names the file, the line and the column.
"""

from simlab.data.checks import DataWarning
from simlab.data.datasets import DATASETS, berkeley, hs
from simlab.data.levels import cvar, dvar, up, varying
from simlab.data.merge import merge_levels
from simlab.data.reading import read
from simlab.errors import DataError

__all__ = [
    "DATASETS",
    "DataError",
    "DataWarning",
    "berkeley",
    "cvar",
    "dvar",
    "hs",
    "merge_levels",
    "read",
    "up",
    "varying",
]

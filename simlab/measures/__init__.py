"""Performance measures of a study, each with its Monte Carlo standard error.

`measure`, `paired`, `contrast`, `rejection` and `tidy` read a results Dataset. The measures, which
are offered here too by their names, are declarations, and can be called with arrays of replicates.
"""

from simlab.measures.contrasts import contrast
from simlab.measures.dataset import measure, paired, tidy
from simlab.measures.rejections import rejection
from simlab.performance.arrays import average, paired_difference, share
from simlab.performance.measure import Measure, Measured, over
from simlab.performance.registry import COMPARISONS, MEASURES, ROBUST
from simlab.performance.robust import Statistic
from simlab.performance.stream import Counted, Replicates, Stream

_BY_NAME: dict[str, Measure | Statistic] = {**MEASURES, **COMPARISONS, **ROBUST}

__all__ = [  # noqa: PLE0604
    "COMPARISONS", "MEASURES", "ROBUST", "Counted", "Measure", "Measured", "Replicates",
    "Statistic", "Stream", "average", "contrast", "measure", "over", "paired", "paired_difference",
    "rejection", "share", "tidy", *_BY_NAME,
]  # fmt: skip


def __getattr__(name: str) -> Measure | Statistic:
    """Return a measure by its name (PEP 562)."""
    if name not in _BY_NAME:
        raise AttributeError(f"module 'simlab.measures' has no attribute {name!r}")
    return _BY_NAME[name]

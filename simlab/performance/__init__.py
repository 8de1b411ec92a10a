"""How estimators perform, from arrays: measures, declared once, of replicates that are summed.

A `Measure` is a function of means over replicates, with its derivative; a `Stream` is what it needs
of each replicate. `node` sums a block of replicates and merges sums, `named` gives them back by
estimator and term and takes measures of them; `registry` lists the measures. Knows neither studies
nor labelled data, so both towers may use it.
"""

from simlab.performance.aims import ORACLE, Aims, aims, contrast, mixture
from simlab.performance.measure import Means, Measure, Measured, cautious, over, wilson
from simlab.performance.moments import Counts, Floats
from simlab.performance.named import KNOWN, Named, dims_of, measured, named, sums_of
from simlab.performance.node import Node, empty, from_bytes, leaf, merge, to_bytes
from simlab.performance.outline import AIMS, Outline
from simlab.performance.registry import COMPARISONS, MEASURES, PAIRED, ROBUST, STREAMS
from simlab.performance.robust import Statistic
from simlab.performance.stream import Counted, Replicates, Stream, laid_out
from simlab.performance.streams import LEVELS, STATUSES

__all__ = [
    "AIMS",
    "COMPARISONS",
    "KNOWN",
    "LEVELS",
    "MEASURES",
    "ORACLE",
    "PAIRED",
    "ROBUST",
    "STATUSES",
    "STREAMS",
    "Aims",
    "Counted",
    "Counts",
    "Floats",
    "Means",
    "Measure",
    "Measured",
    "Named",
    "Node",
    "Outline",
    "Replicates",
    "Statistic",
    "Stream",
    "aims",
    "cautious",
    "contrast",
    "dims_of",
    "empty",
    "from_bytes",
    "laid_out",
    "leaf",
    "measured",
    "merge",
    "mixture",
    "named",
    "over",
    "sums_of",
    "to_bytes",
    "wilson",
]

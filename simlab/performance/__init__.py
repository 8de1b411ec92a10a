"""How estimators perform, from arrays: over replicates that are kept, or in sums while they run.

`replicates` measures arrays of replicates. `leaf` sums a block, `node` merges sums and writes them
as bytes, `named` gives them back by estimator and term, and `measured` takes measures from these
by the arithmetic of `summed`. Both end in `formulas`. Knows neither studies nor labelled data, so
both towers may use it.
"""

from simlab.performance.aims import ORACLE, Aims, aims, contrast, mixture
from simlab.performance.formulas import Measured
from simlab.performance.leaf import leaf
from simlab.performance.measured import measured
from simlab.performance.named import DIMS, named
from simlab.performance.node import Node, empty, from_bytes, merge, to_bytes
from simlab.performance.outline import AIMS, LEVELS, Outline

__all__ = [
    "AIMS",
    "DIMS",
    "LEVELS",
    "ORACLE",
    "Aims",
    "Measured",
    "Node",
    "Outline",
    "aims",
    "contrast",
    "empty",
    "from_bytes",
    "leaf",
    "measured",
    "merge",
    "mixture",
    "named",
    "to_bytes",
]

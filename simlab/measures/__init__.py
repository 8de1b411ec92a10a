"""Performance measures of a study, each with its Monte Carlo standard error.

`measure`, `paired`, `contrast`, `rejection` and `tidy` read a results Dataset; the functions of
`simlab.performance.replicates`, which are offered here too, take arrays.
"""

from simlab.measures.contrasts import contrast
from simlab.measures.dataset import measure, paired, tidy
from simlab.measures.rejections import rejection
from simlab.performance.definitions import COMPARISONS, DEFINITIONS, Definition
from simlab.performance.formulas import Measured
from simlab.performance.replicates import (
    average,
    bias,
    bias_eliminated_coverage,
    coverage,
    efficiency,
    empirical_se,
    interval_width,
    model_se,
    mse,
    paired_difference,
    rejection_rate,
    relative_bias,
    relative_error,
    relative_precision,
    rmse,
    share,
)

__all__ = [
    "COMPARISONS",
    "DEFINITIONS",
    "Definition",
    "Measured",
    "average",
    "bias",
    "bias_eliminated_coverage",
    "contrast",
    "coverage",
    "efficiency",
    "empirical_se",
    "interval_width",
    "measure",
    "model_se",
    "mse",
    "paired",
    "paired_difference",
    "rejection",
    "rejection_rate",
    "relative_bias",
    "relative_error",
    "relative_precision",
    "rmse",
    "share",
    "tidy",
]

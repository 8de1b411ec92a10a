"""Performance measures of a study, each with its Monte Carlo standard error.

`measure`, `paired`, `contrast`, `rejection` and `tidy` read a results Dataset. The measures, which
are offered here too, are declarations, and can be called with arrays of replicates.
"""

from simlab.measures.contrasts import contrast
from simlab.measures.dataset import measure, tidy
from simlab.measures.paired import paired
from simlab.measures.rejections import rejection
from simlab.performance import (
    COMPARISONS,
    MEASURES,
    ROBUST,
    Counted,
    Measure,
    Measured,
    Replicates,
    Statistic,
    Stream,
    over,
)
from simlab.performance.accuracy import bias, mse, relative_bias, rmse, standardised_bias
from simlab.performance.arrays import average, paired_difference, share
from simlab.performance.intervals import (
    bias_eliminated_coverage,
    coverage,
    interval_width,
    rejection_rate,
)
from simlab.performance.pairs import efficiency, relative_precision
from simlab.performance.robust import (
    median_bias,
    robust_error,
    robust_se,
    winsorised_bias,
    winsorised_se,
)
from simlab.performance.spread import empirical_se, model_se, relative_error

__all__ = [
    "COMPARISONS",
    "MEASURES",
    "ROBUST",
    "Counted",
    "Measure",
    "Measured",
    "Replicates",
    "Statistic",
    "Stream",
    "average",
    "bias",
    "bias_eliminated_coverage",
    "contrast",
    "coverage",
    "efficiency",
    "empirical_se",
    "interval_width",
    "measure",
    "median_bias",
    "model_se",
    "mse",
    "over",
    "paired",
    "paired_difference",
    "rejection",
    "rejection_rate",
    "relative_bias",
    "relative_error",
    "relative_precision",
    "rmse",
    "robust_error",
    "robust_se",
    "share",
    "standardised_bias",
    "tidy",
    "winsorised_bias",
    "winsorised_se",
]

"""Pictures: each function draws on given Axes what was measured, tested or fitted elsewhere.

    >>> from matplotlib import pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> simlab.plots.sampling_distributions(ds, ax)

Nothing is measured here; a picture and a table of one study cannot disagree.
"""

from simlab.pictures import ellipse, radius_of
from simlab.plots.beta_space import BetaSpace, Estimate, beta_space
from simlab.plots.canvas import canvas, panels
from simlab.plots.curves import Curve, Curves, curves
from simlab.plots.data_space import ClusterLines, DataSpace, Line, data_space
from simlab.plots.distributions import Strip, Strips, sampling_distributions
from simlab.plots.grids import Panel, Quantiles, quantiles, trellis
from simlab.plots.intervals import Scatter, Zip, estimate_se, zipplot
from simlab.plots.lollies import Honesty, Lollies, Lolly, honesty, lolly
from simlab.plots.means import Means, three_means
from simlab.plots.nested_loop import NestedLoop, nested_loop
from simlab.plots.null import NullDistribution, null_distribution
from simlab.plots.reported import HonestSE, honest_se
from simlab.plots.school import SchoolLines, SchoolPoints, school_beta_space, school_data_space
from simlab.plots.shrinkage import Shrinkage, shrinkage, shrinkage_space
from simlab.plots.sweep import Sizes, Sweep, bias_sweep, size

__all__ = [
    "BetaSpace", "ClusterLines", "Curve", "Curves", "DataSpace", "Estimate", "HonestSE",
    "Honesty", "Line", "Lollies", "Lolly", "Means", "NestedLoop", "NullDistribution", "Panel",
    "Quantiles", "Scatter", "SchoolLines", "SchoolPoints", "Shrinkage", "Sizes", "Strip",
    "Strips", "Sweep", "Zip", "beta_space", "bias_sweep", "canvas", "curves", "data_space",
    "ellipse", "estimate_se", "honest_se", "honesty", "lolly", "nested_loop",
    "null_distribution", "panels", "quantiles", "radius_of", "sampling_distributions",
    "school_beta_space", "school_data_space", "shrinkage", "shrinkage_space", "size",
    "three_means", "trellis", "zipplot",
]  # fmt: skip

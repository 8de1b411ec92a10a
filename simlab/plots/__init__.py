"""Pictures of a study: each function draws on given Axes what `simlab.measures` says of it.

    >>> from matplotlib import pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> simlab.plots.sampling_distributions(ds, ax)

Nothing is measured here; a picture and a table of one study cannot disagree.
"""

from simlab.plots.distributions import Strip, Strips, sampling_distributions
from simlab.plots.sweep import Sweep, bias_sweep

__all__ = ["Strip", "Strips", "Sweep", "bias_sweep", "sampling_distributions"]

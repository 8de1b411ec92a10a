"""The deviance at the answer of `fit_lines`, which gives Ĝ and σ̂² and not the deviance itself."""

import numpy as np

from simlab.mixed.deviance import deviance
from simlab.mixed.lines import fit_lines
from simlab.mixed.work import allocate_work


def fitted_deviance(m, rotated, reml, k):
    """Evaluations, and the deviance of `rotated` at the fit of the one replicate of m.

    `rotated` is that replicate, in the units of m, which are those of its spread.
    """
    fits = fit_lines(m, np.empty((0, m.n_sectors, k)), reml)
    if fits.evaluations[0] < 0:
        return int(fits.evaluations[0]), np.inf
    delta = fits.G[0] / fits.sigma2[0]
    Lambda = np.zeros((2, 2))  # a root that need not be regular
    Lambda[0, 0] = np.sqrt(delta[0, 0])
    if Lambda[0, 0] > 0:
        Lambda[1, 0] = delta[1, 0] / Lambda[0, 0]
    Lambda[1, 1] = np.sqrt(max(delta[1, 1] - Lambda[1, 0] ** 2, 0.0))
    return int(fits.evaluations[0]), deviance(Lambda, rotated, reml, False, allocate_work(rotated))

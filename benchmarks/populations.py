"""What is sampled: the course's example, larger or smaller; and new responses on the same rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.config import Study
from simlab.moments import Floats, Ints
from simlab.study import replicate

BLOCK = 256
CLUSTERS, SIZE = 40, 30
POPULATION = {
    "clusters": CLUSTERS,
    "gamma": [12, 2],
    "G": [[16, 8], [8, 25]],
    "sigma2": 20,
}
WORDS = f"J = {CLUSTERS}, n ~ Poisson({SIZE})"


def study(
    *,
    clusters: int = CLUSTERS,
    size: float = SIZE,
    replicates: int = BLOCK,
    draw: str = "auto",
    estimators: tuple[str, ...] = (),
) -> Study:
    """Return a study of the course's example, of blocks of 256 replicates or of one shorter one."""
    fields: dict[str, object] = {
        "name": "benchmark",
        "replicates": replicates,
        "block": min(BLOCK, replicates),
        "draw": draw,
        "population": POPULATION
        | {"clusters": clusters, "cluster_sizes": {"law": "poisson", "mean": size}},
    }
    return Study.model_validate(fields | ({"estimators": estimators} if estimators else {}))


class Responses(NamedTuple):
    """Several data sets that differ by y alone, so that lme4 can refit one model to them.

    Attributes
    ----------
    cluster : (N,)
        Cluster of each row, 0 … J−1.
    x : (N,)
        Covariate.
    y : (D, N)
        A response for each data set.
    """

    cluster: Ints
    x: Floats
    y: Floats

    def frame(self, number: int) -> pd.DataFrame:
        """One of the data sets, with columns cluster, x, y."""
        return pd.DataFrame({"cluster": self.cluster, "x": self.x, "y": self.y[number]})

    def wide(self) -> pd.DataFrame:
        """All of them, with columns cluster, x, y1, y2, …."""
        each = {f"y{number}": y for number, y in enumerate(self.y, 1)}
        return pd.DataFrame({"cluster": self.cluster, "x": self.x, **each})


def responses(sets: int) -> Responses:
    """Draw some responses on the rows of the study's first replicate; always the same ones."""
    rows = replicate(study())
    cluster = rows["cluster"].to_numpy(np.int64) - 1
    x = rows["x"].to_numpy(float)
    rng = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(0, spawn_key=(1,))))
    root = np.linalg.cholesky(np.array(POPULATION["G"], dtype=float))
    u = rng.standard_normal((sets, CLUSTERS, 2)) @ root.T
    errors = np.sqrt(float(str(POPULATION["sigma2"]))) * rng.standard_normal((sets, len(x)))
    y = (12 + u[:, cluster, 0]) + (2 + u[:, cluster, 1]) * x + errors
    return Responses(cluster, x, y)

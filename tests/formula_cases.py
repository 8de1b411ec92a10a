"""Data on which formulas are tried: two columns whose combinations are clusters, names as in R."""

import numpy as np
import pandas as pd


def frame(n=240, seed=4):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "a": rng.permutation(np.resize(["a1", "a2", "a3"], n)),
            "b": rng.permutation(np.resize([1.0, 2, 3, 4, 5], n)),
            "g": np.resize(np.arange(12), n),
            "f": rng.permutation(np.resize(["p", "q", "r"], n)),
            "IQ.verb": rng.normal(100, 15, n),
        }
    )
    u = rng.normal(size=(3, 5))
    pair = u[df.a.str[1].astype(int) - 1, df.b.astype(int) - 1]
    return df.assign(y=1 + 2 * df.x + pair + rng.normal(size=n))


DF = frame()

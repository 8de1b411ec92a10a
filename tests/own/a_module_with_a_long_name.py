"""A method whose name is long, and fails now and then."""

import numpy as np

import simlab


@simlab.estimator(terms=("slope",))
def an_estimator_with_a_very_long_name(df):
    """The pooled slope; of every third sample none."""
    if df.y.iloc[0] * 1e6 % 3 < 1:
        raise ValueError("this sample has no estimate, for a reason that takes some words to tell")
    slope, _ = np.polyfit(df.x, df.y, 1)
    return {"slope": (slope, 0.1)}

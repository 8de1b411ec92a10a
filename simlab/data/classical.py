"""A classical table of counts, in which what holds of all reverses within clusters."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd


def berkeley() -> pd.DataFrame:
    """Admission to graduate study in the six largest departments at Berkeley, autumn of 1973.

    Bickel, Hammel & O'Connell (1975), *Science* 187:398; the data set ``UCBAdmissions`` of R.

    Returns
    -------
    pd.DataFrame
        12 rows: ``department`` (A to F), ``sex`` (Female, Male), ``people`` (applicants),
        ``admitted`` (of these).
    """
    with (files(__package__) / "berkeley.csv").open(encoding="utf-8") as stream:
        df = pd.read_csv(stream)
    df["sex"] = pd.Categorical(df["sex"], categories=["Female", "Male"])
    return df

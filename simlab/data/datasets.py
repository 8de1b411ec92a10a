"""Data sets of most examples."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

DATASETS = ("hs", "hsb")
"""Names that `read` knows without a file."""

_LEVELS = {"sex": ("Female", "Male"), "minority": ("No", "Yes"), "sector": ("Catholic", "Public")}


def hs(full: bool = False) -> pd.DataFrame:
    """Mathematics achievement of students in American high schools.

    The High School and Beyond data of Bryk & Raudenbush (1992), *Hierarchical Linear Models*: by
    default a subset of 21 Catholic schools with 1,144 students and 19 Public schools with 833.

    Parameters
    ----------
    full
        All schools: 70 Catholic ones with 3,543 students and 90 Public ones with 3,642. The
        rows of the subset are among them, equal and in the same order.

    Returns
    -------
    pd.DataFrame
        1,977 rows, or 7,185; a fresh copy at every call. Per student: ``mathach`` (test score,
        points), ``ses`` (socio-economic status, a composite scale), ``sex`` (Female, Male),
        ``minority`` (No, Yes). Per school: ``school`` (its number, as a string), ``size``
        (students), ``sector`` (Catholic, Public), ``pracad`` (share of students on the academic
        track, 0 to 1), ``disclim`` (disciplinary climate, a composite scale), ``meanses`` (mean
        ses). The categorical columns have R's order of levels; the first is the reference.

    Notes
    -----
    From ``MathAchieve`` and ``MathAchSchool`` of the R package nlme, GPL (≥ 2); no column was
    computed here. The subset is equal row by row to ``hs`` of the R package spida2. ``README.md``
    in this folder has each variable's range.
    """
    name = "hsb.csv" if full else "hs.csv"
    with (files(__package__) / name).open(encoding="utf-8") as stream:
        df = pd.read_csv(stream, dtype={"school": str})
    for column, levels in _LEVELS.items():
        df[column] = pd.Categorical(df[column], categories=list(levels))
    return df


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

"""How precise each method is, beside the best that the design allows.

A term of a method estimates (1 − λ)β_W + λβ_B. The best unbiased estimate of that is

    new clusters    generalised least squares with the true G and σ² (Aitken 1935);
    same clusters   (1 − λ) times the mean of the clusters' own slopes plus λ times the slope of
                    their means: by Gauss and Markov, where each cluster has a line of its own.

Efficiency is the variance of that best estimate over the variance of the method's.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from simlab.auditing.studies import METHODS, NEW, ORACLE, QUESTIONS
from simlab.estimators.base import sector_contrasts, term_names
from simlab.measures import COMPARISONS
from simlab.moments import Floats


def shares(ds: xr.Dataset, groups: tuple[str, ...]) -> Floats:
    """Return λ of every method's slope in every group, (E, S), from its probability limit.

    NaN where β_B and β_W are the same.
    """
    terms = list(term_names(("slope",), groups))[: len(groups)]
    new = ds.isel(condition=QUESTIONS.index(NEW)).sel(term=terms)
    within, between = new["truth"].values.T
    limit = new["limit"].sel(estimator=list(METHODS)).values
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.where(between == within, np.nan, (limit - within) / (between - within))
    return share


def efficiency(ds: xr.Dataset, groups: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Return value and MCSE of the efficiency of every term, (question, E, T)."""
    terms = [str(term) for term in ds["term"].values]
    S, lam = len(groups), np.nan_to_num(shares(ds, groups))
    contrast = sector_contrasts(S)
    value, mcse = np.full((2, len(QUESTIONS), len(METHODS), len(terms)), np.nan)
    estimate = ds["estimate"].where(ds["status"].isin([0, 1]))
    for q, question in enumerate(QUESTIONS):
        within, between = _best(estimate.isel(condition=q), question, groups)
        for e, method in enumerate(METHODS):
            for kind in ("slope", "between", "contextual"):
                best = {
                    "slope": within + lam[e] * (between - within),
                    "between": between,
                    "contextual": between - within,
                }[kind]
                for i, term in enumerate(term_names((kind,), groups)):
                    if term not in terms:
                        continue
                    own = estimate.isel(condition=q).sel(estimator=method, term=term).values
                    found = COMPARISONS["efficiency"](own, best @ contrast[i])
                    place = (q, e, terms.index(term))
                    value[place], mcse[place] = float(found.value), float(found.mcse)
    return value, mcse


def _best(here: xr.DataArray, question: str, groups: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Best unbiased estimates of β_W and β_B of each group, each (R, S)."""
    S = len(groups)

    def values(method: str, kind: str) -> Floats:
        names = list(term_names((kind,), groups))[:S]  # type: ignore[arg-type]
        found: Floats = here.sel(estimator=method, term=names).values
        return found

    if question == NEW:
        return values(ORACLE, "slope"), values(ORACLE, "between")
    return values("fixed_effects_separate", "slope"), values("ecological", "slope")

"""Precision of each method, relative to the best that the design allows.

A term of a method estimates (1 − λ)β_W + λβ_B. The best unbiased estimate of that is

    new clusters    generalised least squares with the true G and σ² (Aitken 1935);
    same clusters   (1 − λ) times the mean of the clusters' own slopes plus λ times the slope of
                    their means: by Gauss and Markov, where each cluster has a line of its own.

Efficiency is the variance of that best estimate over the variance of the method's.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from simlab.auditing.studies import METHODS, QUESTIONS
from simlab.estimators.base import sector_contrasts
from simlab.measures import COMPARISONS
from simlab.moments import Floats
from simlab.words import FITTED, NEW, ORACLE, Term, places_of, term_names


def efficiency(ds: xr.Dataset, lambdas: Floats, groups: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Efficiency of every term and its MCSE, each (question, E, T), from the first study's results.

    `lambdas` are the λ of every method's slope in every group, (E, S); NaN where β_B = β_W.
    """
    terms = [str(term) for term in ds["term"].values]
    lam, contrast = np.nan_to_num(lambdas)[:, None], sector_contrasts(len(groups))
    value, mcse = np.full((2, len(QUESTIONS), len(METHODS), len(terms)), np.nan)
    fitted = ds["estimate"].where(ds["status"].isin(FITTED))
    for q, question in enumerate(QUESTIONS):
        here = fitted.isel(condition=q).transpose("replicate", "estimator", "term")
        within, between = _best(here, question, groups)
        best = {
            "slope": within + lam * (between - within),  # (E, R, S)
            "between": between,
            "contextual": between - within,
        }
        for kind, estimate in best.items():
            for i, term in enumerate(term_names((kind,), groups)):
                if term in terms:
                    own = here.sel(estimator=list(METHODS), term=term).values.T
                    ratio = COMPARISONS["efficiency"](own, estimate @ contrast[i])
                    at = (q, slice(None), terms.index(term))
                    value[at], mcse[at], _ = ratio
    return value, mcse


def _best(here: xr.DataArray, question: str, groups: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Best unbiased estimates of β_W and β_B of each group, each (R, S)."""

    def values(method: str, kind: str) -> Floats:
        """Estimates of a method for one kind of term, by group."""
        names = [str(Term(kind, place)) for place in places_of(groups, differences=False)]
        estimates: Floats = here.sel(estimator=method, term=names).values
        return estimates

    if question == NEW:
        return values(ORACLE, "slope"), values(ORACLE, "between")
    return values("fixed_effects_separate", "slope"), values("ecological", "slope")

"""Packages for Python that fit the mixed model: how each is asked, and what it answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simlab.moments import Floats

FORMULA = "y ~ x + (1 + x | cluster)"


class Package(NamedTuple):
    """A package for Python.

    Attributes
    ----------
    name : str
        As it is installed.
    module : str
        What is imported.
    call : str
        The function that is timed.
    fit : callable
        Fits the model to a data frame, by a function of the module.
    answer : callable
        Takes fixed effects, log-likelihood and whether it converged out of a fit.
    """

    name: str
    module: str
    call: str
    fit: Callable[[Any, pd.DataFrame], Any]
    answer: Callable[[Any], tuple[Floats, float, bool]]


PACKAGES = {
    "statsmodels": Package(
        "statsmodels", "statsmodels.formula.api", "MixedLM",
        lambda m, df: m.mixedlm("y ~ x", df, groups="cluster", re_formula="~x").fit(),
        lambda fit: (fit.fe_params.to_numpy(), float(fit.llf), bool(fit.converged)),
    ),
    "mixedlm": Package(
        "mixedlm", "mixedlm", "lmer",
        lambda m, df: m.lmer(FORMULA, df),
        lambda fit: (np.asarray(fit.beta), float(fit.logLik().value), bool(fit.converged)),
    ),
    "glmm": Package(
        "glmm", "glmm", "fit",
        lambda m, df: m.fit(df, FORMULA, satterthwaite=False),
        lambda fit: (np.asarray(fit.beta), float(fit.loglik), bool(fit.converged)),
    ),
    "glmm_df": Package(
        "glmm", "glmm", "fit",
        lambda m, df: m.fit(df, FORMULA),
        lambda fit: (np.asarray(fit.beta), float(fit.loglik), bool(fit.converged)),
    ),
}  # fmt: skip


class Asked(NamedTuple):
    """A package that is here: its version, how all data sets are fitted, and its answers.

    Attributes
    ----------
    version : str
    run : callable
        Fits all data sets.
    answers : list of (fixed effects, log-likelihood)
        Of each data set.
    converged : int
        Number of data sets for which it says so.
    """

    version: str
    run: Callable[[], list[Any]]
    answers: list[tuple[Floats, float]]
    converged: int


def ask(package: Package, frames: list[pd.DataFrame]) -> Asked | None:
    """Fit every data set by a package, once; None where it is not installed."""
    try:
        module = import_module(package.module)
    except ImportError:
        return None

    def run() -> list[Any]:
        """Fit all of them, whatever it warns of."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [package.fit(module, frame) for frame in frames]

    answers = [package.answer(fit) for fit in run()]
    converged = sum(answer[2] for answer in answers)
    return Asked(version(package.name), run, [answer[:2] for answer in answers], converged)

"""Fits of the models that R has fitted, and of any formula; made once for each test session."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from reference_cases import META, rows, stored

from simlab.data import hs
from simlab.fitting import model
from simlab.fitting.record import Method
from simlab.fitting.result import MixedFit
from simlab.formula import Design, build
from simlab.mixed.optimum import at
from simlab.mixed.rows import rotate_rows


def models(names=(*META, "hsb")):
    """Every model of tests/reference/fits by both methods: (name, model, method)."""
    return [
        (name, model, method)
        for name in names
        for model in stored("fits", f"{name}.json")
        for method in ("REML", "ML")
    ]


@cache
def data(name: str) -> pd.DataFrame:
    """Rows of a reference set, with R's order of levels and the columns cvar and dvar."""
    meta = META["hs" if name == "hsb" else name]
    df = (hs(full=True) if name == "hsb" else rows(name)).copy()
    for factor, levels in meta["factors"].items():
        df[factor] = pd.Categorical(df[factor], categories=levels)
    if covariate := meta["centred_covariate"]:
        df["cvar"] = df.groupby(meta["group"])[covariate].transform("mean")
        df["dvar"] = df[covariate] - df["cvar"]
    return df


@cache
def fitted(name: str, model: str, method: Method) -> MixedFit:
    """Fit a model of tests/reference/fits; its names are R's."""
    record = stored("fits", f"{name}.json")[model]
    fit = fit_formula(record["formula"], data(name), method)
    assert fit.design.fixed_names == tuple(record["coef_names"])
    assert fit.design.random_names == tuple(record["ranef_names"])
    return fit


def fit_formula(formula: str, df: pd.DataFrame, method: Method = "REML") -> MixedFit:
    """Fit any formula."""
    return fit_design(build(formula, df), method)


def fit_design(design: Design, method: Method = "REML", Lambda: np.ndarray | None = None):
    """Fit a design; or, with Λ in the engine's units, take that for the optimum."""
    if Lambda is None:
        return model.fit_design(design, method)
    clusters = rotate_rows(
        design.D, design.y, design.cluster, design.fixed, design.random, design.blocks
    )
    return MixedFit(design, clusters, at(clusters.rotated, Lambda, method == "REML"), method, ())


def unbalanced(seed: int = 11) -> pd.DataFrame:
    """30 clusters of 1 to 7 rows, the first five of one row, the rows of all of them shuffled."""
    rng = np.random.default_rng(seed)
    n = np.concatenate([np.ones(5, int), rng.integers(1, 8, 25)])
    cluster = rng.permutation(np.repeat(np.arange(len(n)), n))
    x, w, u = rng.normal(2, 1, n.sum()), rng.normal(size=n.sum()), rng.normal(size=(len(n), 3))
    y = 1 + x - w + u[cluster, 0] + u[cluster, 1] * x + 0.7 * u[cluster, 2] * w
    labels = np.array([f"c{j:02d}" for j in range(len(n))])[cluster]
    return pd.DataFrame({"y": y + rng.normal(size=len(y)), "x": x, "w": w, "g": labels})


R3 = "y ~ x + w + (1 + x | g) + (0 + w | g)"
"""Three random effects in two blocks, for `unbalanced`."""


class Dense(NamedTuple):
    """The mixed model in matrices of N rows, by the textbook (Henderson 1975); z is of all u."""

    X: np.ndarray
    Z: np.ndarray  # (N, Jr)
    G: np.ndarray  # (Jr, Jr)
    V: np.ndarray
    P: np.ndarray  # V⁻¹ − V⁻¹X(X'V⁻¹X)⁻¹X'V⁻¹
    gamma: np.ndarray
    covariance: np.ndarray
    u: np.ndarray  # (Jr,)
    error: np.ndarray  # Var[(γ̂ − γ), (û − u)], (p + Jr, p + Jr)


def dense(fit: MixedFit) -> Dense:
    """Everything at the variance components of a fit, which are all that is taken from it."""
    design, J = fit.design, fit.nclusters
    X, y, r = design.X, design.y, len(design.random)
    Z = np.zeros((len(y), J * r))
    for a in range(r):
        Z[np.arange(len(y)), design.cluster * r + a] = design.Z[:, a]
    G = np.kron(np.eye(J), fit.G_matrix)
    V = Z @ G @ Z.T + fit.sigma2 * np.eye(len(y))
    inverse = np.linalg.inv(V)
    covariance = np.linalg.inv(X.T @ inverse @ X)
    P = inverse - inverse @ X @ covariance @ X.T @ inverse
    to_gamma, to_u = covariance @ X.T @ inverse, G @ Z.T @ P  # γ̂ and û are linear in y
    # of y = Xγ + Zu + ε: γ̂ − γ and û − u are these times Zu + ε, less u
    of_u = np.vstack([to_gamma @ Z, to_u @ Z - np.eye(J * r)])
    of_e = np.vstack([to_gamma, to_u])
    error = of_u @ G @ of_u.T + fit.sigma2 * of_e @ of_e.T
    return Dense(X, Z, G, V, P, to_gamma @ y, covariance, to_u @ y, error)

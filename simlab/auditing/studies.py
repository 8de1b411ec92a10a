"""Studies of an audit: the data's own design, sampled from given parameters."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from simlab.auditing.subject import TRUTH, Parameters, Subject, digits_of, parameters
from simlab.comparison import APPLICABLE
from simlab.config import Study, dumps
from simlab.words import FITTED, NEW, ORACLE, SCHEMES

QUESTIONS = SCHEMES

METHODS = tuple(method.name for method in APPLICABLE)


def base_study(subject: Subject, replicates: int, seed: int, level: float) -> Study:
    """Return the study of the parameters as estimated, with both questions.

    The oracle runs too: efficiency is measured against it.
    """
    settings = {"replicates": replicates, "seed": seed, "level": level}
    return _study(subject, subject.parameters, (*METHODS, ORACLE), settings)


def other_study(subject: Subject, other: Parameters, base: Study) -> Study:
    """Return the same study with other parameters."""
    settings = {"replicates": base.replicates, "seed": base.seed, "level": base.level}
    return _study(subject, other, METHODS, settings)


def _study(
    subject: Subject, p: Parameters, methods: tuple[str, ...], settings: dict[str, Any]
) -> Study:
    """Study of two conditions: the fitted parameters, and the clusters of the data."""
    roles = subject.roles
    x = {"law": "data", "data": subject.name, "column": roles.x, "cluster": roles.cluster}
    gamma: Any = np.column_stack([p.gamma0, p.within]).tolist()
    between: Any = p.between.tolist()
    if roles.group is None:
        (gamma,), (between,) = gamma, between
    else:
        x["sector"] = roles.group
        gamma = dict(zip(subject.groups, gamma, strict=True))
        between = dict(zip(subject.groups, between, strict=True))
    raw = {
        "name": "audit",
        "description": f"Methods on {roles.y} by {roles.x} in {roles.cluster}, with the design "
        f"of {subject.source}.",
        "estimators": methods,
        "population": {
            "x": x,
            "gamma": gamma,
            "beta_between": between,
            "context": "sample-mean",
            "G": p.G.tolist(),
            "sigma2": p.sigma2,
        },
        "grid": {"scheme": QUESTIONS},
        **settings,
    }
    return Study.from_json(json.dumps(raw))


def parameter_sets(subject: Subject, ds: xr.Dataset, draws: int) -> list[Parameters]:
    """Draw parameters from the sampling distribution of the fit: a parametric bootstrap.

    The first study's replicates with new clusters are data sets drawn from the fitted model, and
    the contextual model was refitted to each. Those refits are the draws: γ, G and σ² vary
    together, and G may be singular. The first that converged are taken.
    """
    here = ds.isel(condition=QUESTIONS.index(NEW)).sel(estimator=TRUTH, mixed=TRUTH)
    usable = np.flatnonzero(here["status"].isin(FITTED) & (here["sigma2"] > 0))[:draws]
    values = (here[name].values[usable] for name in ("estimate", "G", "sigma2"))
    S, digits = len(subject.groups), digits_of(subject.moments)
    return [parameters(e, G, float(v), S, digits) for e, G, v in zip(*values, strict=True)]


def config_text(subject: Subject, study: Study) -> str:
    """Write the first study as YAML that `simlab run` reproduces bit for bit."""
    roles = subject.roles
    grouped = f" and {roles.group}" if roles.group else ""
    return dumps(
        study,
        f"What methods do in data like {subject.source}. Made by simlab audit.\n"
        "\n"
        f"The design is that of the data: {len(subject.rows):,} rows in {subject.clusters} "
        f"clusters of {roles.cluster}{grouped},\nwith {roles.x} held. The parameters are those of "
        f"the contextual HLM of {roles.y}, by REML.",
    )

"""Populations for tests: one base, changed field by field."""

from simlab.config import Study
from simlab.design import conditions
from simlab.population import compile_plan

BASE = {
    "clusters": 40,
    "gamma": [12, 2],
    "G": [[16, 8], [8, 25]],
    "sigma2": 20,
    "cluster_sizes": {"law": "poisson", "mean": 30},
}
SECTORS = BASE | {
    "clusters": {"Catholic": 3, "Public": 2},
    "gamma": {"Catholic": [14, 1], "Public": [12, 2]},
    "beta_between": {"Catholic": 4, "Public": 2},
}
HELD = {
    "gamma": {"Catholic": [13, 1.5], "Public": [12, 3]},
    "beta_between": {"Catholic": 4, "Public": 6.5},
    "G": [[3.54, 0.351], [0.351, 0.127]],
    "sigma2": 37.4,
    "x": {"law": "data", "data": "hs", "column": "ses", "cluster": "school", "sector": "sector"},
}


def condition(base=BASE, scheme="new-clusters", draw="auto", **changes):
    """The one condition of a study; a change to None leaves the field out."""
    population = {k: v for k, v in {**base, **changes}.items() if v is not None}
    study = Study.model_validate(
        {"name": "s", "replicates": 9, "scheme": scheme, "draw": draw, "population": population}
    )
    return conditions(study)[0]


def plan(base=BASE, base_dir=None, **changes):
    return compile_plan(condition(base, **changes), base_dir)

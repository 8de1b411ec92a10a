"""Studies for tests: the simulated example of the course, changed field by field."""

from simlab.config import Study
from simlab.design import conditions
from simlab.parallel import Workers
from simlab.population import compile_plan

POPULATION = {
    "clusters": 40,
    "gamma": [12, 2],
    "G": [[16, 8], [8, 25]],
    "sigma2": 20,
    "cluster_sizes": {"law": "poisson", "mean": 30},
}


def study(replicates=64, seed=7, population=None, **fields):
    """A study of one base population; `population` changes some of its fields."""
    raw = {"name": "test", "replicates": replicates, "seed": seed, **fields}
    return Study.model_validate(raw | {"population": POPULATION | (population or {})})


def plan(**population):
    """The plan of the first condition of such a study."""
    return compile_plan(conditions(study(population=population))[0])


def asked_for(monkeypatch):
    """A list that grows by each block that the workers take, which they get all the same."""
    wanted, do = [], Workers.do

    def noted(tasks):
        for task in tasks:
            wanted.append(task)
            yield task

    monkeypatch.setattr(Workers, "do", lambda workers, tasks: do(workers, noted(tasks)))
    return wanted

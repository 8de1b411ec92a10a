"""A study, compiled: its conditions as jobs, its estimators and tests by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from simlab.config import ConfigError, Finding, Study, locate
from simlab.design import Condition, conditions
from simlab.estimators import METHODS, REGISTRY
from simlab.estimators.base import KINDS, Estimator, Known, term_names
from simlab.hypotheses import KINDS as TEST_KINDS
from simlab.hypotheses import REGISTRY as TESTS
from simlab.hypotheses import Hypothesis, Kind
from simlab.population import Plan, compile_plan, needs_rows

__all__ = ["Data", "Job", "Work", "prepare"]

Data = Mapping[str, pd.DataFrame] | None


@dataclass(frozen=True, slots=True)
class Job:
    """A condition, compiled: all that a worker needs.

    Attributes
    ----------
    condition : Condition
        As declared.
    key : str
        Opens its random streams.
    plan : Plan
        Its population, ready to be sampled.
    known : Known
        True variances, for the estimators that are told them.
    rows : bool
        Whether rows are drawn rather than moments.
    """

    condition: Condition
    key: str
    plan: Plan
    known: Known
    rows: bool


@dataclass(frozen=True, slots=True)
class Work:
    """A study, compiled.

    Attributes
    ----------
    study : Study
        As declared.
    methods : tuple of Estimator
        Its estimators, in the order of the registry.
    jobs : tuple of Job
        One per condition.
    terms : tuple of str
        The union of the estimators' terms.
    columns : mapping of str to array
        Place of each estimator's terms among them.
    hypotheses : tuple of Hypothesis
        Its tests, in the order of the registry.
    kinds : tuple of Kind
        The union of their kinds of p-value.
    """

    study: Study
    methods: tuple[Estimator, ...]
    jobs: tuple[Job, ...]
    terms: tuple[str, ...]
    columns: Mapping[str, Any]
    hypotheses: tuple[Hypothesis, ...]
    kinds: tuple[Kind, ...]


def prepare(study: Study, data: Data = None) -> Work:
    """Compile every condition of a study.

    Parameters
    ----------
    study : Study
        As declared.
    data : mapping of str to DataFrame, optional
        Data in memory, by the name that the study gives them; others are read from their files.

    Raises
    ------
    ConfigError, PopulationError, DataError
        When a condition cannot be drawn, or not tested.
    """
    names = study.estimators or tuple(REGISTRY)
    methods = tuple(method for method in METHODS if method.name in names)
    rows = any(method.needs == "rows" for method in methods)
    jobs = tuple(_job(condition, study, rows, data) for condition in conditions(study))
    sectors = jobs[0].plan.sectors
    terms = term_names(tuple(k for k in KINDS if any(k in m.kinds for m in methods)), sectors)
    columns = {
        m.name: np.array([terms.index(t) for t in term_names(m.kinds, sectors)]) for m in methods
    }
    hypotheses = _hypotheses(study, sectors)
    kinds = tuple(kind for kind in TEST_KINDS if any(kind in h.kinds for h in hypotheses))
    return Work(study, methods, jobs, terms, MappingProxyType(columns), hypotheses, kinds)


def _hypotheses(study: Study, sectors: tuple[str, ...]) -> tuple[Hypothesis, ...]:
    """What a study tests, in the order of the registry."""
    if study.tests is None:
        return ()
    found = [
        Finding(("tests", "names", i), f"unknown test {name!r}; known are {', '.join(TESTS)}")
        for i, name in enumerate(study.tests.names)
        if name not in TESTS
    ]
    if len(sectors) > 1:
        message = f"need a population of one sector, and this one has {', '.join(sectors)}"
        found.append(Finding(("tests",), message, at_key=True))
    if found:
        raise ConfigError(locate(study, found))
    return tuple(TESTS[name] for name in TESTS if name in study.tests.names)


def _job(condition: Condition, study: Study, rows: bool, data: Data) -> Job:
    plan = compile_plan(condition, study.base_dir, data)
    known = Known(np.array(condition.population.G), float(condition.population.sigma2))
    drawn = rows or condition.draw == "rows" or needs_rows(condition)
    return Job(condition, condition.key, plan, known, drawn)

"""A study, compiled: its conditions as jobs, its estimators and tests by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from simlab.config import (
    ConfigError,
    DataCovariate,
    Finding,
    FrozenMap,
    Generated,
    Study,
    declared,
    locate,
    plain,
    unknown,
)
from simlab.custom.generated import OwnPopulation, own_population
from simlab.custom.measures import OwnEach, own_measure
from simlab.custom.methods import Own, Shielded, own_estimator
from simlab.data import DataError
from simlab.data.frames import DataSets
from simlab.design import Condition, conditions
from simlab.errors import CustomError, PopulationError
from simlab.estimators import METHODS, REGISTRY
from simlab.estimators.base import Estimator, Known
from simlab.performance.measure import Measure
from simlab.performance.registry import ROBUST, STREAMS
from simlab.performance.stream import Stream
from simlab.performance.streams import WARNED
from simlab.population import Plan, compile_plan, needs_rows
from simlab.runner.footprint import Room, refuse
from simlab.runner.sources import Declared, Source
from simlab.runner.until import Rule, rule_of
from simlab.sampling import Common, Key, require_laws
from simlab.testing.studied import REGISTRY as TESTS
from simlab.testing.studied import Hypothesis
from simlab.words import KINDS, P_VALUES, PValue, ambiguous_place, term_names


@dataclass(frozen=True, slots=True)
class Job:
    """A condition, compiled: all that a worker needs."""

    condition: Condition
    key: Key  # opens its random streams: its own, or the one that all conditions have in common
    source: Source  # its population, ready to be sampled

    @property
    def plan(self) -> Plan:
        """The plan of a declared population; ConfigError if a generator draws it."""
        return self._declared.plan

    @property
    def known(self) -> Known:
        """True variances of a declared population; raises as `plan`."""
        return self._declared.known

    @property
    def rows(self) -> bool:
        """Whether rows are drawn rather than moments."""
        return self.source.by_rows

    @property
    def generator(self) -> str:
        """Import path of the user's generator; empty where the population is declared."""
        return self.source.address.path if isinstance(self.source, OwnPopulation) else ""

    @property
    def _declared(self) -> Declared:
        """Source of a declared population; a ConfigError for a user's generator."""
        if isinstance(self.source, Declared):
            return self.source
        declared(self.condition.population)  # says what is wrong
        raise AssertionError("a population without a plan is generated")


@dataclass(frozen=True, slots=True)
class Work:
    """A study, compiled. It is sent to processes, so all of it can be pickled."""

    study: Study
    # in the order of the registry; then the user's, in the study's order
    methods: tuple[Estimator, ...]
    jobs: tuple[Job, ...]  # one per condition
    terms: tuple[str, ...]  # the union of the estimators' terms
    columns: Mapping[str, Any]  # indices of each estimator's terms among them
    hypotheses: tuple[Hypothesis, ...]  # its tests, in the order of the registry
    kinds: tuple[PValue, ...]  # the union of their kinds of p-value
    # hashes of the user's estimators, generators and measures that are summed, by import path
    code: Mapping[str, str] = field(default_factory=dict)
    # what it is sampled until; None where the number of replicates is fixed
    rule: Rule | None = None
    streams: tuple[Stream, ...] = STREAMS  # what is summed where replicates are not kept
    # by condition, of the terms that are not simlab's own, as far as it is known
    truth: tuple[Mapping[str, float], ...] = ()

    @property
    def has(self) -> dict[str, tuple[str, ...]]:
        """The terms of each estimator."""
        return {name: tuple(self.terms[i] for i in own) for name, own in self.columns.items()}

    def only(self, estimators: Collection[str], tests: Collection[str]) -> Work:
        """Return the same with these estimators and tests alone; terms keep their indices."""
        return replace(
            self,
            methods=tuple(method for method in self.methods if method.name in estimators),
            hypotheses=tuple(test for test in self.hypotheses if test.name in tests),
        )


def prepare(study: Study, data: DataSets | None = None, room: Room = Room()) -> Work:  # noqa: B008 (frozen)
    """Compile every condition of a study.

    `data` are those in memory, by the name that the study gives them; `room` says where it will run
    and what is kept, by default one worker and nothing.

    Raises
    ------
    ConfigError
        When there is less memory than it needs there; or when a condition cannot be drawn, or not
        tested, or a rule names what there is not.
    """
    each = conditions(study)
    refuse(study, room, each)
    methods = _methods(study)
    jobs = tuple(_job(condition, study, data) for condition in each)
    methods = _applicable(study, methods, jobs)
    sectors = jobs[0].source.sectors
    if (name := ambiguous_place(sectors)) is not None:
        message = f"a sector is called {name!r}, as the difference of two others is; rename it"
        raise ConfigError(locate(study, [Finding(("population",), message)]))
    kinds_of_term = tuple(k for k in KINDS if any(k in m.kinds for m in methods))
    others = tuple(dict.fromkeys(term for m in methods for term in m.others))
    terms = (*term_names(kinds_of_term, sectors), *others)
    columns = FrozenMap(
        (m.name, np.array([terms.index(t) for t in m.terms(sectors)])) for m in methods
    )
    hypotheses = _hypotheses(study, sectors)
    kinds = tuple(kind for kind in P_VALUES if any(kind in h.kinds for h in hypotheses))
    own_code = [method.fit.address for method in methods if isinstance(method.fit, Own)]
    own_code += [job.source.address for job in jobs if isinstance(job.source, OwnPopulation)]
    code = {address.path: address.fingerprint for address in own_code}
    own = _measures(study)
    rule = rule_of(study, [method.name for method in methods], terms, own)
    heard = (WARNED,) if code else ()
    streams = tuple(dict.fromkeys((*STREAMS, *heard, *(m.stream for m in own.values()))))
    if study.keep == "measures":
        code |= {
            stream.each.address.path: stream.each.address.fingerprint
            for stream in streams
            if isinstance(stream.each, OwnEach)
        }
    truth = tuple(_true_of_others(job.condition, job.source, methods) for job in jobs)
    return Work(study, methods, jobs, terms, columns, hypotheses, kinds, code, rule, streams, truth)


def _measures(study: Study) -> dict[str, Measure]:
    """The user's measures that are functions of sums, by import path."""
    own: dict[str, Measure] = {}
    names: set[str] = set()
    findings: list[Finding] = []
    for i, path in enumerate(study.measures or ()):
        try:
            measure = own_measure(path, study.base_dir) if ":" in path else ROBUST[path]
        except CustomError as error:
            findings.append(Finding(("measures", i), str(error)))
            continue
        except KeyError:
            findings.append(Finding(("measures", i), unknown("measure", path, [*ROBUST])))
            continue
        if measure.name in names:
            findings.append(Finding(("measures", i), f"another one is called {measure.name!r} too"))
        names.add(measure.name)
        if isinstance(measure, Measure):
            own[path] = measure
    if findings:
        raise ConfigError(locate(study, findings))
    return own


def _methods(study: Study) -> tuple[Estimator, ...]:
    """Estimators of a study: simlab's in the order of the registry, then the user's."""
    names = study.estimators or tuple(REGISTRY)
    own: list[Estimator] = []
    findings: list[Finding] = []
    for i, name in enumerate(names):
        if ":" in name:
            try:
                own.append(own_estimator(name, study.base_dir))
            except CustomError as error:
                findings.append(Finding(("estimators", i), str(error)))
    if findings:
        raise ConfigError(locate(study, findings))
    return (*(method for method in METHODS if method.name in names), *own)


def _applicable(
    study: Study, methods: tuple[Estimator, ...], jobs: tuple[Job, ...]
) -> tuple[Estimator, ...]:
    """Leave out, or refuse where it is named, what a user's generator has no data for.

    simlab's own estimators are shielded there: nothing is promised of such data.
    """
    generated = [job.source for job in jobs if isinstance(job.source, OwnPopulation)]
    if not generated:
        return methods
    findings = []
    if len({job.source.sectors for job in jobs}) > 1:
        findings.append(Finding(("grid",), "the generators have different sectors", at_key=True))
    kept = []
    for method in methods:
        field = ("estimators", study.estimators.index(method.name)) if study.estimators else ()
        if method.oracle and any(source.known is None for source in generated):
            if study.estimators is not None:
                text = "must be told G and sigma2; write them under population.truth"
                findings.append(Finding(field, text))
            continue
        if method.needs == "rows" and not all(source.by_rows for source in generated):
            findings.append(Finding(field, "needs rows, and the generator draws moments"))
        own = isinstance(method.fit, Own)
        kept.append(method if own else replace(method, fit=Shielded(method)))
    if study.tests is not None:
        text = "need a declared population: of a generator's, no null hypothesis is known to hold"
        findings.append(Finding(("tests",), text, at_key=True))
    if findings:
        raise ConfigError(locate(study, findings))
    return tuple(kept)


def _hypotheses(study: Study, sectors: tuple[str, ...]) -> tuple[Hypothesis, ...]:
    """Hypotheses that a study tests, in the order of the registry."""
    if study.tests is None:
        return ()
    findings = [
        Finding(("tests", "names", i), unknown("test", name, TESTS))
        for i, name in enumerate(study.tests.names)
        if name not in TESTS
    ]
    if len(sectors) > 1:
        message = f"need a population of one sector, and this one has {', '.join(sectors)}"
        findings.append(Finding(("tests",), message, at_key=True))
    if findings:
        raise ConfigError(locate(study, findings))
    return tuple(TESTS[name] for name in TESTS if name in study.tests.names)


def _job(condition: Condition, study: Study, data: DataSets | None) -> Job:
    """Job of a condition; a ConfigError that names the field where it cannot be done."""
    key = Common(study.block) if study.common_random_numbers else condition.key
    population = condition.population
    if isinstance(population, Generated):
        try:
            own = own_population(population, study.base_dir, study.block)
        except CustomError as error:
            raise ConfigError(locate(study, [Finding(("population",), str(error))])) from None
        return Job(condition, key, own)
    section = "x" if isinstance(population.x, DataCovariate) else "cluster_sizes"
    of_data = ("population", section, "data")
    try:
        plan = compile_plan(condition, study.base_dir, data)
        require_laws(plan, key)
    except PopulationError as error:
        loc = tuple(error.field.split(".")) if error.field else of_data
        raise ConfigError(locate(study, [Finding(loc, error.message)])) from None
    except DataError as error:
        raise ConfigError(locate(study, [Finding(of_data, str(error))])) from None
    known = Known(np.array(population.G), float(population.sigma2))
    by_rows = condition.draw == "rows" or needs_rows(condition)
    source = Declared(plan, condition.scheme, by_rows, known, study.block)
    return Job(condition, key, source)


def _true_of_others(
    condition: Condition, source: Source, methods: Sequence[Estimator]
) -> Mapping[str, float]:
    """Truth of the user's terms in one condition, by its population, or else by the estimators.

    Two estimators that say different things of a term that they share are refused.
    """
    others = {term for method in methods for term in method.others}
    truth: dict[str, float] = {}
    by: dict[str, str] = {}
    population = plain(condition.population)
    for method in methods:
        declared = method.truth(population) if callable(method.truth) else method.truth or {}
        for term, value in declared.items():
            if truth.setdefault(term, value) != value:
                raise ConfigError.of(
                    "estimators",
                    f"{by[term]} says that the truth of {term} is {truth[term]:g}, and "
                    f"{method.name} that it is {value:g}; call one of the terms otherwise",
                )
            by.setdefault(term, method.name)
    if isinstance(source, OwnPopulation):
        truth |= source.given_truth.terms or {}
    return FrozenMap((term, value) for term, value in truth.items() if term in others)

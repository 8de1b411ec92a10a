"""The Dataset that a study fills: its shape, its truth, its limits and its provenance."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from simlab.estimators.base import sector_contrasts
from simlab.moments import Floats
from simlab.results import FREE, Schema, Summed
from simlab.runner.code import code_version
from simlab.runner.provenance import provenance
from simlab.runner.sources import Declared
from simlab.runner.work import Work
from simlab.words import term_names


def schema_of(work: Work) -> Schema:
    """Describe the Dataset that a study fills, with its truth and its provenance."""
    study = work.study
    each = range(len(work.jobs))
    levels = {
        factor: tuple(job.condition.levels[factor] for job in work.jobs)
        for factor in work.jobs[0].condition.levels
    }
    attrs = provenance(study)
    # Results go on only with the code that they began with.
    code = {**code_version(study.keep == "measures"), **work.code}
    attrs["code"] = json.dumps(code)
    if hashes := _data(work):
        attrs["data"] = json.dumps(hashes)
    config = json.loads(study.to_json())
    decisive = {
        "config": {name: config[name] for name in config if name not in FREE},
        "data": hashes,
        "code": code,
    }
    null_holds = None  # (condition, test)
    if work.hypotheses:
        null_holds = np.array([[h.holds(job.plan) for h in work.hypotheses] for job in work.jobs])
    return Schema(
        replicates=study.replicates,
        block=study.block,
        estimators=tuple(method.name for method in work.methods),
        terms=work.terms,
        mixed=tuple(method.name for method in work.methods if method.mixed),
        keys=tuple(job.condition.key for job in work.jobs),
        levels=levels,
        truth=np.array([targets_of(work, c) for c in each]),
        limit=np.array([_limits_of(work, c) for c in each]),
        attrs=attrs,
        fingerprint=hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest(),
        tests=tuple(hypothesis.name for hypothesis in work.hypotheses),
        kinds=work.kinds,
        null_holds=null_holds,
        stops=work.rule is not None,
        summed=Summed(work.has, work.streams) if study.keep == "measures" else None,
    )


def _data(work: Work) -> dict[str, str]:
    """Condition key → a hash of the sizes and values that it takes from data, where it does."""
    hashes = {}
    for job in work.jobs:
        if isinstance(job.source, Declared) and job.plan.population.source is not None:
            digest = hashlib.sha256(repr(job.plan.labels.tolist()).encode())
            p = job.plan.parameters
            for array in (job.plan.starts, p.sizes, p.fixed_x.values):
                digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
            hashes[job.condition.key] = digest.hexdigest()[:12]
    return hashes


def targets_of(work: Work, condition: int) -> Floats:
    """Targets of the terms of one condition, (term, target)."""
    job = work.jobs[condition]
    sectors = job.source.sectors
    true, contrast = job.source.truth(work.study.seed, job.key), sector_contrasts(len(sectors))
    targets = np.full((len(work.terms), 2), np.nan)
    for kind, values in true.items():
        for i, name in enumerate(term_names((kind,), sectors)):
            if name in work.terms:
                targets[work.terms.index(name)] = contrast[i] @ values
    for name, value in work.truth[condition].items():
        targets[work.terms.index(name)] = value
    return targets


def _limits_of(work: Work, condition: int) -> Floats:
    """Probability limits of the estimators of one condition, (estimator, term)."""
    job = work.jobs[condition]
    limit = job.source.limits(work.study.seed, job.key, work.methods)
    contrast = sector_contrasts(len(job.source.sectors))
    limits = np.full((len(work.methods), len(work.terms)), np.nan)
    for e, method in enumerate(work.methods):
        if method.kinds:  # of other terms nothing is known
            known = (limit[method.name] @ contrast.T).ravel()
            limits[e, work.columns[method.name][: len(known)]] = known
    return limits

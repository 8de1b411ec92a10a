"""A study from its file, and any one of its replicates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from simlab import config
from simlab.config import Study
from simlab.design import conditions
from simlab.errors import NoSuchError
from simlab.estimators import REGISTRY
from simlab.performance.registry import MEASURES
from simlab.testing.studied import REGISTRY as TESTS

if TYPE_CHECKING:
    from simlab.runner import Work


def load(path: str | Path) -> Study:
    """Read and validate a study.

    Parameters
    ----------
    path : path
        A YAML file; `simlab schema` describes it to an editor.

    Returns
    -------
    Study
        Frozen; `study.replace(replicates=100)` gives another.

    Raises
    ------
    ConfigError
        With every problem of the file at once, each by line and column.
    """
    study = config.load(path, known_estimators=REGISTRY, known_tests=TESTS, known_measures=MEASURES)
    conditions(study)
    return study


def replicate(study: Study, condition: int = 0, replicate: int = 0) -> pd.DataFrame:
    """Rebuild the rows of one replicate.

    Where the study draws moments, the rows are drawn given the replicate's
    moments, so that every estimator finds in them what it found in the study.

    Parameters
    ----------
    study : Study
        The study.
    condition, replicate : int
        Position of the condition and number of the replicate, from 0.

    Returns
    -------
    pandas.DataFrame
        Columns cluster, sector, x, y.

    Raises
    ------
    NoSuchError
        When the study has no such condition or replicate.
    PopulationError
        When a generator drew it as moments, or failed to draw it.
    """
    from simlab.runner import prepare  # xarray, zarr

    work = prepare(study)
    if not (0 <= condition < len(work.jobs) and 0 <= replicate < study.replicates):
        raise NoSuchError(
            f"{study.name} has {len(work.jobs)} conditions of {study.replicates} replicates, "
            f"numbered from 0; there is no replicate {replicate} of condition {condition}"
        )
    return replicate_of(work, condition, replicate)


def replicate_of(work: Work, condition: int, replicate: int) -> pd.DataFrame:
    """Rebuild the rows of one replicate of a compiled study; see `replicate`."""
    study, job = work.study, work.jobs[condition]
    return job.source.replicate(study.seed, job.key, replicate)

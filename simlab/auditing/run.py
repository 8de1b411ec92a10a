"""An audit of a data frame."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from simlab import runner
from simlab.auditing import text
from simlab.auditing.findings import Findings
from simlab.auditing.paradox import paradoxes
from simlab.auditing.sensitivity import measure_others
from simlab.auditing.studies import base_study, parameter_sets
from simlab.auditing.subject import Roles, Subject, subject
from simlab.config import ConfigError, Study
from simlab.data.frames import Data, as_pandas
from simlab.runner import Progress
from simlab.text import Part, Printable

FEWEST = 100
"""Replicates that an audit needs: the error of a bias is then 0.1 of the true standard error, where
0.4 is tolerated, and that of a coverage of 95 % is 2 %, where 2.5 % is."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Audit(Findings, Printable):
    """Verdicts on every method for a data set; see `Findings`."""

    def to_frame(self) -> pd.DataFrame:
        """The verdicts; see `Findings`."""
        return self.verdicts

    def parts(self) -> list[Part | list[Part]]:
        """The answer, a table for each slope, numbers and advice."""
        return text.report(self)

    def html(self) -> str:
        """Return a report as one HTML page with pictures, for a file."""
        from simlab.auditing import page  # matplotlib

        return page.html(self)


def audit(
    data: Data,
    y: str,
    x: str,
    cluster: str,
    group: str | None = None,
    *,
    replicates: int = 2000,
    draws: int = 50,
    seed: int = 0,
    level: float = 0.95,
    jobs: int = -1,
    source: str = "the data",
    progress: Progress | None = None,
) -> Audit:
    """Ask of every method whether it can be trusted on these data, and for which question.

    The contextual model fitted to the data is taken for true, and the data's own design (its
    clusters, their sizes, x, groups) for the sampling plan. Every method is applied to samples
    from it, in which clusters are new or stay the same. Then all is repeated with parameters that
    the data allow as well.

    Parameters
    ----------
    data : DataFrame
        One row per unit; rows with missing values are left out and counted.
    y, x, cluster, group : str
        Columns: response, covariate, cluster, and optionally a group of clusters (a sector).
    replicates : int
        Samples for each question and each parameter set, 100 or more.
    draws : int
        Parameter sets drawn from the sampling distribution of the fit; 0 for none, and then
        verdicts have no certainty.
    seed : int
        Root of the random streams; the same seed gives the same numbers.
    level : float
        Of the confidence intervals.
    jobs : int
        Threads; −1 for one per core. The numbers do not depend on it.
    source : str
        What messages and the configuration call the data.
    progress : Progress, optional
        Counts what arrives: of the first study, and then of the others.

    Returns
    -------
    Audit

    Raises
    ------
    DataError
        In one line, when the data cannot be audited; says which methods remain.
    ConfigError
        If replicates, draws or seed are none.
    LevelError
        If the level is not between 0 and 1.
    """
    check_sizes(replicates, draws)
    fitted = subject(as_pandas(data, source), Roles(y, x, cluster, group), level, source)
    study = base_study(fitted, replicates, seed, level)
    return complete(begin(fitted, study, jobs, progress), draws, jobs, progress)


def begin(subject: Subject, study: Study, jobs: int, progress: Progress | None) -> Audit:
    """Audit with the parameters as estimated: the first answer, without certainty."""
    data = {subject.name: subject.rows}
    ds = runner.run(study, data=data, jobs=jobs, progress=progress)
    return Audit.judged(subject, study, ds, paradoxes(subject, ds))


def complete(first: Audit, draws: int, jobs: int, progress: Progress | None) -> Audit:
    """Add how sure each verdict is."""
    if draws == 0:
        return first
    sets = parameter_sets(first.subject, first.dataset, draws)
    others = list(measure_others(first.subject, sets, first.study, jobs, progress))
    return Audit.judged(first.subject, first.study, first.dataset, first.paradox, others)


def check_sizes(replicates: int, draws: int) -> None:
    """Refuse too few replicates, and a number of draws that there cannot be."""
    if replicates < FEWEST:
        message = f"must be {FEWEST} or more, not {replicates}: with fewer no verdict means much"
        raise ConfigError.of("replicates", message)
    if draws < 0:
        raise ConfigError.of("draws", f"must be 0 or more, not {draws}")
    if draws > replicates:
        message = (
            f"must be {replicates} or less, not {draws}: each is the fit to one of the "
            f"{replicates} replicates"
        )
        raise ConfigError.of("draws", message)

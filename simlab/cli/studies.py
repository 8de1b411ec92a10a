"""Commands on studies: run, check, read again; and the demonstrations, which are studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from simlab.cli.app import app

if TYPE_CHECKING:
    from simlab.config import Study

Format = Literal["text", "markdown", "latex", "csv"]
Several = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]


@app.command
def run(
    config: Path,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    backend: Literal["threading", "loky", "dask"] | None = None,
    scheduler: str | None = None,
    patience: float | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    extend: bool = False,
    quiet: bool = False,
) -> None:
    """Run a study, save its results, and print its tables.

    An interrupted study is continued by the same command. The exit status is 3 if a method failed
    in every replicate of a condition.

    Parameters
    ----------
    config
        The study, a YAML file.
    replicates
        Instead of the number in the file, or of its maximum.
    seed
        Instead of the seed in the file.
    jobs
        Threads or processes, instead of what the file says; -1 for one per core. The numbers
        depend neither on it nor on the following two.
    backend
        Threads, processes of this machine (loky), or workers of dask, instead of what the file
        says.
    scheduler
        Address of a dask scheduler, tcp://..., or its scheduler file, whose workers are used.
    patience
        Seconds that a function of yours may take for one replicate. With loky the process that
        takes longer is ended, the replicate has the status error, and the run goes on; with
        threads it is only told.
    out
        Folder for NAME.zarr and NAME.md, NAME being the study's.
    overwrite
        Replace a store that belongs to another study.
    extend
        Add replicates, conditions, estimators, tests or measures to a store of the same study, and
        keep what is done.
    quiet
        No progress bar.
    """
    from simlab.commands import studies

    study = _study(config, replicates, seed)
    where = studies.Where(jobs, backend, scheduler, patience)
    existing = studies.Existing(overwrite, extend)
    if status := studies.run(study, where, out or Path("results"), existing, quiet):
        raise SystemExit(status)


@app.command
def check(config: Path) -> None:
    """Validate a study without running it, and say what it would do.

    Parameters
    ----------
    config
        The study, a YAML file.
    """
    from simlab.commands import studies

    studies.check(_study(config, None, None))


@app.command
def plan(
    config: Path,
    *,
    measure: str | None = None,
    mcse: float | None = None,
    pilot: int = 512,
    jobs: int = -1,
) -> None:
    """Say how many replicates a precision takes, and how long, from a pilot; nothing is saved.

    Parameters
    ----------
    config
        The study, a YAML file.
    measure
        What is to be known; by default what the study is sampled until, or coverage.
    mcse
        The largest Monte Carlo standard error, in the unit of the measure; by default that of the
        file.
    pilot
        Replicates of each condition to look at.
    jobs
        Threads; -1 for one per core.
    """
    from simlab.commands import planning

    planning.plan(_study(config, None, None), measure, mcse, pilot, jobs)


@app.command
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    import json

    from simlab.config import schema as json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command
def table(
    store: Path,
    *,
    format: Format = "text",
    sector: str | None = None,
    tests: bool = False,
    by: Several = None,
) -> None:
    """Print the summary-of-methods table of a study, and the sizes of its tests.

    Where there are conditions that the summary does not speak of, a line for each follows. What
    failed, and what is unfinished, is said beneath.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    format
        How to print it.
    sector
        Which sector, where there are several; the first by default.
    tests
        Only the sizes of the tests; csv has them only so.
    by
        Only a line for each condition, sorted by these factors, such as population.clusters or
        clusters; csv has them only so.
    """
    from simlab.commands import studies

    studies.table(store, format, sector, tests, by or ())


@app.command
def measure(
    store: Path,
    *,
    measure: Several = None,
    estimator: Several = None,
    term: Several = None,
    target: Several = None,
    by: Several = None,
    wide: bool = False,
    mcse: Literal["jackknife", "normal"] = "jackknife",
    format: Format | None = None,
) -> None:
    """Print performance measures with their Monte Carlo standard errors: all, or some.

    Every filter takes several names.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    measure
        Only these. Robust ones, such as median_bias and robust_se, are printed only if they are
        named, here or in the study.
    estimator
        Only of these.
    term
        Only of these, such as slope.
    target
        Only against these: beta_within, beta_between, limit.
    by
        Factors of the grid that come first, and by which rows are sorted.
    wide
        The table that a paper prints: a row for each condition, a column for each measure with
        its Monte Carlo standard error in parentheses; against beta_within, if no target is named.
    mcse
        normal takes estimates for normal, as Stata's simsum and R's rsimsum do.
    format
        csv has every digit, and is the default but for wide; unless it is wide it is tidy: one row
        per condition, estimator, term, target and measure.
    """
    from simlab.commands import studies

    wanted = studies.Wanted(measure, estimator, term, target, by, wide)
    studies.measure(store, wanted, mcse, format)


@app.command
def contrast(
    store: Path,
    *,
    base: int | None = None,
    factor: str | None = None,
    target: str = "beta_within",
    format: Literal["text", "markdown", "csv"] = "text",
) -> None:
    """Print how measures differ between conditions, and what common random numbers gained.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    base
        Number of the condition with which all others are compared, from 0; 0 by default.
    factor
        Compare along this factor of the grid instead, each level with the one before it.
    target
        beta_within, beta_between or limit: what bias, MSE and coverage are about.
    format
        csv is tidy, with every digit.
    """
    from simlab.commands import studies

    studies.contrast(store, base, factor, target, format)


@app.command
def demo(
    name: str | None = None,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    out: Path | None = None,
) -> None:
    """Run a demonstration of the course, or list them all.

    Parameters
    ----------
    name
        Which one; without a name, all are listed with one line each.
    replicates
        Instead of the number in its study.
    seed
        Instead of the seed in its study.
    out
        Folder for its figure, demo_NAME.png; results by default.
    """
    from simlab.course import demos

    if name is None:
        print(demos.listing())
    else:
        demos.run(name, replicates, seed, out or Path("results"))


def _study(config: Path, replicates: int | None, seed: int | None) -> Study:
    from simlab.study import load

    study = load(config)
    if replicates is not None:
        study = study.at_most(replicates)
    return study if seed is None else study.replace(seed=seed)

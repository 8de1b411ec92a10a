"""`simlab run`: a study into its store, and its tables."""

from __future__ import annotations

import json
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from simlab.cli.choices import Config, options_named
from simlab.words import Term

if TYPE_CHECKING:
    import xarray as xr


def run(
    config: Config,
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
) -> int:
    """Run a study, save its results, and print its tables.

    An interrupted study is continued by the same command. The exit status is 3 if a method failed
    in every replicate of a condition.

    Parameters
    ----------
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
        threads it is only reported.
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
    from simlab import runner
    from simlab.cli.console import Bar, streams_kept, warnings_on_stderr
    from simlab.study import load

    study = load(config)
    with options_named():
        if replicates is not None:
            study = study.at_most(replicates)
        if seed is not None:
            study = study.replace(seed=seed)
    out = out or Path("results")
    store = out / f"{study.name}.zarr"
    began = time.monotonic()
    with (
        options_named(), streams_kept(), redirect_stdout(sys.stderr), warnings_on_stderr(),
        Bar(quiet) as bar,
    ):  # fmt: skip
        ds = runner.run(
            study, out=store, jobs=jobs, backend=backend, scheduler=scheduler, patience=patience,
            overwrite=overwrite, extend=extend, progress=bar,
        )  # fmt: skip
    seconds = time.monotonic() - began
    with runner.own_code_named(json.loads(ds.attrs["code"])):
        return _conclude(ds, study.name, store, seconds)


def _conclude(ds: xr.Dataset, name: str, store: Path, seconds: float) -> int:
    """Print the tables of a study that was run, and keep them; return the exit status."""
    from simlab import tables
    from simlab.cli.outcome import report
    from simlab.cli.written import save_page

    if "slope" not in {Term.parse(term).kind for term in ds["term"].values.tolist()}:
        print(f"{store}: no method estimates a slope, so there is no table: simlab measure {store}")
        return report(ds)
    result = tables.study_tables(ds)
    print(result.render())
    page = store.with_name(f"{name}.md")
    files = f"{store}, {page}" if save_page(page, result.render("markdown"), name) else f"{store}"
    print(f"\n{files}: written in {seconds:.1f} s", file=sys.stderr)
    return report(ds)

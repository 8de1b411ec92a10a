"""Commands on saved studies."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from simlab.cli.app import app


@app.command
def info(store: Path, *, config: bool = False) -> None:
    """Tell what a store holds: study, versions, machine, time and failures of each condition.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    config
        Print the configuration alone, as it was written.
    """
    from simlab.commands import stores

    stores.info(store, config)


@app.command
def failures(
    store: Path,
    *,
    status: list[str] | None = None,
    limit: int = 20,
    format: Literal["text", "csv"] = "text",
) -> None:
    """List every fit whose status is not ok, with the command that replays it.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    status
        Only this status; may be given several times.
    limit
        How many to list at most.
    format
        csv lists all.
    """
    from simlab.commands import stores

    stores.failures(store, status or [], limit, format)


@app.command
def replay(
    store: Path,
    *,
    condition: str = "0",
    replicate: int,
    config: Path | None = None,
    save: Path | None = None,
) -> None:
    """Draw one replicate of a study again, refit it, and compare with what is stored.

    The exit status is 1 if any number differs.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    condition
        Its number from 0, or levels such as population.clusters=20.
    replicate
        Its number in the condition, from 0.
    config
        The study's file, where it has been moved away from its data.
    save
        Write the rows to this CSV file.
    """
    from simlab.commands import replay as commands

    raise SystemExit(commands.replay(store, condition, replicate, config, save))


@app.command
def export(store: Path, file: Path) -> None:
    """Write a store as NetCDF (.nc), or in long form as .csv or .parquet.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    file
        Where to; its ending names the format.
    """
    from simlab.commands import stores

    stores.export(store, file)


@app.command
def diff(first: Path, second: Path) -> None:
    """Tell how two stores differ: settings, conditions, and every number, bit for bit.

    The exit status is 0 if all numbers that both have are the same, and 1 if not.

    Parameters
    ----------
    first, second
        NAME.zarr folders.
    """
    from simlab.commands import stores

    raise SystemExit(stores.diff(first, second))

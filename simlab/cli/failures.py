"""`simlab failures`: fits of a saved study that went wrong."""

from __future__ import annotations

from simlab.cli.choices import Store
from simlab.text import Format


def failures(
    store: Store,
    *,
    status: list[str] | None = None,
    limit: int = 20,
    format: Format = "text",
) -> None:
    """List every fit whose status is not ok, with the command that replays it.

    Parameters
    ----------
    status
        Only this status; may be given several times.
    limit
        How many to list at most.
    format
        csv lists all; html is a page.
    """
    from simlab.cli.console import dataset, show
    from simlab.errors import UsageError
    from simlab.tables import failures_table

    if limit < 0:
        raise UsageError(f"--limit: must be at least 0, not {limit}")
    ds = dataset(store, ["status", "dropped"])
    show(failures_table(ds, status, limit), format, f"Failures of {ds.attrs['name']}")

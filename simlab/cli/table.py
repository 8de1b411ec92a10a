"""`simlab table`: the tables of a saved study."""

from __future__ import annotations

from simlab.cli.choices import Several, Store
from simlab.text import Format, Printable


def table(
    store: Store,
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
    from simlab import tables
    from simlab.cli.console import opened, show

    ds = opened(store)
    if tests:
        result: Printable = tables.size_table(ds)
    elif by:
        result = tables.conditions_table(ds, sector, by)
    else:
        result = tables.study_tables(ds, sector)
    show(result, format, f"Study {ds.attrs['name']}")

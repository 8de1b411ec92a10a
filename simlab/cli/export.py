"""`simlab export`: a saved study in another format."""

from __future__ import annotations

import sys
from pathlib import Path

from simlab.cli.choices import Store


def export(store: Store, file: Path) -> None:
    """Write a store as NetCDF (.nc), or in long form as .csv or .parquet.

    Parameters
    ----------
    file
        Where to; its ending names the format.
    """
    from simlab import archive
    from simlab.cli.console import dataset
    from simlab.cli.outcome import say_unfinished

    archive.check_export(file)
    ds = dataset(store)
    archive.export(ds, file)
    say_unfinished(ds)
    print(f"{file}: written", file=sys.stderr)

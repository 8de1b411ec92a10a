"""`simlab contrast`: differences between conditions of a saved study."""

from __future__ import annotations

from simlab.cli.choices import Store
from simlab.text import Format


def contrast(
    store: Store,
    *,
    base: int | None = None,
    factor: str | None = None,
    target: str = "beta_within",
    format: Format = "text",
) -> None:
    """Print how measures differ between conditions, and what common random numbers gained.

    Parameters
    ----------
    base
        Number of the condition with which all others are compared, from 0; 0 by default.
    factor
        Compare along this factor of the grid instead, each level with the one before it.
    target
        beta_within, beta_between or limit: what bias, MSE and coverage are about.
    format
        csv is tidy, with every digit.
    """
    from simlab import tables
    from simlab.cli.console import opened, show

    ds = opened(store)
    result = tables.contrast_table(ds, base, factor, target)
    show(result, format, f"Contrasts of {ds.attrs['name']}")

"""`simlab measure`: performance measures of a saved study."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from simlab.cli.choices import Several, Store
from simlab.text import Format
from simlab.words import AIMS, ORACLE

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def measure(
    store: Store,
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
    from simlab import measures, tables
    from simlab.cli.console import opened, show
    from simlab.measures.doubts import MARK, SENTENCE, UNSURE
    from simlab.tables.notes import unfinished

    ds = opened(store)
    oracle = ORACLE if ORACLE in ds.estimator.values else None
    result = measures.measure(ds, oracle, measure or None, mcse)
    against = target or (("beta_within",) if wide else None)
    frame = _chosen(result, {"estimator": estimator, "term": term, "target": against}, by or ())
    unknown: dict[str, list[str]] = {}
    for name, variable in result.items():
        if why := variable.attrs.get("comment"):
            unknown.setdefault(why, []).append(str(name))
    for why, those in unknown.items():
        print(f"simlab: {', '.join(those)}: {why}", file=sys.stderr)
    if (doubtful := frame["mark"] != "").any():
        words = f"simlab: {doubtful.sum():,} numbers marked {MARK}: {SENTENCE[UNSURE]}"
        print(words, file=sys.stderr)
    table = tables.wide_measures(frame) if wide else tables.MeasuresTable(frame)
    format = format or ("text" if wide else "csv")
    show(table, format, f"Measures of {ds.attrs['name']}")
    if format != "csv" and (words := unfinished(ds)):
        print(f"\n{words}.")


def _check_defined(result: xr.Dataset, wanted: Mapping[str, Sequence[str] | None]) -> None:
    """Refuse measures of which none has a value where it is wanted, though there are replicates."""
    from simlab.errors import ArgumentError

    names, undefined = [str(v) for v in result if f"{v}_mcse" in result], []
    for name in names:
        value, n = result[name], result[f"{name}_n"]
        dims = {dim: [*given] for dim, given in wanted.items() if given and dim in value.dims}
        if not value.sel(dims).notnull().any() and (n.sel(dims) > 0).any():
            undefined.append(f"{name} is undefined: {value.attrs['definition']}")
    if undefined and len(undefined) == len(names):
        raise ArgumentError(f"{'; '.join(undefined)} divides by 0 or overflows in every condition")


def _chosen(
    result: xr.Dataset, wanted: Mapping[str, Sequence[str] | None], by: Sequence[str]
) -> pd.DataFrame:
    """Rows of the labels that are wanted, all where none is, sorted by factors."""
    from simlab import measures, tables
    from simlab.archive import factor_of
    from simlab.errors import check_known

    frame = measures.tidy(result)
    for name, given in wanted.items():
        offered = result[name].values if name in result.coords else AIMS
        for one in given or ():
            check_known(name, one, offered)
    _check_defined(result, wanted)
    first = [factor_of(result, one) for one in by]
    frame = tables.sorted_by(
        tables.chosen_rows(frame, {k: v or () for k, v in wanted.items()}), first
    )
    return frame[[*first, *(name for name in frame.columns if name not in first)]]

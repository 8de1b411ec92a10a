"""What the commands on studies do, and the comparison of all methods on one data set."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from simlab import measures, runner, tables
from simlab.archive import factor_of
from simlab.commands import reading
from simlab.commands.console import Bar, dataset, streams_kept, warnings_on_stderr
from simlab.commands.outcome import report, say_unfinished
from simlab.commands.written import save_page
from simlab.comparison import compare as compare_methods
from simlab.comparison import fit_statistics
from simlab.config import Study
from simlab.estimators import REGISTRY
from simlab.measures.doubts import MARK, SENTENCE, UNSURE
from simlab.measures.outcomes import one_of
from simlab.performance.outline import AIMS
from simlab.tables.extent import unfinished
from simlab.tables.formats import sorted_by
from simlab.text import text_table, wrapped
from simlab.text.numbers import degrees, number, p_value
from simlab.text.plain import exact

Format = Literal["text", "markdown", "latex", "csv"]
MeasureFormat = Literal["text", "markdown", "latex", "csv"]
ContrastFormat = Literal["text", "markdown", "csv"]


class Where(NamedTuple):
    """Where a study runs, what is None being as the study says; and how long a call may take."""

    jobs: int | None
    backend: str | None
    scheduler: str | None
    patience: float | None = None


class Existing(NamedTuple):
    """What may be done with a store that is there; see `runner.run`."""

    overwrite: bool
    extend: bool


def run(study: Study, where: Where, out: Path, existing: Existing, quiet: bool) -> int:
    """Run a study into OUT/NAME.zarr, write its table to OUT/NAME.md and print it.

    What the user's code prints goes to stderr.

    Returns
    -------
    int
        The exit status; see `outcome`.
    """
    store, page = out / f"{study.name}.zarr", out / f"{study.name}.md"
    began = time.monotonic()
    with streams_kept(), redirect_stdout(sys.stderr), warnings_on_stderr(), Bar(quiet) as bar:
        ds = runner.run(study, out=store, progress=bar, **where._asdict(), **existing._asdict())
    seconds = time.monotonic() - began
    with runner.own_code_named(json.loads(ds.attrs["code"])):
        return _told(ds, study.name, store, page, seconds)


def _told(ds: xr.Dataset, name: str, store: Path, page: Path, seconds: float) -> int:
    """Print the tables of a study that was run, and keep them; return the exit status."""
    if not any(str(term).partition("[")[0] == "slope" for term in ds["term"].values):
        print(f"{store}: no method estimates a slope, so there is no table: simlab measure {store}")
        return report(ds)
    found = tables.study_tables(ds)
    print(found.render())
    paged = save_page(page, found.render("markdown"), name)
    files = f"{store}, {page}" if paged else f"{store}"
    print(f"\n{files}: written in {seconds:.1f} s", file=sys.stderr)
    return report(ds)


def check(study: Study) -> None:
    """Say what a study would do."""
    with warnings_on_stderr():
        work = runner.prepare(study, room=runner.Room(study.parallel))
    blocks = -(-study.replicates // study.block) * len(work.jobs)
    most = f"at most {study.replicates:,}" if study.until else f"{study.replicates:,}"
    told = [f"{len(work.jobs)} conditions × {most} replicates in {blocks:,} blocks"]
    if until := study.until:
        told.append(f"until MCSE({until.measure}) ≤ {until.mcse:g}, at least {study.least:,}")
    applied = [method.name for method in work.methods]
    told.append(f"estimators: {', '.join(applied)}")
    for name in REGISTRY if study.estimators is None else ():
        if name not in applied:
            told.append(f"without {name}: the generator does not tell G and sigma2")
    told.append(f"terms: {', '.join(work.terms)}")
    others = dict.fromkeys(term for method in work.methods for term in method.others)
    for term in others:
        if not all(term in true for true in work.truth):
            told.append(f"without bias and coverage of {term}: what is true is not told")
    for hypothesis in work.hypotheses:
        told.append(f"test {hypothesis.name}: {', '.join(hypothesis.kinds)}")
    for job in work.jobs:
        levels = ", ".join(f"{k} = {v}" for k, v in job.condition.levels.items() if str(v) != "nan")
        how = "rows" if job.rows else "moments"
        told.append(f"{job.condition.index:>3}  {levels or 'base'}  (drawn as {how})")
    print(wrapped(f"{study.file or study.name}: valid"))
    for line in told:
        print(wrapped(line, "      ", "  "))


def table(
    store: Path, format: Format, sector: str | None, tests: bool, by: Sequence[str] = ()
) -> None:
    """Print the tables of a store, or one alone: sizes of tests, or a line for each condition."""
    ds = _opened(store)
    if tests:
        print(tables.render_sizes(tables.size_table(ds), format))
    elif by:
        print(tables.render_conditions(tables.conditions_table(ds, sector, by), format))
    else:
        print(tables.study_tables(ds, sector).render(format))


def _opened(store: Path) -> xr.Dataset:
    """The results of a store; that it is unfinished is said on stderr."""
    ds = dataset(store)
    say_unfinished(ds)
    return ds


class Wanted(NamedTuple):
    """Which measures, of what, sorted by which factors; and whether beside one another."""

    measures: Sequence[str] | None = None
    estimators: Sequence[str] | None = None
    terms: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    by: Sequence[str] | None = None
    wide: bool = False


def measure(
    store: Path, wanted: Wanted, mcse: Literal["jackknife", "normal"], format: MeasureFormat | None
) -> None:
    """Print the measures of a store; say on stderr what is not known, and where."""
    ds = _opened(store)
    oracle = "gls_oracle" if "gls_oracle" in ds.estimator.values else None
    found = measures.measure(ds, oracle, wanted.measures or None, mcse)
    frame = _chosen(measures.tidy(found), found, wanted)
    unknown: dict[str, list[str]] = {}
    for name, variable in found.items():
        if why := variable.attrs.get("comment"):
            unknown.setdefault(why, []).append(str(name))
    for why, those in unknown.items():
        print(f"simlab: {', '.join(those)}: {why}", file=sys.stderr)
    if (doubtful := frame["mark"] != "").any():
        told = f"simlab: {doubtful.sum():,} numbers marked {MARK}: {SENTENCE[UNSURE]}"
        print(told, file=sys.stderr)
    if wanted.wide:
        frame = tables.wide_measures(frame)
    format = format or ("text" if wanted.wide else "csv")
    out = exact(sys.stdout) if format == "csv" else sys.stdout
    print(tables.measures_table(frame, format), file=out)
    if format != "csv" and (told := unfinished(ds)):
        print(f"\n{told}.")


def _chosen(frame: pd.DataFrame, found: xr.Dataset, wanted: Wanted) -> pd.DataFrame:
    """The rows that are wanted, sorted; wide ones are against β_W if no target is named."""
    targets = wanted.targets or (["beta_within"] if wanted.wide else None)
    labels = {"estimator": wanted.estimators, "term": wanted.terms, "target": targets}
    for name, given in labels.items():
        offered = found[name].values if name in found.coords else AIMS
        for one in given or ():
            one_of(name, one, offered)
    frame = tables.chosen_rows(frame, {k: v or () for k, v in labels.items()})
    first = [factor_of(found, one) for one in wanted.by or ()]
    frame = sorted_by(frame, first)
    return frame[[*first, *(name for name in frame.columns if name not in first)]]


def contrast(
    store: Path, base: int | None, factor: str | None, target: str, format: ContrastFormat
) -> None:
    """Print the contrasts of a store."""
    frame = tables.contrast_table(_opened(store), base, factor, target)
    print(tables.render_contrasts(frame, format))


def compare(
    source: str, y: str, x: str, cluster: str, group: str | None, level: float, format: str
) -> None:
    """Print every method on one data set."""
    df = reading.by_roles(source, cluster, group)
    result = compare_methods(df, y, x, cluster, group, level=level, source=source)
    if format == "csv":
        result.to_csv(exact(sys.stdout), index=False)
        for line in _missing(result):
            print(f"simlab: {line}", file=sys.stderr)
        return
    for column, count in result.attrs["missing"].items():
        print(wrapped(f"{count} missing values of {column}: their rows are left out"))
    for part in _parts(result):
        print(f"{_estimates(part, level)}\n")
    for line in _missing(result):
        print(wrapped(line, "  ", ""))
    if result["std_error"].isna().any():
        print()
    print(_statistics(fit_statistics(df, y, x, cluster, group)))


def _parts(result: pd.DataFrame) -> list[pd.DataFrame]:
    """Split by what stands in the brackets of the terms, in their order."""
    place = result["term"].str.extract(r"\[(.*)\]$", expand=False).fillna("")
    return [result[place == name].assign(place=name) for name in dict.fromkeys(place)]


WHY = {
    "not_estimable": "not estimable; there are too few clusters or rows, x varies too little, "
    "or y is a function of x but for its rounding",
    "not_converged": "not converged; the data may not tell the variances of this model",
    "ok": "no standard error, for no cluster with a line has a third row",
}
"""Why a method has no number, by its status."""


def _missing(result: pd.DataFrame) -> list[str]:
    """Why numbers are missing, a line for each reason, with the methods that it is true of."""
    gaps = result[result["std_error"].isna()]
    methods = gaps.drop_duplicates(["method", "status"]).groupby("status")["method"]
    return [
        f"{', '.join(REGISTRY[name].label for name in methods.get_group(status))}: {why}"
        for status, why in WHY.items()
        if status in methods.groups
    ]


def _estimates(part: pd.DataFrame, level: float) -> str:
    place = part["place"].iloc[0]
    title = f"{place}{', with' if place else 'With'} {100 * level:g} % intervals"
    rows, before = [], ""
    for row in part.assign(t=part["estimate"] / part["std_error"]).to_dict("records"):
        label = REGISTRY[row["method"]].label if row["method"] != before else ""
        if label and row["status"] != "ok":
            label += f" ({row['status'].replace('_', ' ')})"
        if label and row["dropped"]:
            label += f" ({row['dropped']} clusters dropped)"
        before, unit = row["method"], min(row["std_error"], 0.5)  # six decimals at least
        rows.append([
            label, row["term"].split("[")[0],
            number(row["estimate"], unit, 6), number(row["std_error"], unit, 6), _df(row["df"]),
            number(row["t"], 1, 7), p_value(row["p_value"]),
            number(row["lower"], unit), number(row["upper"], unit),
        ])  # fmt: skip
    header = ["method", "term", "estimate", "SE", "df", "t", "p", "lower", "upper"]
    return f"{wrapped(title)}\n\n{text_table(header, rows, names=2)}"


def _statistics(statistics: pd.DataFrame) -> str:
    rows, before = [], ""
    for row in statistics.to_dict("records"):
        label = REGISTRY[row["method"]].label if row["method"] != before else ""
        before = row["method"]
        degrees = ", ".join(_df(row[name]) for name in ("num_df", "den_df") if row[name] > 0)
        p = p_value(row["p_value"]) if row["p_value"] >= 0 else ""
        rows.append([label, row["statistic"], number(row["value"], 1, 6), degrees, p])
    header = ["method", "statistic", "value", "df", "p"]
    return f"The fit as a whole\n\n{text_table(header, rows, names=2)}"


def _df(df: float) -> str:
    if not np.isfinite(df):
        return "–"
    return degrees(df)

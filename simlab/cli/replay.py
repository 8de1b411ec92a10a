"""`simlab replay`: one replicate, drawn and fitted again, next to what is stored."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from simlab.cli.choices import Store
from simlab.methods import label
from simlab.text import Paragraph, Part, Table
from simlab.text.numbers import degrees, number
from simlab.words import Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from simlab.replaying import Replay


CLUSTERS = 8  # shown of a replicate; the file has all
FORMULAS = {"hlm": "y ~ {s}x", "hlm_contextual": "y ~ {s}x + {s}x_mean"}


def replay(
    store: Store,
    *,
    condition: str = "0",
    replicate: int,
    config: Path | None = None,
    save: Path | None = None,
) -> int:
    """Draw one replicate of a study again, refit it, and compare with what is stored.

    The exit status is 1 if any number differs.

    Parameters
    ----------
    condition
        Its number from 0, or levels such as population.clusters=20.
    replicate
        Its number in the condition, from 0.
    config
        The study's file, where it has been moved away from its data.
    save
        Write the rows to this CSV file.
    """
    from simlab.cli.console import say, warnings_on_stderr
    from simlab.cli.written import check_inputs, write
    from simlab.replaying import replay as replay_one

    check_inputs(save, config)
    with warnings_on_stderr():
        again = replay_one(store, condition, replicate, config)
    job = again.work.jobs[again.condition]
    levels = ", ".join(f"{k} = {v}" for k, v in job.condition.levels.items()) or "base"
    block, position = divmod(replicate, again.work.study.block)
    drawn: list[Part] = [
        Paragraph(f"Replicate {replicate:,} of condition {again.condition} ({levels})"),
        Paragraph(
            f"drawn as {again.drawn_as}: seed {again.work.study.seed}, stream {str(job.key)[:8]}, "
            f"block {block}, number {position} in it"
        ),
    ]
    status, verdict = _verdict(again)
    say(drawn, *_data(again.rows), *_refit(again), *_mixed(again), *verdict)
    if save is not None:
        write(save, again.rows.to_csv(index=False))
    return status


def _data(rows: pd.DataFrame) -> list[Part]:
    """Clusters, the first of them in numbers."""
    by = rows.groupby("cluster", sort=False)
    table = []
    for name, part in list(by)[:CLUSTERS]:
        ss = float(((part.x - part.x.mean()) ** 2).sum())
        slope = float(((part.x - part.x.mean()) * part.y).sum() / ss) if ss > 0 else math.nan
        numbers = (part.x.mean(), part.y.mean(), slope)
        table.append([str(name), str(len(part)), *(number(v) for v in numbers)])
    left = by.ngroups - len(table)
    head = f"{len(rows):,} rows in {by.ngroups:,} clusters" + (
        f", the first {len(table)} of which are" if left else ""
    )
    header = ["cluster", "n", "mean x", "mean y", "own slope"]
    return [Paragraph(head, indent=""), Table(header, table)]


def _refit(again: Replay) -> list[Part | list[Part]]:
    """Every estimate as it comes out now, next to what is stored."""
    work, one, rows = again.work, again.again, []
    for e, method in enumerate(work.methods):
        name = label(method.name)
        status = Status(int(one.status[0, e])).word.replace("_", " ")
        status += f", {one.dropped[0, e]} clusters dropped" if one.dropped[0, e] > 0 else ""
        for t in work.columns[method.name].tolist():
            new, se = one.estimate[0, e, t], one.std_error[0, e, t]
            stored = [] if again.stored is None else _stored(again.stored, e, t, float(new))
            rows.append([
                name, work.terms[t], f"{new:.10g}", f"{se:.6g}", degrees(float(one.df[0, e, t])),
                *stored, status,
            ])  # fmt: skip
            name = status = ""
    header = ["method", "term", "estimate", "SE", "df", "status"]
    header[5:5] = [] if again.stored is None else ["stored", "difference"]
    messages = [f"{name}: {text}" for _, name, text in one.messages]
    messages += [f"{name} warned: {text}" for _, name, text in one.warnings]
    paragraphs: list[Part] = [Paragraph(line) for line in messages]
    return [Table(header, rows, names=2), *([paragraphs] if paragraphs else [])]


def _stored(stored: xr.Dataset, e: int, t: int, new: float) -> list[str]:
    """The estimate that is stored, and what it differs by."""
    old = float(stored["estimate"].values[e, t])
    same = old == new or (math.isnan(old) and math.isnan(new))
    return [f"{old:.10g}", "same" if same else f"{new - old:.2g}"]


def _mixed(again: Replay) -> Iterator[list[Part]]:
    """Mixed models once more from the rows, by the other route: formula, data frame, engine."""
    from simlab.fitting.errors import FitError, FitWarning
    from simlab.fitting.model import fit

    rows = again.rows.assign(x_mean=again.rows.groupby("cluster")["x"].transform("mean"))
    several = rows["sector"].nunique() > 1
    for method in again.work.methods:
        if method.name not in FORMULAS:
            continue
        formula = FORMULAS[method.name].format(s="sector * " if several else "")
        formula += " + (1 + x | cluster)"
        words = f"{label(method.name)}, from the rows: {formula}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FitWarning)
                fitted = fit(formula, rows)
        except FitError as error:
            yield [Paragraph(words), Paragraph(str(error), "  ")]
            continue
        evaluations = abs(fitted.optimum.evaluations)
        G = fitted.G.to_numpy()
        lines = [
            f"deviance {fitted.optimum.deviance:.6f}, {evaluations} evaluations, "
            f"{'converged' if fitted.converged else 'not converged'}",
            f"G = [[{G[0, 0]:.6g}, {G[0, 1]:.6g}], [{G[1, 0]:.6g}, {G[1, 1]:.6g}]], "
            f"sigma2 = {fitted.sigma2:.6g}",
            *fitted.notes,
        ]
        yield [Paragraph(words), *(Paragraph(line, "  ", "    ") for line in lines)]


def _verdict(again: Replay) -> tuple[int, list[Part]]:
    """The exit status, and a message on the stored replicate."""
    if again.stored is None:
        words = "The store keeps measures and no replicates: there is nothing to compare with."
        return 0, [Paragraph(words, indent="")]
    compared = sum(again.stored[name].size for name in again.stored.data_vars)
    if again.differs.empty:
        words = f"The stored replicate is this one, bit for bit: {compared:,} numbers compared."
        return 0, [Paragraph(words, indent="")]
    words = f"{len(again.differs):,} of {compared:,} numbers differ from what is stored:"
    rows = [
        [row["variable"], row["place"], f"{row['stored']:.17g}", f"{row['again']:.17g}"]
        for row in again.differs.head(20).to_dict("records")
    ]
    differing = Table(["variable", "where", "stored", "again"], rows, names=2)
    why = (
        "The code, its libraries, the processor or the data have changed since, or the store is "
        "damaged: `simlab info` tells what it was made with."
    )
    return 1, [Paragraph(words, indent=""), differing, Paragraph(why, indent="")]

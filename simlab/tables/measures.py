"""Performance measures: in long form, and as the table that a paper prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from simlab.errors import ArgumentError
from simlab.measures import COMPARISONS, MEASURES
from simlab.text import Part, PrintableFrame, Table
from simlab.text.numbers import factor_label, level, percent, signed

NUMBERS = ("value", "mcse", "n", "low", "high", "mark")
"""Columns of the tidy frame that are no label."""

LABELS = ("estimator", "term", "target", "measure")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeasuresTable(PrintableFrame):
    """Measures of a study: in long form, or one next to the other (`wide_measures`).

    `frame` is of `simlab.measures.tidy`, or some of its rows; its columns are shown in their order.
    Of measures one next to the other, `labels` are the columns that say what a row is, and
    `headers` the column of each measure, and its name.
    """

    frame: pd.DataFrame
    labels: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> list[Part | list[Part]]:
        """One table: of the long form four digits, else what the Monte Carlo errors allow."""
        if self.headers:
            return [self._paper()]
        header = [str(name) for name in self.frame.columns]
        rows = [[_cell(v) for v in row] for row in self.frame.itertuples(index=False)]
        return [Table(header, rows, names=header.index("value"))]

    def _paper(self) -> Table:
        """Labels, then measures with their MCSE in parentheses; shares in %."""
        header = [*map(factor_label, self.labels)]
        header += [
            f"{name.replace('_', ' ')}{', %' if _is_share(m) else ''}"
            for name, m in self.headers.items()
        ]
        rows = [
            [*(level(row[name]) for name in self.labels),
             *(_with_error(row, name, _is_share(m)) for name, m in self.headers.items())]
            for row in self.frame.to_dict("records")
        ]  # fmt: skip
        return Table(header, rows, names=len(self.labels))


def chosen_rows(frame: pd.DataFrame, wanted: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Rows of `tidy` with some labels; all of them where nothing is wanted of a label.

    A target does not concern measures without. ArgumentError when nothing is left.
    """
    keep = pd.Series(True, index=frame.index)
    for name, labels in wanted.items():
        allowed = [*labels, ""] if name == "target" else labels
        keep &= frame[name].isin(allowed) if labels else True
    chosen = "; ".join(f"{name} {', '.join(labels)}" for name, labels in wanted.items() if labels)
    if chosen and not keep.any():
        raise ArgumentError(f"nothing is measured of {chosen}: try simlab measure STORE without")
    return frame[keep]


def wide_measures(frame: pd.DataFrame) -> MeasuresTable:
    """Put measures of `tidy` one next to the other: a row for each condition, estimator and term.

    Columns are the factors, then estimator, term and target if there are several; then for each
    measure its value, NAME_mcse, NAME_low, NAME_high, NAME_n and NAME_mark.
    """
    labels = [str(name) for name in frame.columns if name not in NUMBERS]
    factors = [name for name in labels if name not in LABELS]
    targets = [t for t in frame["target"].unique() if t]
    several = {"estimator": frame["estimator"], "term": frame["term"]}
    shown = [
        name
        for name, column in several.items()
        if (column != "").any() and column[column != ""].nunique() > 1
    ]
    names = frame["measure"].where(
        (frame["target"] == "") | (len(targets) < 2),
        frame["measure"] + " (" + frame["target"] + ")",
    )
    measures = list(dict.fromkeys(names))
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for row, name in zip(frame.to_dict("records"), names, strict=True):
        at = tuple(str(row[key]) for key in (*factors, *shown))
        own = rows.setdefault(at, {key: row[key] for key in (*factors, *shown)})
        own[name] = row["value"]
        own |= {f"{name}_{part}": row[part] for part in NUMBERS[1:]}
    headers = {name: name.partition(" (")[0] for name in measures}
    return MeasuresTable(pd.DataFrame(list(rows.values())), (*factors, *shown), headers)


def _is_share(measure: str) -> bool:
    known = {**MEASURES, **COMPARISONS}
    return measure in known and known[measure].share


def _with_error(row: dict[Any, Any], name: str, share: bool) -> str:
    """Cell of a measure: the number, its MCSE in brackets, a mark if it cannot be trusted."""
    value = row.get(name, math.nan)
    if math.isnan(value):
        return ""
    mcse, ends = row[f"{name}_mcse"], (row[f"{name}_low"], row[f"{name}_high"])
    if share:
        number, _, error = percent(value, mcse, ends).partition(" ± ")
    else:
        digits = _digits(mcse)
        number, error = signed(value, digits), signed(mcse, digits)
    return number + (f" ({error})" if error else "") + (f" {row[f'{name}_mark']}".rstrip())


def _digits(mcse: float) -> int:
    """Decimals that show two digits of a standard error, up to 6."""
    return 3 if not 0 < mcse < math.inf else min(6, max(0, 1 - math.floor(math.log10(mcse))))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return str(value)

"""The table of the page: bias, true standard error, error of the reported one, coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simlab.app.summary import Summary
from simlab.measures import MEASURES, share
from simlab.measures.doubts import MARK, SENTENCE, SOUND, doubtful
from simlab.methods import METHODS, look, short
from simlab.performance.measure import Measured
from simlab.text.html import Cell, Row, element, html_table, html_text
from simlab.text.numbers import percent, plus_minus, signed

Z = 3.0
"""Monte Carlo standard errors by which a number must be off before it is marked."""

NOMINAL = 0.95


def note(text: str) -> str:
    """Return a sentence in HTML, where there is no table."""
    return element("p", html_text(text), {"class": "note", "role": "status"})


def table(
    summary: Summary, count: int, focus: str, target: str, doubts: Sequence[int] = (), goal: int = 0
) -> str:
    """Return the table in HTML, of all methods in the order of `methods.METHODS`.

    A standard error or a coverage that is off by more than its Monte Carlo error, and by more than
    5 %, is marked with an arrow, and so not by colour alone. `focus` is the method whose
    row stands out, `target` what bias and coverage are about, "β_W" or "β_B". `doubts` says whether
    each estimate has a variance (`measures.doubts`); by default all have. While there are fewer
    replicates than the `goal`, the caption says "working".
    """
    rows = [
        _row(summary, e, name, name == focus, doubts[e] if doubts else SOUND)
        for e, name in enumerate(METHODS)
    ]
    samples = "1 sample" if count == 1 else f"{count:,} samples, ± Monte Carlo SE"
    caption = samples if count else "no samples yet"
    if goal > count:
        caption = f"working: {count:,} of {goal:,} samples"
    header = (
        "", f"bias\nfor {target}", "true\nSE", "SE\nerror, %", f"covers\n{target}, %",
    )  # fmt: skip
    attributes = {"class": "methods", "data-count": str(count)}
    return html_table(header, rows, caption, attributes=attributes)


def _row(summary: Summary, e: int, name: str, focus: bool, doubt: int) -> Row:
    """Row of one method."""
    color, marker, _ = look(name)
    bias, true_se, error = (
        doubt if doubtful(MEASURES[measure], doubt) else SOUND
        for measure in ("bias", "empirical_se", "relative_error")
    )
    reported = signed(float(summary.reported_se.value[e]), 3)
    mark = "" if error else _dishonest(summary.se_error, e)
    cells = [
        Cell(short(name), marker.sign, color),
        _number(summary.bias, e, 2, bias, plus=True),
        _number(summary.true_se, e, 2, true_se),
        _marked(_number(summary.se_error, e, 0, error, plus=True), mark)._replace(
            about=f"reported SE {reported}" if reported else ""
        ),
        _marked(_percent(summary.coverage, e), _off(summary.coverage, e)),
    ]
    return Row(cells, {"class": "focus" if focus else "", "data-method": name})


def _marked(cell: Cell, mark: str) -> Cell:
    meaning = {"▼": "too small", "▲": "too large", "": ""}[mark]
    return cell._replace(mark=mark, meaning=meaning)


def _number(measured: Measured, e: int, least: int, doubt: int, plus: bool = False) -> Cell:
    """Cell of a number with its MCSE; a mark where it cannot be measured."""
    value, mcse = float(measured.value[e]), float(measured.mcse[e])
    if not math.isfinite(value):
        return Cell("–")
    text, _, noise = plus_minus(value, mcse, least, plus).partition(" ")
    if doubt:
        return Cell(f"{text} {MARK}", hint=SENTENCE[doubt])
    return Cell(text, small=noise if plus else "", hint=noise)  # narrow windows have no room


def _percent(measured: Measured, e: int) -> Cell:
    """Cell of a share in %, with its MCSE."""
    value, mcse = float(measured.value[e]), float(measured.mcse[e])
    low, high = (float(end[e]) for end in share.interval(measured))
    if not math.isfinite(value):
        return Cell("–")
    shown, _, noise = percent(value, mcse, (low, high)).partition(" ")
    return Cell(shown, small=noise, hint=noise)


def _dishonest(error: Measured, e: int) -> str:
    return _mark(float(error.value[e]), max(Z * float(error.mcse[e]), 5.0))


def _off(coverage: Measured, e: int) -> str:
    """Mark of a coverage that is off by more than its noise and 1 %."""
    # The share that is expected tells the noise: an observed 100 % would claim to have none.
    n = float(coverage.n[e])
    noise = math.sqrt(NOMINAL * (1 - NOMINAL) / n) if n else math.nan
    return _mark(float(coverage.value[e]) - NOMINAL, max(Z * noise, 0.01))


def _mark(difference: float, margin: float) -> str:
    """Arrow of a difference beyond its margin; "" within."""
    if not (math.isfinite(difference) and math.isfinite(margin)) or abs(difference) <= margin:
        return ""
    return "▼" if difference < 0 else "▲"

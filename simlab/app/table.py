"""The table of the page: bias, true and reported standard error, coverage of every method."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from simlab.app.look import LOOKS
from simlab.app.summary import Summary
from simlab.measures import MEASURES, share
from simlab.measures.doubts import MARK, SENTENCE, SOUND, doubtful
from simlab.performance.measure import Measured
from simlab.words import percent, se_error

__all__ = ["table"]

Z = 3.0
"""Monte Carlo standard errors by which a number must be off before it is marked."""

NOMINAL = 0.95


def table(summary: Summary, count: int, focus: str, target: str, doubts: Sequence[int] = ()) -> str:
    """Return the table in HTML.

    A standard error or a coverage that is off by more than its Monte Carlo error, and by more than
    5 %, is marked with an arrow, and so is not told by colour alone.

    Parameters
    ----------
    summary : Summary
        Of all methods, in the order of `look.LOOKS`.
    count : int
        Replicates.
    focus : str
        Method whose row stands out.
    target : str
        What bias and coverage are about, "β_W" or "β_B".
    doubts : sequence of int
        Whether each method's estimate has a variance, of `measures.doubts`; by default all have.
    """
    head = "".join(
        f'<th scope="col">{text}</th>'
        for text in ("", f"bias for {target}", "true<br>SE", "reported SE", f"covers {target}")
    )
    rows = "".join(
        _row(summary, e, name, name == focus, doubts[e] if doubts else SOUND)
        for e, name in enumerate(LOOKS)
    )
    samples = "1 sample" if count == 1 else f"{count:,} samples, ± Monte Carlo SE"
    caption = samples if count else "no samples yet"
    return (
        f'<table class="methods" data-count="{count}"><caption>{caption}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(summary: Summary, e: int, name: str, focus: bool, doubt: int) -> str:
    look = LOOKS[name]
    bias, true_se, reported_se = (
        doubt if doubtful(MEASURES[measure], doubt) else SOUND
        for measure in ("bias", "empirical_se", "model_se")
    )
    cells = [
        _cell(_number(summary.bias, e, "+.2f", bias, noise=True), ""),
        _cell(_number(summary.true_se, e, ".2f", true_se), ""),
        _cell(
            _number(summary.reported_se, e, ".2f", reported_se) + _error(summary, e, true_se),
            "" if true_se else _dishonest(summary, e),
        ),
        _cell(_percent(summary.coverage, e), _off(summary.coverage, e)),
    ]
    label = f'<span style="color:{look.color}" aria-hidden="true">{look.sign}</span> {look.label}'
    kind = ' class="focus"' if focus else ""
    return f'<tr{kind} data-method="{name}"><th scope="row">{label}</th>{"".join(cells)}</tr>'


def _cell(text: str, mark: str) -> str:
    if not mark:
        return f"<td>{text}</td>"
    word = {"▼": "too small", "▲": "too large"}[mark]
    return f'<td class="off" title="{word}">{text} <span aria-label="{word}">{mark}</span></td>'


def _number(measured: Measured, e: int, form: str, doubt: int, noise: bool = False) -> str:
    value, mcse = float(measured.value[e]), float(measured.mcse[e])
    if not math.isfinite(value):
        return "–"
    text = f"{value:{form}}".replace("-", "−")
    if doubt:
        return f'<span title="{SENTENCE[doubt]}">{text} {MARK}</span>'
    if not math.isfinite(mcse):
        return text
    if noise:
        return f"{text} <small>± {mcse:.2f}</small>"
    return f'<span title="± {mcse:.3f}">{text}</span>'


def _percent(measured: Measured, e: int) -> str:
    value, mcse = float(measured.value[e]), float(measured.mcse[e])
    low, high = (float(end[e]) for end in share.interval(measured))
    if not math.isfinite(value):
        return "–"
    noise = percent(value, mcse, (low, high)).partition(" ")[2] if math.isfinite(mcse) else ""
    return f"{100 * value:.0f} %" + (f" <small>{html.escape(noise)}</small>" if noise else "")


def _error(summary: Summary, e: int, doubt: int) -> str:
    """By how much the reported SE is off, where the true one can be told."""
    true, reported = float(summary.true_se.value[e]), float(summary.reported_se.value[e])
    if doubt or not (true > 0 and math.isfinite(reported)):
        return ""
    return f" <small>{se_error(100 * (reported / true - 1), digits=0)}</small>"


def _dishonest(summary: Summary, e: int) -> str:
    true, reported = summary.true_se, summary.reported_se
    difference = float(reported.value[e] - true.value[e])
    noise = math.hypot(float(reported.mcse[e]), float(true.mcse[e]))
    return _mark(difference, max(Z * noise, 0.05 * float(true.value[e])))


def _off(coverage: Measured, e: int) -> str:
    # The share that is expected tells the noise: an observed 100 % would claim to have none.
    n = float(coverage.n[e])
    noise = math.sqrt(NOMINAL * (1 - NOMINAL) / n) if n else math.nan
    return _mark(float(coverage.value[e]) - NOMINAL, max(Z * noise, 0.01))


def _mark(difference: float, margin: float) -> str:
    if not (math.isfinite(difference) and math.isfinite(margin)) or abs(difference) <= margin:
        return ""
    return "▼" if difference < 0 else "▲"

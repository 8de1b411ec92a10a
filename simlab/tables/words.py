"""The words of the summary of methods: a word, its number, a mark; then sentences."""

from __future__ import annotations

import math
from typing import Any

from simlab.measures.doubts import MARK
from simlab.tables.notes import N_SIM
from simlab.text.numbers import plus_minus, se_error

LEGEND = "✓ as the course says, ≈ the truth is finer, ✗ otherwise, ? undecided"
HEADER = (
    "Method",
    "Estimates (λ)",
    "Consistent\nfor β_W?\n(bias, %)",
    "Consistent\nfor β_B?\n(bias, %)",
    "Efficient?",
    "Honest?\nnew schools\n(SE error, %)",
    "Honest?\nsame schools\n(SE error, %)",
)


def explained(doubt: bool) -> str:
    """Say what the columns mean, and the mark of what may not be measured."""
    return (
        f"{LEGEND}. {N_SIM}. λ: the slope estimates β_W + λ(β_B − β_W), measured, and as J→∞ in "
        "theory. J→∞, n→∞: bias as schools get more numerous, larger, in % of |β_B − β_W|. "
        "Efficient?: variance of the best estimator of the same target over that of the method. "
        "Honest?: relative error of the standard error, and how often the interval covers."
        + (f" {MARK}: the estimate may have no variance." if doubt else "")
    )


def sentences(row: dict[Any, Any]) -> list[str]:
    """The course's words, where it has any, then the measured sentences."""
    said = [
        f"{name} {row[f'{column}_course']}"
        for name, column in (
            ("estimates", "estimates"), ("efficient?", "efficient"), ("honest?", "honest")
        )
        if row[f"{column}_course"] != "—"
    ]  # fmt: skip
    course = f"the course: {'; '.join(said)}" if said else "not in the course"
    return [course, *(line for line in str(row["notes"]).split("\n") if line)]


def cells(row: dict[Any, Any]) -> list[str]:
    """Write the row of a method, a cell for each of `HEADER`."""
    return [
        str(row["label"]),
        _estimates(row),
        _both_sweeps(row, "W"),
        _both_sweeps(row, "B"),
        _efficient(row),
        _honest(row, "new"),
        _honest(row, "same"),
    ]


def _estimates(row: dict[Any, Any]) -> str:
    told = [_marked(row["estimates"], row["estimates_mark"])]
    if not math.isnan(row["lambda"]):
        told.append(plus_minus(row["lambda"], row["lambda_mcse"], 3))
        told += [] if math.isnan(row["lambda_theory"]) else [f"theory {row['lambda_theory']:.3f}"]
    return "\n".join([*told, f"n_sim = {row['n']:,}"])


def _both_sweeps(row: dict[Any, Any], target: str) -> str:
    cells = [_consistent(row, f"{target}_{sweep}") for sweep in "Jn"]
    words = {row[f"consistent_{target}_{sweep}"] for sweep in "Jn"}
    nothing = len(words) == 1 and words <= {"not studied here", "failed"}
    return words.pop() if nothing else "\n".join(cells)


def _consistent(row: dict[Any, Any], key: str) -> str:
    word = row[f"consistent_{key}"]
    way = f"{key[-1]}→∞"
    if math.isnan(row[f"bias_{key}"]):
        return f"{way} {_marked(word, '')}"
    unit = row[f"unit_{key}"] / 100
    number = plus_minus(row[f"bias_{key}"] / unit, row[f"bias_{key}_mcse"] / unit, 2, plus=True)
    return f"{way} {_marked(word, row[f'consistent_{key}_mark'])}\n{number}"


def _efficient(row: dict[Any, Any]) -> str:
    word = _marked(row["efficient"], row["efficient_mark"])
    if math.isnan(row["efficiency"]):  # the base alone is not measured
        return word
    return f"{word}\n{plus_minus(row['efficiency'], row['efficiency_mcse'], 3)}"


def _honest(row: dict[Any, Any], key: str) -> str:
    told = [_marked(row[f"honest_{key}"], row[f"honest_{key}_mark"])]
    if not math.isnan(row[f"se_error_{key}"]):
        told.append(se_error(row[f"se_error_{key}"], row[f"se_error_{key}_mcse"], unit=""))
    if row[f"honest_{key}"] != "too few" and not math.isnan(covers := row[f"coverage_{key}"]):
        told.append(f"covers {100 * covers:.0f} %")
    return "\n".join(told)


def _marked(word: str, mark: str) -> str:
    return f"{word} {MARK if word == 'not measured' else mark}".rstrip()

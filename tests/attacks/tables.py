"""CSV files given to fit, compare and audit: damaged ones, and the same data written otherwise.

Where the spelling alone differs (quotes, line ends, order of rows and columns, 1e0 for 1) the
answer must be the control's. A damaged file is refused, or the answer is that of the data frame
which `oracles` makes of its words.
"""

import csv
import io
import math
import random
import re
import shutil
from functools import cache
from pathlib import Path

import mutation
import numpy as np
import pandas as pd
from oracles import ABSENT, _columns, _number

from .forked import command, main
from .judge import judge, misread

BY_HAND = sorted((Path(__file__).parents[1] / "hostile" / "tables").glob("*.csv"))
FORMULA = "y ~ x + (1 + x | g)"
COMMANDS = {
    "fit": ["fit", "d.csv", FORMULA, "--format", "csv"],
    "compare": ["compare", "d.csv", *["--y", "y", "--x", "x", "--cluster", "g", "--format", "csv"]],
    "audit": [
        *["audit", "d.csv", "--y", "y", "--x", "x", "--cluster", "g", "--format", "csv", "--quiet"],
        *["--replicates", "100", "--draws", "0", "--jobs", "1"],
    ],
}
CLOSE = 1e-6  # of another order of the rows, in which sums are rounded otherwise


@cache
def rows(seed=4, clusters=9, each=6):
    """Rows of the control, as words."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(clusters), each)
    x = rng.normal(size=len(g)).round(3)
    u = rng.normal(size=(2, clusters))
    y = (3 + u[0][g] + (2 + u[1][g]) * x + rng.normal(size=len(g))).round(3)
    words = [f"school {j}" for j in range(clusters)]
    return [("g", "x", "y")] + [
        (words[j], repr(a), repr(b)) for j, a, b in zip(g, x.tolist(), y.tolist(), strict=True)
    ]


def text(records):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(records)
    return out.getvalue()


def attack(seed, folder, entry=main):
    rng = random.Random(seed)
    name = rng.choice(("fit", "fit", "fit", "compare", "compare", "compare", "compare", "audit"))
    path = folder / "d.csv"
    if seed < len(BY_HAND):
        shutil.copy(BY_HAND[seed], path)
        return judge(command(COMMANDS[name], folder, entry), ["d.csv"])
    if seed % 3 == 0:
        path.write_bytes(respelt(rng, rows_too=name != "audit"))  # whose samples depend on them
        verdict, out = _answer(name, folder, entry)
        if verdict.fault or verdict.ended == "refused":
            return misread(verdict, f"{name}: refused though it is the control: {verdict.why}")
        return _compared(verdict, out, _control(name, folder, entry), name)
    path.write_bytes(mutation.damaged_table(seed, (text(rows()),)))
    verdict, out = _answer(name, folder, entry)
    if verdict.ended != "answered":
        return verdict
    frame = as_oracle_reads(path.read_bytes())
    if name == "audit" or frame is None:
        return verdict
    return _compared(verdict, out, by_frame(name, frame), name)


def _answer(name, folder, entry):
    # that a model cannot be fitted is said of the data, not of a file
    outcome = command(COMMANDS[name], folder, entry)
    return judge(outcome), outcome.out


_CONTROLS = {}


def _control(name, folder, entry):
    """The answer to the control."""
    if name not in _CONTROLS or entry is not main:
        (folder / "d.csv").write_text(text(rows()), encoding="utf-8")
        outcome = command(COMMANDS[name], folder, main)
        assert outcome.status == 0, outcome.err
        _CONTROLS[name] = outcome.out
    return _CONTROLS[name]


def _compared(verdict, out, expected, name):
    why = differ(out, expected)
    return misread(verdict, f"{name}: {why}") if why else verdict


def differ(out, expected, close=CLOSE):
    """The first cell in which two CSV texts differ by more than rounding; empty if none does."""
    one, other = (list(csv.reader(io.StringIO(t))) for t in (out, expected))
    if [len(r) for r in one] != [len(r) for r in other]:
        return f"{len(one)} lines where the control has {len(other)}"
    for a, b in zip((c for r in one for c in r), (c for r in other for c in r), strict=True):
        if a != b and not _near(a, b, close):
            return f"{a!r} where the control has {b!r}"
    return ""


def _near(a, b, close):
    try:
        return math.isclose(float(a), float(b), rel_tol=close, abs_tol=close)
    except ValueError:
        return False


# --- the same data, written otherwise ---------------------------------------------------------


def respelt(rng, rows_too=True):
    """The control in another spelling that changes no value, as bytes."""
    header, *records = rows()
    records = [list(record) for record in records]
    if rows_too and rng.random() < 0.5:
        rng.shuffle(records)
    if rng.random() < 0.4:
        records = [[g, *(_number_otherwise(rng, word) for word in rest)] for g, *rest in records]
    if rows_too and rng.random() < 0.3:
        for _ in range(3):
            gap = rng.choice((["school 1", "NA", "3"], ["school 2", "0.5", ""], ["", "1", "2"]))
            records.insert(rng.randrange(1, len(records)), gap)
    table = [list(header), *records]
    if rng.random() < 0.3:
        extra = ["note", *(rng.choice(("a, b", 'say "so"', "", "é", "NA")) for _ in records)]
        table = [[*row, word] for row, word in zip(table, extra, strict=True)]
    if rng.random() < 0.4:
        order = list(range(len(table[0])))
        rng.shuffle(order)
        table = [[row[i] for i in order] for row in table]
    out = io.StringIO()
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    csv.writer(out, lineterminator=rng.choice(("\n", "\r\n")), quoting=quoting).writerows(table)
    written = out.getvalue()
    if rng.random() < 0.3:
        written = written.rstrip("\r\n")
    if rng.random() < 0.2:
        written += "\n\n\n"
    return (b"\xef\xbb\xbf" if rng.random() < 0.3 else b"") + written.encode()


def _number_otherwise(rng, word):
    way = rng.randrange(4)
    if way == 0:
        return word + "00"
    if way == 1:
        return f"{float(word) * 1000:.0f}e-3"
    if way == 2:
        return re.sub(r"^(-?)0\.", r"\1.", word)
    return word


# --- damaged data, read in another way --------------------------------------------------------


def as_oracle_reads(content):
    """A data frame of a file's own words; None where they are more than numbers and names."""
    header = next(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    names = [name.strip() for name in header]
    if not {"g", "x", "y"} <= set(names):
        return None
    length = sum(1 for _ in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    try:
        frame = pd.DataFrame({name: range(length - 1) for name in names})
        words = {column.name: words for words, column in _columns(content, frame)}
    except AssertionError:  # blank lines
        return None
    numbers = {}
    for name in ("x", "y"):
        values = [math.nan if w in ABSENT else _number(w) for w in words[name]]
        if None in values:
            return None
        numbers[name] = np.array(values, dtype=float)
    g = [None if w in ABSENT else w for w in words["g"]]
    return pd.DataFrame({"g": pd.Series(g, dtype=object), **numbers})


def by_frame(name, frame):
    """The answer of the library to a data frame, as CSV."""
    import warnings

    import simlab
    from simlab.cli.fit import _frame
    from simlab.fitting.summary import summary

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "compare":
            return simlab.compare(frame, "y", "x", "g").to_csv(index=False)
        result = summary(simlab.fit(FORMULA, frame), "satterthwaite", 0.95)
        return _frame(result, None, {}).to_csv(index=False)

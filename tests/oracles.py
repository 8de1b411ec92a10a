"""What a text says, read in another way: slowly, without regular expressions of simlab's own.

Each `check_…` feeds a text to simlab. It is refused in lines that can be read, or what came of it
is what the text says; anything else is a `Misreading`. Traceback and hang pass through.
"""

from __future__ import annotations

import csv
import io
import math
import re
import signal
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, SequenceNode

from simlab.config import ConfigError, Study, dumps, loads
from simlab.data import DataError, read
from simlab.design import conditions
from simlab.formula import FormulaError, parse

LONGEST = 3000  # characters of a line that tells what is wrong


class Misreading(AssertionError):
    """What came of a text is not what it says."""


class Hang(BaseException):
    """An input takes too long; not an Exception, so that no handler swallows it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `Hang` after so many seconds; in the main thread only.

    They are of the processor, which other processes do not lengthen; and ten times as many of the
    clock, for what waits and computes nothing.
    """

    def stop(*_: object) -> None:
        raise Hang(f"still busy after {seconds} s")

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 10 * seconds),
    )
    old = [(number, signal.signal(number, stop)) for number, _, _ in timers]
    for _, timer, allowed in timers:
        signal.setitimer(timer, allowed)
    try:
        yield
    finally:
        for _, timer, _ in timers:
            signal.setitimer(timer, 0)
        for number, handler in old:
            signal.signal(number, handler)


# --- studies ----------------------------------------------------------------------------------


def check_study(text: str, reader: Callable[[str], Study] = loads) -> str:
    """Return "valid" or the kind of refusal of a study."""
    try:
        study = reader(text)
        cells = conditions(study)
    except ConfigError as error:
        lines = str(error).split("\n")
        _expect(len(lines) <= 101 and all(map(_readable, lines)), f"unreadable refusal {lines}")
        return _kind(lines[0])
    _same(_said(text), study, "the study")
    again = loads(dumps(study))
    _expect(again == study, "dumps and loads give another study")
    _expect(Study.from_json(study.to_json()) == study, "to_json and from_json give another study")
    keys = [cell.key for cell in conditions(again)]
    _expect(keys == [cell.key for cell in cells], "the conditions of the study read again differ")
    _expect(len(set(keys)) == len(keys), "two conditions have one key")
    return "valid"


def _said(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    return _plain(yaml.compose(text))


def _plain(node: Any) -> Any:
    if isinstance(node, MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [_plain(entry) for entry in node.value]
    return node.value if node.style in ("'", '"', "|", ">") else core(node.value)


def core(word: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2.2, in the words of Python's int and float."""
    if word in ("", "~", "null", "Null", "NULL"):
        return None
    if word.lower() in ("true", "false") and word in (word.lower(), word.title(), word.upper()):
        return word.lower() == "true"
    if word[:2] == "0x" and set(word[2:]) <= set("0123456789abcdefABCDEF") and word[2:]:
        return int(word, 16)
    if word[:2] == "0o" and set(word[2:]) <= set("01234567") and word[2:]:
        return int(word[2:], 8)
    if set(word) <= set("+-.eE0123456789"):
        for kind in (int, float):
            try:
                return kind(word)
            except ValueError:
                pass
    if word.lstrip("+-") in (".inf", ".Inf", ".INF") and len(word) <= 5:
        return -math.inf if word[0] == "-" else math.inf
    return math.nan if word in (".nan", ".NaN", ".NAN") else word


def fields_of(section: BaseModel) -> Iterable[tuple[str, FieldInfo]]:
    return type(section).model_fields.items()


def _same(raw: Any, value: Any, where: str) -> None:
    """Expect that a value holds what was said, and defaults where nothing was."""
    if isinstance(value, BaseModel):
        raw = {"generator": raw} if isinstance(raw, str) else raw
        fields = {field.alias or name: (name, field) for name, field in fields_of(value)}
        for key, (name, field) in fields.items():
            inner = getattr(value, name)
            if key in raw:
                _same(raw[key], inner, f"{where}.{key}")
            else:
                default = field.get_default(call_default_factory=True)
                _expect(inner == default, f"{where}.{key} is {inner!r}, not its default")
        _expect(set(raw) <= set(fields), f"{where} has lost a key")
    elif isinstance(raw, dict):
        fine = isinstance(value, Mapping) and set(raw) == set(value)
        _expect(fine, f"{where} is {value!r} for {raw!r}")
        for name, inner in raw.items():
            _same(inner, value[name], f"{where}.{name}")
    elif isinstance(raw, list):
        _expect(isinstance(value, tuple) and len(value) == len(raw), f"{where} is {value!r}")
        for i, (inner, own) in enumerate(zip(raw, value, strict=True)):
            _same(inner, own, f"{where}.{i}")
    else:
        number = isinstance(raw, int | float) and not isinstance(raw, bool)
        kinds = (int, float) if number else (type(raw),)
        exact = type(value) in kinds and (value == raw or (number and value == float(raw)))
        _expect(exact, f"{where} is {value!r} where the text says {raw!r}")


# --- tables -----------------------------------------------------------------------------------

# As the documentation has them: what stands for a missing value, and for a truth value
ABSENT = {
    *("", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "<NA>"),
    *("#N/A", "#NA", "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
}
TRUE, FALSE = {"True", "TRUE", "true"}, {"False", "FALSE", "false"}


def check_table(content: bytes, path: Path, reader: Callable[[Path], pd.DataFrame] = read) -> str:
    """Return "valid" or the kind of refusal of a CSV file, which is written to a path."""
    path.write_bytes(content)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            df = reader(path)
    except DataError as error:
        _expect(_readable(str(error)), f"unreadable refusal {error}")
        return _kind(str(error).removeprefix(str(path)))
    remarks = [str(w.message) for w in caught]
    _expect(all(map(_readable, remarks)), f"unreadable remarks {remarks}")
    columns = _columns(content, df)
    for words, column in columns:
        _check_column(words, column)
    double = [column.name for words, column in columns if _twins(words)]
    _expect(len(remarks) == len(double), f"one number in two spellings: {double}, not {remarks}")
    return "valid"


def check_labels(content: bytes, path: Path) -> None:
    """Hold it against a reader of labels that different texts are different, and equal ones equal.

    Numbers are made of none but whole ones in one spelling.
    """
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = list(read(path).columns)
            df = read(path, labels=header)
    except DataError:
        return
    for words, column in _columns(content, df):
        present = [word for word in words if word not in ABSENT]
        codes = column.dropna().tolist()
        _expect(len(present) == len(codes), f"{column.name}: missing values differ")
        pairs = len(set(zip(present, codes, strict=True)))
        same = pairs == len(set(present)) == len(set(codes))
        _expect(same, f"{column.name} is {codes} where the file says {present}")
        if column.dtype.kind in "if":
            plain = [str(int(value)) for value in codes]
            bare = [word.removesuffix(".0") for word in present]
            _expect(bare == plain, f"{column.name}: {present} became {codes}")


def _columns(content: bytes, df: pd.DataFrame) -> list[tuple[list[str], pd.Series]]:
    """Words of each column by Python's reader, and the column."""
    text = content.decode("utf-8-sig")
    rows = [
        row
        for row in csv.reader(io.StringIO(text, newline=""))
        if len(row) > 1 or row == [""] or "".join(row).strip()  # all but blank lines
    ]
    header, *records = rows
    _expect([name.strip() for name in header] == list(df.columns), "the header differs")
    _expect(len(records) == len(df), f"{len(records)} records became {len(df)} rows")
    return [
        ([row[position].strip() for row in records], df[name])
        for position, name in enumerate(df.columns)
    ]


def _twins(words: list[str]) -> bool:
    """Whether two words of a column of numbers are one number, but for the sign of 0."""
    numbers = {word: _number(word) for word in words if word not in ABSENT}
    if any(number is None for number in numbers.values()):
        return False
    if any(isinstance(number, float) for number in numbers.values()):
        numbers = {word: float(number) for word, number in numbers.items()}
    texts = {
        (word.lstrip("-") if number == 0 else word, number) for word, number in numbers.items()
    }
    return len(texts) > len(set(numbers.values()))


def _check_column(words: list[str], column: pd.Series) -> None:
    gone = column.isna().tolist()
    _expect(gone == [word in ABSENT for word in words], f"{column.name}: missing values differ")
    both = zip(words, column.tolist(), strict=True)
    pairs = [(word, value) for word, value in both if word not in ABSENT]
    if pairs and {word for word, _ in pairs} <= TRUE | FALSE:
        fine = all(value is (word in TRUE) for word, value in pairs)
    elif column.dtype.kind in "iuf":
        fine = all(_number(word) is not None and _number(word) == value for word, value in pairs)
    else:
        fine = all(isinstance(value, str) and value == word for word, value in pairs)
        padded = _twins(words) and any(re.match("[-+]?0[0-9]", word) for word, _ in pairs)
        odd = any(not _meant(word) for word, _ in pairs)
        _expect(odd or padded, f"{column.name}: numbers became text")
    _expect(fine, f"{column.name} is {column.tolist()} where the file says {words}")


def _number(word: str) -> float | None:
    """A number as Python and R write it: whole numbers exactly, others to the nearest float."""
    if not set(word.lower()) <= set("0123456789+-.einfty"):
        return None
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    return None


def _meant(word: str) -> bool:
    """Whether a word is a number to a person, in whatever spelling."""
    word = unicodedata.normalize("NFKC", word).replace("−", "-")
    if any(c.isdigit() for c in word):
        word = word.lstrip("$€£ ").rstrip("%$€£ ")
    spellings = [word, word.replace(",", ".", 1)]
    if word[:1].isdigit():
        spellings.append(re.sub(r"(?<=\d)_(?=\d)", "", word))
    for mark in ", .":
        first, *groups = word.split(mark)
        whole = first.lstrip("-+")
        if whole.isdigit() and len(whole) <= 3 and all(g.isdigit() and len(g) == 3 for g in groups):
            spellings.append(first + "".join(groups))
    return any(_number(spelling) is not None for spelling in spellings)


# --- formulas ---------------------------------------------------------------------------------


def check_formula(text: str) -> str:
    """Return "valid" or the kind of refusal of a formula."""
    try:
        parsed = parse(text)
    except FormulaError as error:
        _expect(_readable(str(error)), f"unreadable refusal {error}")
        return _kind(str(error))
    _expect(parse(parsed.formula) == parsed, f"{parsed.formula!r} is another formula")
    return "valid"


def _readable(line: str) -> bool:
    shown = line.replace("\xa0", " ")  # a blank that breaks no line
    return bool(line.strip()) and shown.isprintable() and len(line) <= LONGEST


def _kind(line: str) -> str:
    """A refusal without the names and numbers in it."""
    line = re.sub(r"^\S*?(:\d+)*: ", "", line)
    line = re.sub(r"'[^']*'|\"[^\"]*\"", "…", line)
    return re.sub(r"[-+]?\d[\w.,]*", "…", line).strip()[:70]


def _expect(fine: bool, message: str) -> None:
    if not fine:
        raise Misreading(message[:2000])

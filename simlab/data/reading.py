"""Careful reading of data: what is wrong is one line with the file, the line and the column."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from simlab import files
from simlab.data.checks import DataWarning, literal, require
from simlab.data.columns import Clash, Unreadable, clash, typed
from simlab.data.datasets import DATASETS, hs
from simlab.data.formats import MOST, cells, format_of, frame, unpacked
from simlab.errors import DataError, did_you_mean

Role = Literal["label", "factor", "number", "both", "unknown"]
"""What a column of numbers is for.

label
    It names clusters or groups. Text, unless its values are whole numbers in one spelling.
factor
    Its values are levels. Numbers, unless two texts would be one number; then text.
number
    It is computed with. Numbers.
both
    It is computed with, and a label or a factor. Numbers.
unknown
    Numbers, unless two texts would be one number and one of them has leading zeros, as 007 has
    and a measurement has not (readr, too, takes such a column for text).

Except of what is only computed with, a warning says where two texts would be one number.
"""

PADDED: Final = re.compile(r"[-+]?0[0-9]")


def read(name_or_path: str | Path, labels: str | Iterable[str] | None = None) -> pd.DataFrame:
    """Read a data set by name, or from a file with a header line.

    Parameters
    ----------
    name_or_path
        One of `DATASETS` (``hs``, or ``hsb`` for all its schools), or the path of a CSV file in
        UTF-8, which may be compressed by gzip; or of an Excel workbook, whose first sheet is read
        as CSV is, a Parquet file, a Stata or an SPSS data set, whose columns have types of their
        own. A pipe, such as ``/dev/stdin``, is read to its end.
    labels
        Columns that name clusters or groups, such as ``["school"]``. They are text, so that ``7``
        and ``007``, or the sections ``1.1`` and ``1.10``, stay two; whole numbers that are all
        written in one way (``7``, or ``7.0`` as pandas writes them) remain numbers. All other
        columns are then known to be none. By default no column is known to be either.

    Returns
    -------
    pd.DataFrame
        One row per record. The index is named ``line`` and holds each record's line in the file, so
        that later messages can name it (of Parquet, Stata and SPSS, ``row`` and its number); blank
        lines are skipped. A column is numbers, truth values (``True``, ``TRUE`` or ``true``) or
        text, without the space around a field. Empty fields and the words that pandas knows, such
        as ``NA`` and ``None``, are missing, also among labels.

    Raises
    ------
    DataError
        If there is no such file; or it is empty, not text, has only a header, or more than 2^30
        bytes unpacked; or it is a folder, a device or a file of another format, which is named; or
        a row has more or fewer fields than the header; or a column name occurs twice; or a column
        holds numbers in a spelling that is not read, such as ``1,5`` or ``1 000``, or whole numbers
        that would lose digits; or there is no column of that label.

    Warns
    -----
    DataWarning
        If different texts of a column are one number, as ``7`` and ``007``. Of labels they stay
        apart. Where no labels are given such a column is read as numbers, or as text if some have
        leading zeros.
    """
    if labels is None:
        return table(name_or_path, lambda _: "unknown")
    wanted = [labels] if isinstance(labels, str) else list(labels)
    df = table(name_or_path, lambda name: "label" if name in wanted else "number")
    for name in wanted:
        require(df, {"label": name}, str(name_or_path))
    return df


def table(name_or_path: str | Path, role: Callable[[str], Role], depth: int = 2) -> pd.DataFrame:
    """Read as `read` does, where `role` says what each column is for.

    `depth` is the number of calls between the user and the warning.
    """
    if name_or_path in DATASETS:
        return hs(full=name_or_path == "hsb")
    path = Path(name_or_path)
    content = _content(path)
    kind = format_of(content)
    if kind is not None and kind.read is not None:
        return frame(kind, content, path)
    rows = cells(kind, content, path) if kind else _rows(_text(content, path), str(path))
    header, records = _records(rows, str(path))
    lines = list(records)
    columns = {}
    for name, fields in zip(header, zip(*records.values(), strict=True), strict=True):
        use = role(name)
        twins = None if use == "number" else clash(fields, use == "label")
        keep = use == "label" or (twins is not None and _is_label(use, fields))
        try:
            columns[name] = typed(fields, keep)
        except Unreadable as error:
            where = f"{path}, line {lines[error.position]}"
            raise DataError(f"{where}: {name} {error.message}") from None
        if twins is not None:
            message = _remark(name, fields, lines, twins, use, keep)
            warnings.warn(f"{path}, {message}", DataWarning, stacklevel=depth + 1)
    df = pd.DataFrame(columns)
    df.index = pd.Index(lines, name="line")
    return df


def _is_label(use: Role, fields: Sequence[str]) -> bool:
    """Whether a column of numbers, two texts of which are one, is text."""
    padded = use == "unknown" and any(PADDED.match(field.strip()) for field in fields)
    return use == "factor" or padded


def _remark(
    name: str, fields: Sequence[str], lines: Sequence[int], twins: Clash, use: Role, keep: bool
) -> str:
    """Remark on two texts that are one number, and what becomes of them."""
    one, other = (literal(fields[i].strip()) for i in twins[:2])
    more = f" (and {twins.more} more such)" if twins.more else ""
    text = (
        f"line {lines[twins.second]}: {name} is {other}, the same value as {one} in line "
        f"{lines[twins.first]}{more}; "
    )
    if use in ("label", "factor"):
        return text + "as labels they stay apart: write them alike if they are one"
    if keep:
        return text + f"with leading zeros they are taken for labels, and {name} for text"
    return (
        text
        + f"they are read as one number; if {name} is a label, read it by labels=[{name!r}], or "
        "put a letter before it"
    )


def _content(path: Path) -> bytes:
    """Bytes of a file; a DataError with similar names if there is none."""

    def waiting() -> None:
        """Say that the file is a pipe of which nothing comes yet."""
        warnings.warn(f"{path}: {files.WAITING}", DataWarning, stacklevel=2)

    try:
        return files.content(path, MOST, waiting)
    except files.TooLong as error:
        raise DataError(f"{path}: {error}; a table may have {MOST:,}") from None
    except files.Unread as error:
        raise DataError(f"{path}: {error.advised('a CSV file')}") from None
    except FileNotFoundError as error:
        named, near = path, [*DATASETS, *(str(p) for p in path.parent.glob("*.csv"))]
        if (whole := path.with_name(f"{path.name}.csv")).is_file():
            named, near = whole, [str(whole)]
        hint = did_you_mean(named, near) or "."
        message = f"{path}: no such file{hint} Data sets: {', '.join(DATASETS)}"
        raise DataError(message) from error
    except ValueError as error:  # a name that cannot be a file's
        raise DataError(f"{path}: cannot be read: {error}") from error


def _text(content: bytes, path: Path) -> str:
    """Text of a file in UTF-8, unpacked."""
    try:
        text = unpacked(content, path).decode("utf-8-sig")  # line ends within quotes stay
    except UnicodeDecodeError as error:
        line = len((error.object[: error.start] + b".").splitlines())
        message = f"{path}, line {line}: not UTF-8 text; save it as CSV in UTF-8"
        raise DataError(message) from error
    if "\0" in text:
        raise DataError(f"{path}: not a text file; save it as CSV in UTF-8")
    return text


def _rows(text: str, source: str) -> dict[int, list[str]]:
    """Split a CSV text into its rows by line; blank ones are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: dict[int, list[str]] = {}
    last = 0  # line of the last row that is whole
    try:
        for row in reader:
            last = reader.line_num
            if row and not (len(row) == 1 and row[0].isspace()):
                lines[last] = row
    except csv.Error as error:
        raise DataError(f"{source}, {_misquoted(str(error), last + 1, reader.line_num)}") from error
    return lines


def _misquoted(error: str, first: int, line: int) -> str:
    """What is wrong with a row that begins in line `first`, as csv says in `line`."""
    twice = "a quote within quotes is written twice"
    if error == "unexpected end of data":
        return f"line {first}: a quote opens there and is never closed; close it ({twice})"
    where = f"line {line}" if first == line else f"lines {first} to {line}"
    if "expected after" in error:
        return f"{where}: text follows a quote that closes; {twice}"
    return f"{where}: {error}"


def _records(lines: dict[int, list[str]], source: str) -> tuple[list[str], dict[int, list[str]]]:
    """Split rows into the header and the records, all of the header's length."""
    if not lines:
        pipe = "; a pipe can be read once: save it in a file" if Path(source).is_fifo() else ""
        raise DataError(f"{source}: the file is empty{pipe}")
    header = [name.strip() for name in lines.pop(next(iter(lines)))]
    _check_header(header, source)
    if not lines:
        raise DataError(f"{source}: a header and no rows")
    for line, row in lines.items():
        if len(row) != len(header):
            raise DataError(
                f"{source}, line {line}: {len(row)} fields where the header has {len(header)}"
            )
    return header, lines


def _check_header(header: list[str], source: str) -> None:
    """Refuse names that occur twice, and files with another separator."""
    twice = [repr(name) for name, n in Counter(header).items() if n > 1]
    if twice:
        raise DataError(f"{source}: column names that occur twice: {', '.join(twice)}; rename them")
    if len(header) == 1 and (separator := next((s for s in ";\t|" if s in header[0]), None)):
        raise DataError(f"{source}: separated by {separator!r}; save it separated by commas")

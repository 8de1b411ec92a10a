"""Tables in the formats of other programs, told by their first bytes: Excel, Parquet, Stata, SPSS.

They are read by openpyxl, pyarrow, pandas and pyreadstat.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import pandas as pd

from simlab.data.contents import MOST
from simlab.errors import DataError

__all__ = ["Format", "cells", "format_of", "frame"]


class Format(NamedTuple):
    """A format that is no text.

    Attributes
    ----------
    name : str
        What it is called in messages.
    package : str
        Package that reads it.
    begin : bytes
        Pattern of its first bytes.
    read : callable or None
        Bytes of a file to its data frame; None where cells are read as text.
    """

    name: str
    package: str
    begin: bytes
    read: Callable[[bytes], pd.DataFrame] | None


def _spss(content: bytes) -> pd.DataFrame:
    """Read bytes, which may have come from a pipe, by way of a file: pyreadstat takes no other."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "table.sav"
        file.write_bytes(content)
        return pd.read_spss(file)


FORMATS: Final = (
    Format("Excel workbook", "openpyxl", rb"PK\x03\x04", None),
    Format(
        "Parquet file",
        "pyarrow",
        rb"PAR1.*[\0-\x08\x80-\xff]",
        lambda content: pd.read_parquet(io.BytesIO(content)),
    ),
    Format(
        "Stata data set",
        "pandas",
        rb"<stata_dta>|[\x6c-\x73][\x01\x02]\x01\x00",
        lambda content: pd.read_stata(io.BytesIO(content)),
    ),
    Format("SPSS data set", "pyreadstat", rb"\$FL[23]@\(#\)", _spss),
)


def format_of(content: bytes) -> Format | None:
    """Format of a file that is one of `FORMATS`; None of any other."""
    start = content[:4096]
    found = (f for f in FORMATS if re.match(f.begin, start, re.DOTALL))
    kind = next(found, None)
    return None if kind is not None and kind.read is None and b"xl/" not in content else kind


def frame(kind: Format, content: bytes, path: Path) -> pd.DataFrame:
    """Read a file whose columns have types of their own; its rows are numbered from 1.

    Raises
    ------
    DataError
        If the package that reads it is missing, the file is damaged, or it has no rows.
    """
    assert kind.read is not None
    try:
        found = kind.read(content)
    except MemoryError:
        raise
    except Exception as error:  # whatever these packages raise of a damaged file
        raise _refused(kind, path, error) from error
    found.columns = pd.Index([str(name) for name in found.columns])
    if not len(found):
        raise DataError(f"{path}: a header and no rows")
    found.index = pd.RangeIndex(1, len(found) + 1, name="row")
    return found


def cells(kind: Format, content: bytes, path: Path) -> dict[int, list[str]]:
    """Rows of a workbook's first sheet by their number, as the texts that CSV would have.

    Raises
    ------
    DataError
        If openpyxl is missing, or the file is damaged or too large when it is unpacked.
    """
    try:
        from openpyxl import load_workbook

        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST:
                raise DataError(f"{path}: holds more than {MOST:,} bytes when it is unpacked")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        try:
            rows = [[*map(_cell, row)] for row in book.worksheets[0].iter_rows(values_only=True)]
        finally:
            book.close()
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise _refused(kind, path, error) from error
    width = max((_used(row) for row in rows), default=0)
    return {number: row[:width] for number, row in enumerate(rows, 1) if any(row)}


def _used(row: list[str]) -> int:
    """Cells up to the last that holds something."""
    return max((i for i, text in enumerate(row, 1) if text), default=0)


def _cell(value: object) -> str:
    if value is None:
        return ""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _refused(kind: Format, path: Path, error: Exception) -> DataError:
    if isinstance(error, ImportError):
        return DataError(
            f"{path}: {kind.name}, which needs the package {kind.package}; install it, or save the "
            "table as CSV in UTF-8"
        )
    said = " ".join(str(error).split())[:200]
    return DataError(f"{path}: damaged {kind.name} ({said})")

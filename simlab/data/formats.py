"""Format of a file by its first bytes, whatever its name: text, or a table of another program.

Gzip is unpacked; Excel, Parquet, Stata and SPSS are read; other formats are named in the error.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import pandas as pd

from simlab.errors import DataError

MOST: Final = 1 << 30
"""Bytes of a table: more would not fit into memory once it is taken apart."""

_SAVE = "save it as CSV in UTF-8"
_EXPORT = "export it as CSV in UTF-8"
_UNPACK = "unpack it, and name the CSV file in it"
_NO_TABLE = "name a CSV file"
_OFFICE = (
    (b"spreadsheet", "an OpenDocument spreadsheet (.ods)", _SAVE),
    (b"word/", "a Word document (.docx)", _SAVE),
)
_BEGINS = (
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", _SAVE),
    (rb"X\n\0\0\0|RD[AX][23]\n", "an R data file (.rds, .RData)", "write.csv() it in R"),
    (rb"ARROW1|FEA1", "an Arrow or Feather file", _EXPORT),
    (rb"\x89HDF", "an HDF5 or NetCDF file", _EXPORT),
    (rb"CDF[\x01\x02\x05]", "a NetCDF file", _EXPORT),
    (rb"SQLite format 3\0", "an SQLite database", _EXPORT),
    (rb"\x93NUMPY", "a numpy array (.npy)", _EXPORT),
    (rb"BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!", "a packed file", _UNPACK),
    (rb"%PDF-", "a PDF document", _NO_TABLE),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP", "an image", _NO_TABLE),
    (rb"\s*<(?i:!doctype\s+html|html|head|body|table)\b", "an HTML page", "save the table as CSV"),
    (rb"\s*<\?xml\b", "an XML document", _SAVE),
    (rb"\{\\rtf", "an RTF document", _SAVE),
    (rb"\xff\xfe|\xfe\xff", "text in UTF-16", _SAVE),
)
_NAMED = [(re.compile(begin, re.DOTALL), what, advice) for begin, what, advice in _BEGINS]
_TEXTS = re.compile(rb"\$FL|<|%PDF-|\{\\rtf|\s*<")
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1f\x80-\xff]")
_GZIP = b"\x1f\x8b"
_PART = 1 << 20


class Format(NamedTuple):
    """A format that is no text."""

    name: str  # in messages
    package: str  # that reads it
    begin: bytes  # pattern of its first bytes
    # bytes of a file to its data frame; None where cells are read as text
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
    kind = next((f for f in FORMATS if re.match(f.begin, start, re.DOTALL)), None)
    return None if kind is not None and kind.read is None and b"xl/" not in content else kind


def frame(kind: Format, content: bytes, path: Path) -> pd.DataFrame:
    """Read a file whose columns have types of their own; its rows are numbered from 1.

    DataError if the package that reads it is missing, the file is damaged, or it has no rows.
    """
    assert kind.read is not None
    try:
        table = kind.read(content)
    except MemoryError:
        raise
    except Exception as error:  # whatever these packages raise of a damaged file
        raise _refused(kind, path, error) from error
    table.columns = pd.Index([str(name) for name in table.columns])
    if not len(table):
        raise DataError(f"{path}: a header and no rows")
    table.index = pd.RangeIndex(1, len(table) + 1, name="row")
    return table


def cells(kind: Format, content: bytes, path: Path) -> dict[int, list[str]]:
    """Rows of a workbook's first sheet by their number, as the texts that CSV would have.

    DataError if openpyxl is missing, or the file is damaged or too large when it is unpacked.
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
    """Text of a cell; whole numbers without a decimal point."""
    if value is None:
        return ""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _refused(kind: Format, path: Path, error: Exception) -> DataError:
    """Error for a file that its reader refuses, or that needs a package."""
    if isinstance(error, ImportError):
        return DataError(
            f"{path}: {kind.name}, which needs the package {kind.package}; install it, or save the "
            "table as CSV in UTF-8"
        )
    reason = " ".join(str(error).split())[:200]
    return DataError(f"{path}: damaged {kind.name} ({reason})")


def unpacked(content: bytes, path: Path) -> bytes:
    """Return the bytes of a text file, unpacked where they were compressed by gzip.

    DataError if it is known to be something else, or is damaged or too large when it is unpacked.
    """
    if content[:2] == _GZIP:
        content = _gunzip(content, path)
    start = content.removeprefix(b"\xef\xbb\xbf")[:4096]
    if start[:4] == b"PK\x03\x04":
        office = (rest for sign, *rest in _OFFICE if sign in content)
        what, advice = next(office, ("a ZIP archive", _UNPACK))
        raise DataError(f"{path}: is {what}; {advice}")
    may_be = _NO_TEXT.search(start) or _TEXTS.match(start)  # the first name of a table may be PAR1
    for begin, what, advice in _NAMED if may_be else ():
        if begin.match(start):
            raise DataError(f"{path}: is {what}; {advice}")
    return content


def _gunzip(content: bytes, path: Path) -> bytes:
    """Unpack bytes, and stop where they become too many: little may be packed to hold a lot."""
    parts, size = [], 0
    try:
        for part in _members(content):
            parts.append(part)
            size += len(part)
            if size > MOST:
                raise DataError(f"{path}: holds more than {MOST:,} bytes when it is unpacked")
    except zlib.error as error:
        raise DataError(f"{path}: damaged gzip file ({error}); compress it again") from None
    except EOFError:
        raise DataError(f"{path}: gzip file that is cut short; copy it again") from None
    return b"".join(parts)


def _members(content: bytes) -> Iterator[bytes]:
    """Unpack each of the files that one gzip file holds, part by part."""
    rest = content
    while rest.rstrip(b"\0"):
        unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while not unpack.eof:
            part = unpack.decompress(rest, _PART)
            rest = unpack.unconsumed_tail or unpack.unused_data
            if not part and not rest and not unpack.eof:
                raise EOFError
            yield part

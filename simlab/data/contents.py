"""What a file holds, by its first bytes and whatever its name: the text of a table, or what else.

A file that was compressed by gzip is unpacked, of all others that are no text it is said what they
are, and what to do.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simlab.errors import DataError

__all__ = ["MOST", "unpacked"]

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


def unpacked(content: bytes, path: Path) -> bytes:
    """Return the bytes of a text file, unpacked where they were compressed by gzip.

    Raises
    ------
    DataError
        If it is known to be something else, or is damaged or too large when it is unpacked.
    """
    if content[:2] == _GZIP:
        content = _gunzip(content, path)
    start = content.removeprefix(b"\xef\xbb\xbf")[:4096]
    if start[:4] == b"PK\x03\x04":
        found = (rest for sign, *rest in _OFFICE if sign in content)
        what, advice = next(found, ("a ZIP archive", _UNPACK))
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

"""Files whose names simlab makes up: what stands there and is not its own is left alone.

Pages end with a mark. Pages of earlier versions have none, but a title that ends with the study's
name, above a table.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from simlab.errors import UsageError
from simlab.files import present
from simlab.text.plain import escape

MARK: Final = "<!-- written by simlab run, which replaces this file -->"


def save_page(page: Path, text: str, name: str) -> bool:
    """Write the page of a study, unless something else is there, with a message; whether it did."""
    there = present(page)
    if there is None or _is_page(there.decode("utf-8", "replace"), name):
        _save(page, f"{escape(text)}\n\n{MARK}\n")
        return True
    words = f"simlab: {page}: was not written by simlab, and stays as it is; the tables are printed"
    print(words, file=sys.stderr)
    return False


def check_data(file: Path, text: str) -> None:
    """Refuse a file of data that is there and holds others."""
    if present(file) not in (None, text.encode()):
        raise UsageError(
            f"{file}: holds other data; move it away, or write the configuration elsewhere"
        )


def check_inputs(file: Path | None, *inputs: str | Path | None) -> None:
    """Refuse to write over what is read, under whatever name."""
    for one in (Path(name) for name in inputs if name is not None):
        if file is not None and file.exists() and one.exists() and file.samefile(one):
            raise UsageError(f"{file}: is what is read; name another file to write")


def check_folder(option: str, file: Path) -> None:
    """Refuse, before any work, a file to write whose folder does not exist, or that is a folder."""
    if not file.parent.is_dir():
        raise UsageError(f"{option} is {file}; there is no folder {file.parent}")
    if file.is_dir():
        raise UsageError(f"{option} is {file}, which is a folder; name a file in it")


def write(path: Path, text: str) -> None:
    """Write a file and say so on stderr."""
    _save(path, text)
    print(f"{path}: written", file=sys.stderr)


def _save(path: Path, text: str) -> None:
    """Write a file; a UsageError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def _is_page(text: str, name: str) -> bool:
    title = text.partition("\n")[0]
    earlier = title.startswith("## ") and title.endswith(f": {name}") and "\n| --- |" in text
    return not text or text.rstrip().endswith(MARK) or earlier

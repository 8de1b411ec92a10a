r"""Text that shows what it holds: characters that command a terminal are written as escapes.

Names and texts come from files that others wrote. What would move the cursor, ring, recolour, hide
or turn round what follows is shown as ``\x1b`` or ``\u202e``: wherever simlab prints, and in pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

from simlab.errors import escaped, one_line

__all__ = ["Plain", "escape", "exact", "one_line", "plain_streams"]

_COMMANDS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_COLOUR: Final = re.compile("\x1b\\[[0-9;]*m")


def escape(text: str) -> str:
    r"""Write characters that command a terminal as escapes; line breaks and ``\t`` stay."""
    return _COMMANDS.sub(lambda match: escaped(match.group()), text)


class Plain:
    """A stream to which everything is written as `escape` shows it.

    With `colours`, those that are written by what makes them itself go through.
    """

    def __init__(self, stream: TextIO, colours: bool = False) -> None:
        self.stream = stream
        self._colours = colours

    def write(self, text: str) -> int:
        """Write a text; return its length."""
        if not self._colours:
            self.stream.write(escape(text))
            return len(text)
        between = [escape(part) for part in _COLOUR.split(text)]
        kept = [*_COLOUR.findall(text), ""]
        self.stream.write("".join(a + b for a, b in zip(between, kept, strict=True)))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def exact(stream: TextIO, always: bool = False) -> TextIO:
    """Return what is beneath a plain stream, unless that is a terminal: for data, not for reading.

    With `always`, of a terminal too: for what makes its own commands of texts that are known.
    """
    if isinstance(stream, Plain) and (always or not stream.isatty()):
        return stream.stream
    return stream


@contextmanager
def plain_streams() -> Iterator[None]:
    """Have everything that is printed to stdout and stderr be plain."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Plain(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before

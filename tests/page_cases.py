"""What a page of the documentation shows, beside what its code and its commands print."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simlab.cli import call as main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))

MACHINE = (
    (r"\d[\d,.]* (s|ms|min|h)\b", "# time"),
    (r"\d[\d,.]* (MB|KB|kB|GB)\b", "# size"),
    (r"[\d.]+ (core seconds a second)", r"# \1"),
    (r"\d+ workers?", "# workers"),
    (r"\d+ evaluations", "# evaluations"),
    (r"process \d+ on \S+, since [^;\s]+", "process # on #, since #"),
    (r"[\d,]+ bytes and [\d,]+ files free", "# free"),
    (r"# size in [\d,]+ files", "# size"),
    (r"[ \t]+", " "),
    (r"─+", "─"),
)
"""What is another machine's, or another day's: times, sizes on disk, the widths they have, and the
steps of a search, which end by a last digit sooner or later."""


class Block(NamedTuple):
    """What stands between fences; text may have no language."""

    page: Path
    line: int
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    source = page.read_text("utf-8")
    return [
        Block(page, source.count("\n", 0, m.start()) + 1, m[1] or "text", m[2])
        for m in re.finditer(r"^```(\w*)\n(.*?)^```", source, re.M | re.S)
    ]


def printed(code: str, names: dict[str, Any]) -> str:
    """What Python prints, with its warnings before and its error at the end."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(code, "documentation", "exec"), names)
        except Exception as error:  # simlab's own are part of the page; others differ from it
            print(f"{type(error).__name__}: {error}")
    message = "".join(f"{w.category.__name__}: {w.message}\n" for w in caught)
    return "\n".join(line.rstrip() for line in (message + out.getvalue()).rstrip().split("\n"))


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    out: str
    err: str
    status: int


def ran(command: str) -> Ran:
    """Run a command of the shell that is `simlab …`, in this process."""
    words = shlex.split(command, comments=True)
    assert words[0] == "simlab", command
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = words
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        sys.argv = before
    return Ran(out.getvalue(), err.getvalue(), status)


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block that shows them after `$`, each with what it shows."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def plain(text: str, masks: Sequence[tuple[str, str]] = ()) -> str:
    """Text without what is the machine's."""
    lines = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    for pattern, sign in (*MACHINE, *masks):
        lines = re.sub(pattern, sign, lines)
    return lines


def shows(page: str, whole: str) -> bool:
    """Whether a page shows a text, all of it but what it leaves out by "…"."""
    lines = []
    for line in plain(page).split("\n"):
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*".join(map(re.escape, line.split("…"))) + r"\n")
    return re.fullmatch("".join(lines), plain(whole) + "\n") is not None


def rewritten(page: str) -> str:
    """A page of Python with the output of its code as it is now.

    `python tests/page_cases.py docs/fitting.md` writes it.
    """
    names: dict[str, Any] = {}

    def again(block: re.Match[str]) -> str:
        text = printed(block[1], names)
        return f"```python\n{block[1]}```\n" + (f"\n```text\n{text}\n```\n" if text else "")

    return re.sub(
        r"^```python\n(.*?)^```\n(?:\n```text\n.*?^```\n)?", again, page, flags=re.M | re.S
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(rewritten(Path(name).read_text("utf-8")), "utf-8")

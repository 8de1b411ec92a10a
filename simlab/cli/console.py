"""Tools of the commands: stores that are read, a progress bar, and warnings on stderr."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from simlab.cli.outcome import say_unfinished
from simlab.errors import Notice
from simlab.text import Format, Part, Printable, one_line, parts_text
from simlab.text.page import Section, page
from simlab.text.plain import exact

if TYPE_CHECKING:
    import xarray as xr


@contextmanager
def streams_kept() -> Iterator[None]:
    """Keep stdout and stderr what they are, and open, whatever the user's code does to them."""
    streams = sys.stdout, sys.stderr
    for stream in streams:
        stream.close = lambda: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        for stream in streams:
            del stream.close
        sys.stdout, sys.stderr = streams


class Bar:
    """A progress bar on stderr: done, time left, how many a second, failures so far.

    `unit` is what is counted, `word` what is being done; a `passing` bar is taken away at the end,
    and shown on a terminal only.
    """

    def __init__(
        self, quiet: bool, unit: str = "replicates", passing: bool = False, word: str = "sampling"
    ) -> None:
        console = Console(file=exact(sys.stderr, always=True))
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn(f"{{task.completed:,.0f}}/{{task.total:,.0f}} {unit}"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("[red]{task.fields[failures]}"),
            TimeRemainingColumn(),
            console=console,
            transient=passing,
            disable=quiet or (passing and not console.is_terminal),
        )
        self._task: TaskID | None = None
        self._word = word
        self._began, self._arrived, self._failures = time.monotonic(), 0, 0

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, total: int, done: int = 0) -> None:
        """Say how many there are in all, and how many were there already."""
        word = "continuing" if done else self._word
        self._began = time.monotonic()
        self._task = self._bar.add_task(
            word, total=total, completed=done, rate="compiling …", failures=""
        )

    def advance(self, number: int, failures: int) -> None:
        """Show that some arrived."""
        assert self._task is not None
        self._arrived += number
        self._failures += failures
        rate = self._arrived / max(time.monotonic() - self._began, 1e-9)
        words = f"{self._failures:,} failed fits" if self._failures else ""
        self._bar.update(self._task, advance=number, rate=f"{rate:,.0f}/s", failures=words)

    def expect(self, total: int, stopped: int, conditions: int) -> None:
        """Show how many there may be by what is known now, and how many conditions are done."""
        assert self._task is not None
        words = f"sampling, {stopped} of {conditions} conditions done"
        self._bar.update(self._task, total=total, description=words)


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Say a warning of ours at once, in one line on stderr, without the line that gave it."""
    shown: set[str] = set()  # a study may read the same file for every condition
    with warnings.catch_warnings():
        warnings.simplefilter("always", Notice)
        otherwise = warnings.showwarning

        def show(
            message: Warning | str, category: type[Warning], file: str, line: int, *rest: Any
        ) -> None:
            """Print a notice of simlab once, as one line; others as Python does."""
            if issubclass(category, Notice):
                if (text := one_line(message)) not in shown:
                    print(f"simlab: {text}", file=sys.stderr)
                shown.add(text)
            else:
                otherwise(message, category, file, line, *rest)

        warnings.showwarning = show  # type: ignore[assignment]  # warnings calls by position
        yield


def dataset(store: Path, variables: Collection[str] | None = None) -> xr.Dataset:
    """Load a store as `simlab.results.open_dataset` does; what is wrong with it is on stderr."""
    from simlab.results import open_dataset

    with warnings_on_stderr():
        return open_dataset(store, variables)


def opened(store: Path) -> xr.Dataset:
    """Load all of a store; a warning on stderr if it is unfinished."""
    ds = dataset(store)
    say_unfinished(ds)
    return ds


def say(*parts: Part | list[Part]) -> None:
    """Print parts, an empty line between two; those in a list of their own stand close together."""
    print(parts_text(parts))


def show(result: Printable, format: Format, title: str) -> None:
    """Print a result: HTML as a page of that title, CSV to a file or a pipe as it is."""
    if format == "html":
        print(page(title, [Section("", result.to_html())]))
    else:
        print(result.render(format), file=exact(sys.stdout) if format == "csv" else sys.stdout)

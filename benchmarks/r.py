"""A running R that is asked for times and numbers, so that it can be timed in turn with simlab."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd

from benchmarks import ONE_THREAD
from benchmarks.clock import Action
from simlab.errors import Error

SERVER = Path(__file__).with_name("session.R")


class RError(Error):
    """R is not there, lacks a package, or failed; one line says which."""


class Wanted(NamedTuple):
    """How a task is timed.

    Attributes
    ----------
    needs : str
        The R package that it is of.
    times : int
        Calls between two looks at R's clock, which shows milliseconds.
    once : bool
        That this is done a single time.
    """

    needs: str
    times: int
    once: bool = False


class Session:
    """R with the tasks of one file, on one data set.

    Parameters
    ----------
    tasks : Path
        An R file; `session.R` says what it holds.
    df : DataFrame
        What the tasks are given.
    stack : ExitStack
        Ends R when it is closed.

    Raises
    ------
    RError
        When there is no R, or it does not start.
    """

    def __init__(self, tasks: Path, df: pd.DataFrame, stack: ExitStack) -> None:
        program = shutil.which("Rscript")
        if program is None:
            raise RError("no Rscript on the path")
        file = Path(stack.enter_context(TemporaryDirectory())) / "data.csv"
        df.to_csv(file, index=False)
        self._process = subprocess.Popen(
            [program, str(SERVER), str(tasks), str(file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="utf-8", env={**os.environ, **ONE_THREAD},
        )  # fmt: skip
        stack.callback(self._end)
        named = (entry.rpartition(" ") for entry in self._read().split(";"))
        self.versions: Mapping[str, str] = {name: number for name, _, number in named}

    def seconds(self, task: str, wanted: Wanted) -> Action:
        """Time a task: processor time of one call. It is tried once, before anything is timed.

        Raises
        ------
        RError
            When the package is not installed, or the task fails.
        """
        if wanted.needs not in self.versions:
            raise RError(f"the R package {wanted.needs} is not installed")
        self._ask(f"seconds {task} 1")
        return Action(lambda: self._ask(f"seconds {task} {wanted.times}")[0], wanted.once)

    def answer(self, task: str, number: int) -> list[float]:
        """Return the numbers of one call of a task."""
        return self._ask(f"answer {task} {number}")

    def _end(self) -> None:
        """Let R see the end of its questions, and wait until it has gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, question: str) -> list[float]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RError("R stopped") from None
        reply = self._read()
        if reply.startswith("error"):
            raise RError(f"R: {reply.removeprefix('error').strip()}")
        return [float(number) for number in reply.split()]

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RError("R stopped")
        return line.strip()


class Offered(NamedTuple):
    """What R can be timed at: its session, actions by task, and why others are skipped."""

    session: Session | None
    actions: dict[str, Action]
    skipped: dict[str, str]


def offered(
    tasks: Path, df: pd.DataFrame, stack: ExitStack, wanted: Mapping[str, Wanted]
) -> Offered:
    """Start R, and return those of the tasks that it can do."""
    try:
        session = Session(tasks, df, stack)
    except RError as error:
        return Offered(None, {}, dict.fromkeys(wanted, str(error)))
    found = Offered(session, {}, {})
    for task, how in wanted.items():
        try:
            found.actions[task] = session.seconds(task, how)
        except RError as error:
            found.skipped[task] = str(error)
    return found

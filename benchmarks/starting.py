"""What one waits for at the start: the help text, a small study, and the very first one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.clock import Action, Repeats, wall
from benchmarks.populations import BLOCK, WORDS, study
from benchmarks.section import Effort, Row, Section
from benchmarks.units import duration, spread

HELP = "`simlab --help`"
WARM = f"a study of {BLOCK} replicates"
COLD = "the same, first ever: kernels are compiled"
FIT = "`simlab fit hs …`, Kenward & Roger"
FIRST_FIT = "the same, first ever: kernels are interpreted"

FORMULA = "mathach ~ ses * sector + (1 + ses | school)"


def starting(effort: Effort, stack: ExitStack) -> Section:
    """Time new Pythons; the first compilation too, unless it is to be quick."""
    run = (
        "import simlab; from simlab.config import Study; "
        f"simlab.run(Study.from_json({study().to_json()!r}), jobs=1)"
    )
    command = "from simlab.cli import main; main()"
    fit = (command, "fit", "hs", FORMULA, "--df", "kenward-roger")
    actions = {
        HELP: wall(lambda: _python(command, "--help")),
        FIT: wall(lambda: _python(*fit)),
        WARM: wall(lambda: _python(run)),
    }
    if not effort.quick:
        fresh = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        first = wall(lambda: _python(*fit, NUMBA_CACHE_DIR=str(fresh)))
        actions[FIRST_FIT] = Action(first.seconds, once=True)
        empty = Path(stack.enter_context(TemporaryDirectory()))
        cold = wall(lambda: _python(run, NUMBA_CACHE_DIR=str(empty)))
        actions[COLD] = Action(cold.seconds, once=True)
    return Section(
        title="Start",
        words=f"Wall time of a new Python from its start to its end; {WORDS}, all methods.",
        actions=actions,
        columns=("what", "wall", "min to max"),
        rows=lambda found: [_row(name, found[name], action) for name, action in actions.items()],
    )


def _python(code: str, *arguments: str, **environment: str) -> None:
    """Run some code in a new Python."""
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})


def _row(name: str, repeats: Repeats, action: Action) -> Row:
    ends = "once" if action.once else spread(repeats, duration)
    return (name, duration(repeats.median), ends)

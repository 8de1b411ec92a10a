"""Ask another process for machine code, while kernels answer interpreted.

There is one such process on a machine at a time, `__main__`, with the lowest priority. It ends when
nothing is left to do; nothing depends on it but speed. Each request is a file in the `folder`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from contextlib import suppress
from types import FunctionType
from typing import Any

from simlab.kernels import folder

APART, TRIES = 20.0, 20  # seconds until a process asks for the same again, and how often it does

_started = [-APART]
_asked: dict[str, list[float]] = {}


def ask(function: FunctionType, signature: tuple[Any, ...]) -> None:
    """Ask for machine code of a kernel, for arguments of these types."""
    name, now = folder.stem(function, signature), time.monotonic()
    times = _asked.setdefault(name, [])
    if not folder.is_lasting() or len(times) == TRIES or (times and now - times[-1] < APART):
        return
    times.append(now)
    request = folder.path() / f"{name}.asked"
    with suppress(OSError, pickle.PicklingError):
        new = request.with_suffix(f".{os.getpid()}")
        new.write_bytes(pickle.dumps((function.__module__, function.__qualname__, signature)))
        new.replace(request)
        if now - _started[0] >= APART:
            _started[0] = now
            _start()


def _start() -> None:
    """Start the process; where another is at work it ends at once."""
    path = os.pathsep.join([str(folder.PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    run = [sys.executable, "-P", "-m", "simlab.kernels"]
    if os.name == "posix":  # the shell ends at once, and nobody has to wait for its child
        run = ["/bin/sh", "-c", '"$@" &', "sh", *run]
    nothing = subprocess.DEVNULL
    started = subprocess.Popen(
        run, env={**os.environ, "PYTHONPATH": path}, stdin=nothing, stdout=nothing, stderr=nothing,
        start_new_session=True,
    )  # fmt: skip
    if os.name == "posix":
        started.wait()

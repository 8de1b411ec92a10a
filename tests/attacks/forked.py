"""The command line in a child forked from a warm process: a crash, a hang and a limit are real.

A child costs no start of Python. It is limited in processor time and in address space by the
kernel, and in time of the clock by its parent.
"""

import io
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SECONDS = 100
"""Processor time that a command may take; kernels that nobody has used yet are compiled in it."""

PATIENCE = 4
"""Times as many seconds of the clock that it may take, on a machine that does other things too."""

ROOM = 4 * 2**30
"""Bytes of address space that it may take besides those of its parent."""


@dataclass
class Outcome:
    """What came of one command: how it ended, what it wrote, and what it took."""

    status: int  # negative where a signal ended it
    out: str
    err: str
    seconds: float  # of the processor
    memory: float  # MB, the most that was resident
    hung: bool
    left: tuple[int, ...] = ()  # processes that outlived it


def main():
    """The entry of the command line."""
    from simlab.cli import main as entry

    entry()


def command(argv, folder, entry=main, seconds=SECONDS):
    """Run `simlab ARGV` in a folder to its end."""
    return finish(begin(argv, folder, entry, seconds), folder, seconds)


def begin(argv, folder, entry=main, seconds=SECONDS):
    """Begin `simlab ARGV` in a folder, in a session of its own; return its process."""
    sys.stdout.flush()
    sys.stderr.flush()
    for name in ("stdout", "stderr"):
        (Path(folder) / name).write_bytes(b"")
    read, ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _child(argv, Path(folder), entry, seconds, ready)
        finally:
            os._exit(70)
    os.close(ready)
    os.read(read, 1)  # or the end of the child
    os.close(read)
    return child


def finish(child, folder, seconds=SECONDS):
    """Wait for the end of a command that was begun, and say what came of it."""
    end = time.monotonic() + PATIENCE * seconds
    late, pause = False, 0.0005
    while not (ended := os.wait4(child, os.WNOHANG))[0]:
        if time.monotonic() > end and not late:
            late = True
            os.kill(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    _, status, usage = ended
    status = os.waitstatus_to_exitcode(status)
    left = _session(child)
    for process in left:
        os.kill(process, signal.SIGKILL)
    out, err = (_text(Path(folder) / name) for name in ("stdout", "stderr"))
    hung = late or status == -signal.SIGXCPU
    used = usage.ru_utime + usage.ru_stime
    return Outcome(status, out, err, used, usage.ru_maxrss / 1024, hung, left)


def _text(path):
    with path.open("rb") as file:  # no more than can be looked at
        return file.read(50_000_000).decode("utf-8", "backslashreplace")


def _session(leader):
    """Processes of a session whose leader has ended."""
    members = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            members.append(int(entry.parent.name))
    return tuple(members)


def _child(argv, folder, entry, seconds, ready):
    os.setsid()
    os.chdir(folder)
    for number, name in ((0, None), (1, "stdout"), (2, "stderr")):
        path, flags = name or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, flags if name else os.O_RDONLY, 0o644), number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = io.TextIOWrapper(os.fdopen(number, "wb", closefd=False), encoding="utf-8")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.excepthook = sys.__excepthook__
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    sys.argv = ["simlab", *argv]
    sys.path.insert(0, "")
    os.close(ready)
    os._exit(_status(entry))


def _status(entry):
    """Exit status of the entry, as Python itself would give it."""
    status = 1
    try:
        entry()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if end.code is not None and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        with suppress(AttributeError, ValueError):  # stderr may be closed, or none
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            status = status or 120
    return status & 255

"""Provenance of results: configuration, code, versions, machine, revision, time."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from simlab.config import Study

_HERE = Path(__file__)


def provenance(study: Study) -> dict[str, str | int | float]:
    """Tell what was run, with what, on what, and when."""
    return {
        "name": study.name,
        "config": study.to_json(),
        "config_text": study.text,
        "seed": study.seed,
        "level": study.level,
        "versions": _versions(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "git_revision": _git_revision(),
        "folder": "" if study.base_dir is None else str(study.base_dir.absolute()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def session(backend: str, jobs: int) -> dict[str, str | int | float | bool]:
    """Tell who runs: the machine, the versions, the revision, the command.

    ``memory`` in bytes, 0 where it is not known; ``git_dirty``: the checkout has changes.
    """
    revision = _git_revision()
    return {
        "host": platform.node(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory": _memory(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": _versions(),
        "git_revision": revision,
        "git_dirty": bool(revision and _git("status", "--porcelain", "--untracked-files=no")),
        "backend": backend,
        "workers": jobs if jobs > 0 else os.cpu_count() or 1,
        "process": os.getpid(),
        "command": shlex.join(sys.argv),
    }


def _versions() -> str:
    packages = ("simlab", "numpy", "scipy", "numba", "xarray", "zarr")
    return ", ".join(f"{name} {version(name)}" for name in packages)


def _memory() -> int:
    """Bytes of memory of this machine; 0 where it is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not everywhere
        return 0


def _git_revision() -> str:
    """Revision of the checkout that simlab runs from; empty when it is installed.

    An environment may lie in somebody's checkout, which does not track the files that are in it.
    """
    return _git("rev-parse", "HEAD") if _git("ls-files", _HERE.name) else ""


def _git(*command: str) -> str:
    """Output of a command of git; "" where there is none."""
    try:
        return subprocess.run(
            ["git", "-C", str(_HERE.parent), *command], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""

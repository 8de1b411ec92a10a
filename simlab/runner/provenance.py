"""Where results come from: configuration, versions, machine, revision, time."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from simlab.config import Study

__all__ = ["provenance"]


def provenance(study: Study) -> dict[str, str | int | float]:
    """Tell what was run, with what, on what, and when."""
    packages = ("simlab", "numpy", "scipy", "numba", "xarray", "zarr")
    return {
        "name": study.name,
        "config": study.to_json(),
        "config_text": study.text,
        "seed": study.seed,
        "level": study.level,
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "git_revision": _git_revision(),
        "folder": "" if study.base_dir is None else str(study.base_dir.absolute()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git_revision() -> str:
    """Revision of the checkout that simlab runs from; empty when it is installed."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""

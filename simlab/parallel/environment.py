"""What numbers depend on besides the study: simlab's own code, and what it computes with."""

from __future__ import annotations

import hashlib
import platform
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from simlab.errors import ParallelError

Environment = tuple[tuple[str, str], ...]
"""(name, version) of each part."""

PACKAGES = ("numpy", "scipy", "numba")


@lru_cache
def environment() -> Environment:
    """Describe this process: a hash of simlab's sources, and the versions it computes with."""
    digest, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return (
        ("simlab's code", digest.hexdigest()[:12]),
        ("python", python),
        *((name, version(name)) for name in PACKAGES),
    )


def refuse_other(theirs: Environment) -> None:
    """Refuse work whose numbers might be others here; name what differs, and the machine."""
    differ = [
        f"{name} is {mine} there and {other} here"
        for (name, mine), (_, other) in zip(environment(), theirs, strict=True)
        if mine != other
    ]
    if differ:
        raise ParallelError(
            f"the worker on {platform.node()} would give other numbers: {'; '.join(differ)}. "
            "Install the same versions there, and restart it"
        )

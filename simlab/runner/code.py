"""The code that makes numbers, as one hash a module: what must agree for a store to be continued.

A hash is of the syntax tree without docstrings. Comments, layout and documentation may change, and
so may tables, pictures and commands; a store is refused only by code that could draw or estimate
differently, and the refusal can name it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from simlab.custom.syntax import fingerprint

DECISIVE = (
    "config/laws",
    "custom",
    "design",
    "estimators",
    "inference",
    "kernels/__init__",
    "kernels/addresses",
    "kernels/lanes",
    "kernels/records",
    "kernels/vectors",
    "limits",
    "mixed",
    "moments",
    "population",
    "products",
    "runner/block",
    "runner/rounds",
    "runner/schema",
    "runner/sources",
    "runner/until",
    "runner/work",
    "sampling",
    "testing/draws",
    "testing/likelihood_ratio",
    "testing/monte_carlo",
    "testing/studied",
)
"""The modules and packages of simlab whose code makes the numbers of a study."""

SUMMING = (
    "performance/ends",
    "performance/moments",
    "performance/node",
    "performance/layout",
    "performance/stream",
    "performance/streams",
    "results/nodes",
)
"""Those that make the sums of a study that keeps measures, besides."""

_PACKAGE = Path(__file__).parents[1]


@lru_cache
def code_version(summed: bool = False) -> dict[str, str]:
    """Return module → the first 12 hexadecimal digits of the SHA-256 of its code.

    `summed` says that the study keeps measures.
    """
    return {
        ".".join(file.relative_to(_PACKAGE.parent).with_suffix("").parts): fingerprint(
            file.read_text(encoding="utf-8")
        )
        for file in _files(DECISIVE + SUMMING if summed else DECISIVE)
    }


def _files(names: tuple[str, ...]) -> Iterator[Path]:
    """Source files of modules and packages."""
    for name in names:
        if (_PACKAGE / name).is_dir():
            yield from sorted((_PACKAGE / name).rglob("*.py"))
        else:
            yield _PACKAGE / f"{name}.py"

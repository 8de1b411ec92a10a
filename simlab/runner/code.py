"""The code that makes numbers, as one hash a module: what must agree for a store to be continued.

A hash is of the syntax tree without docstrings. Comments, layout and documentation may change, and
so may tables, pictures and commands; a store is refused only by code that could draw or estimate
differently, and the refusal can name it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

__all__ = ["DECISIVE", "code_version", "fingerprint"]

DECISIVE = (
    "custom",
    "design",
    "estimators",
    "hypotheses",
    "inference",
    "kernels",
    "limits",
    "mixed",
    "moments",
    "population",
    "runner/block",
    "runner/rounds",
    "runner/schema",
    "runner/sources",
    "runner/until",
    "runner/work",
    "sampling",
)
"""The modules and packages of simlab whose code makes the numbers of a study."""

SUMMING = (
    "performance/aims",
    "performance/ends",
    "performance/moments",
    "performance/node",
    "performance/outline",
    "performance/stream",
    "performance/streams",
    "results/nodes",
    "results/tree",
)
"""Those that make the sums of a study that keeps measures, besides."""

_PACKAGE = Path(__file__).parents[1]
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@lru_cache
def code_version(summed: bool = False) -> dict[str, str]:
    """Return module → the first 12 hexadecimal digits of the SHA-256 of its code.

    Parameters
    ----------
    summed : bool
        Whether the study keeps measures.
    """
    return {
        ".".join(file.relative_to(_PACKAGE.parent).with_suffix("").parts): fingerprint(
            file.read_text(encoding="utf-8")
        )
        for file in _files(DECISIVE + SUMMING if summed else DECISIVE)
    }


def fingerprint(source: str) -> str:
    """Return 12 hexadecimal digits that stay the same while the code means the same.

    Empty fields are left out, since newer versions of Python add such fields to the tree.
    """
    tokens: list[str] = []
    _walk(ast.parse(source), tokens)
    return hashlib.sha256("\0".join(tokens).encode()).hexdigest()[:12]


def _files(names: tuple[str, ...]) -> Iterator[Path]:
    for name in names:
        if (_PACKAGE / name).is_dir():
            yield from sorted((_PACKAGE / name).rglob("*.py"))
        else:
            yield _PACKAGE / f"{name}.py"


def _walk(node: object, tokens: list[str]) -> None:
    """Write down a tree: types, names of fields, values; a bracket ends a node or a list."""
    if isinstance(node, ast.AST):
        tokens.append(type(node).__name__)
        for name, value in ast.iter_fields(node):
            kept = value[1:] if name == "body" and _has_docstring(node) else value
            if kept is not None and kept != []:
                tokens.append(name)
                _walk(kept, tokens)
        tokens.append(")")
    elif isinstance(node, list):
        for each in node:
            _walk(each, tokens)
        tokens.append("]")
    else:
        tokens.append(repr(node))


def _has_docstring(node: ast.AST) -> bool:
    return isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None

"""Code as a hash of what it does: of a module, or of one function with all that it uses there.

A hash is of the syntax tree without docstrings: comments, layout and documentation may change.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)

REFLECTING = {"globals", "vars", "eval", "exec", "__import__", "importlib", "inspect", "modules"}
"""Names by which code may use what it does not name: all of its file counts then."""


def fingerprint(source: str | bytes) -> str:
    """Return 12 hexadecimal digits that stay the same while a module means the same."""
    return _hash([ast.parse(source)])


def fingerprint_of(source: str | bytes, name: str) -> str:
    """Return 12 digits that stay the same while what is called so in a module means the same.

    That is its statement, those that bind what it names, and so on; and those that do more than
    bind a name, wherever they are. Other functions may come, go and change.
    """
    body = ast.parse(source).body
    root = name.partition(".")[0]
    chosen = [not _only_binds(node) for node in body]
    wanted, used = {root}, set[str]()
    while wanted - used:
        used |= wanted
        for i, node in enumerate(body):
            chosen[i] |= bool(_bound(node) & used)
        wanted = {n for node, here in zip(body, chosen, strict=True) if here for n in _names(node)}
    kept = [node for node, here in zip(body, chosen, strict=True) if here]
    if used & {*REFLECTING, "*"} or not any(root in _bound(node) for node in kept):
        return fingerprint(source)
    return _hash(kept)


def _only_binds(node: ast.stmt) -> bool:
    """Whether all that a statement does is to give something a name."""
    if isinstance(node, _DEFINING):
        return "*" not in _bound(node)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        plain = all(isinstance(target, ast.Name) for target in targets)
        return plain and not any(isinstance(part, ast.Call) for part in ast.walk(node))
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement binds in its module."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    stored = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return {part.id for part in stored if isinstance(part.ctx, ast.Store)}


def _names(node: ast.stmt) -> Iterator[str]:
    """The names that a statement uses, and those of attributes."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.alias):
            yield part.name.rpartition(".")[2]


def _hash(nodes: Iterable[ast.AST]) -> str:
    """Newer versions of Python add fields to the tree: empty ones are left out."""
    tokens: list[str] = []
    for node in nodes:
        _walk(node, tokens)
    return hashlib.sha256("\0".join(tokens).encode()).hexdigest()[:12]


def _walk(node: object, tokens: list[str]) -> None:
    """Write down a tree: types, names of fields, values; a bracket ends a node or a list."""
    if isinstance(node, ast.AST):
        documented = isinstance(node, _DOCUMENTED) and ast.get_docstring(node, False) is not None
        tokens.append(type(node).__name__)
        for name, value in ast.iter_fields(node):
            kept = value[1:] if name == "body" and documented else value
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

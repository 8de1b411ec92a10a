"""What a store says of its study as a whole, checked: a file can be damaged and still be JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simlab.errors import MOST

_TEXT = (
    "name", "config_text", "versions", "python", "machine", "git_revision", "folder", "created",
    "fingerprint",
)  # fmt: skip
_JSON = ("config", "code", "data")


def check(root: Mapping[str, Any]) -> None:
    """Refuse attributes of a store that no simlab wrote.

    Raises
    ------
    ValueError
        If one is missing or is of another kind; it names the attribute.
    """
    for name in ("replicates", "block"):
        if type(number := root.get(name)) is not int or not 1 <= number <= MOST:
            raise ValueError(f"{name!r} is no number from 1 to {MOST:,}")
    for name in ("factors", "tests"):
        names = root.get(name, [] if name == "tests" else None)
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise ValueError(f"{name!r} is no list of names")
    if not isinstance(root.get("stops", False), bool):
        raise ValueError("'stops' is neither true nor false")
    for name in (*_TEXT, *_JSON):
        if not isinstance(root.get(name, "{}"), str):
            raise ValueError(f"{name!r} is no text")
    for name in _JSON:
        if not isinstance(_parsed(root.get(name, "{}")), dict):
            raise ValueError(f"{name!r} is no JSON of names and values")
    for name in ("fingerprint", "config", "name", "seed"):
        if name not in root:
            raise ValueError(f"{name!r} is missing")
    level = root.get("level", 0.95)
    if not isinstance(level, float) or not 0 < level < 1:
        raise ValueError("'level' is no number between 0 and 1")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

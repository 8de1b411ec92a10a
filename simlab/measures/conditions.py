"""The conditions of a results Dataset: its configuration, and what each condition makes of it."""

from __future__ import annotations

import json
import re
from typing import Any

import xarray as xr

from simlab.errors import ArgumentError
from simlab.measures.outcomes import factors_of


def config_of(ds: xr.Dataset) -> dict[str, Any]:
    """Return the study's configuration, from the JSON in its attributes."""
    try:
        config = json.loads(ds.attrs.get("config", "{}"))
    except ValueError as error:
        raise ArgumentError(f"attribute config of the results is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise ArgumentError("attribute config of the results is not a JSON object")
    return config


def labels_of(config: dict[str, Any], factor: str) -> dict[str, Any]:
    """Values of the levels of a factor that have a label, by label."""
    grid = config.get("grid") or []
    labels: dict[str, Any] = {}
    for factorial in [grid] if isinstance(grid, dict) else grid:
        if isinstance(factorial.get(factor), dict):
            labels |= factorial[factor]
    return labels


def setting_of(ds: xr.Dataset, config: dict[str, Any], condition: int) -> dict[str, Any]:
    """Return the configuration with the levels of one condition, the outer factors first."""
    setting: dict[str, Any] = json.loads(json.dumps(config))
    for factor in sorted(factors_of(ds), key=len):
        level = ds[factor].values[condition].item()
        if str(level) == "nan":  # a condition without such a field
            continue
        labels = labels_of(config, factor)
        value = labels.get(str(level), _value(level))
        *outer, last = factor.split(".")
        at = setting
        for name in outer:
            if not isinstance(at.get(name), dict):
                at[name] = {}
            at = at[name]
        at[last] = value
    return setting


def _value(level: Any) -> Any:
    """Read a level that is a mapping or a list in short, such as ``{law: student-t, df: 3}``."""
    if not (isinstance(level, str) and level[:1] in ("{", "[")):
        return level
    words = re.sub(r"[^\[\]{}:,\s][^\[\]{}:,]*", lambda word: _quoted(word.group()), level)
    try:
        return json.loads(words)
    except ValueError:
        return level


def _quoted(word: str) -> str:
    """Word as JSON: quoted if it is none yet."""
    try:
        json.loads(word)
    except ValueError:
        return json.dumps(word.strip())
    return word

"""Differences between two studies that claim the same store, and whether one only has more.

A study is the same if its numbers are: its configuration without what is `FREE`, its data, and the
code that makes numbers. It has grown if it asks for more replicates or conditions of the same kind,
or for more estimators, tests or measures, for then all that was done is still right: no method
changes the numbers of another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simlab.results.schema import LABELS, Schema

FREE = ("description", "measures", "parallel", "verdicts")
"""Fields of a study that change none of its numbers; of measures that are summed the code tells."""

GROWING = ("replicates", "grid", "population", "scheme", "draw")
"""Fields whose effect on what is already done is seen in the condition keys alone."""

Attrs = Mapping[str, Any]
"""Attributes of a Dataset, or those that a Schema will give to one."""

SHAPING = {"estimators": "estimators", "tests.names": "tests"}
"""Settings, and the part of the schema that says all of what they do."""

ABSENT = "absent"
"""Text for a value that is missing."""

_MOST = 12  # lines of one group that a refusal shows


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs, there (in the store) and here (as asked for).

    `group` is ``config``, ``data``, ``code`` or ``schema``; `name` a dotted path, the key of a
    condition, a module, or a part of the schema; `growth` whether what is done stays right.
    """

    group: str
    name: str
    there: str
    here: str
    growth: bool = False

    def __str__(self) -> str:
        return f"{self.group:<6}  {self.name}: {_short(self.there)} → {_short(self.here)}"


def differences(there: Schema, here: Schema) -> list[Difference]:
    """List what keeps `here` from continuing `there`, configuration first; empty without any."""
    shapes = {f.name: f for f in _shapes(there, here)}
    if there.fingerprint == here.fingerprint and there.keys == here.keys and not shapes:
        return []
    differ = recorded_differences(there.attrs, here.attrs)
    for i, setting in enumerate(differ):  # listed once, and as what it does to the shape
        part = SHAPING.get(setting.name, setting.name)
        if setting.group == "config" and part in shapes:
            differ[i] = replace(setting, growth=shapes.pop(part).growth)
        elif setting.group == "config" and part in SHAPING.values():
            differ[i] = replace(setting, growth=True)  # written otherwise, and the same
        elif setting.group == "code" and setting.there == ABSENT:
            differ[i] = replace(setting, growth=":" in setting.name)  # of what is new alone
    differ += shapes.values()
    if there.keys != here.keys:
        differ.append(_conditions(there, here))
    if not differ:
        differ.append(Difference("schema", "fingerprint", there.fingerprint, here.fingerprint))
    return differ


def recorded_differences(there: Attrs, here: Attrs) -> list[Difference]:
    """Compare the configuration, the data and the code that two Datasets have in their attrs."""
    config = compared("config", _settings(there), _settings(here), _grows)
    return [*config, *_data(there, here), *_code(there, here)]


def refusal(path: Path, differ: list[Difference], extending: bool) -> str:
    """Lines on what differs, and what can be done about it."""
    lines = [f"{path}: holds another study; what differs, there → here:"]
    for group in dict.fromkeys(f.group for f in differ):
        shown = [f for f in differ if f.group == group]
        lines += [f"  {difference}" for difference in shown[:_MOST]]
        if len(shown) > _MOST:
            lines.append(f"  {group:<6}  … and {len(shown) - _MOST} more")
    otherwise = "choose another --out, or give --overwrite"
    if all(f.growth for f in differ):
        lines.append(f"--extend computes what is new and keeps the rest; or {otherwise}")
    elif extending:
        names = ", ".join(f.name for f in differ if not f.growth)
        lines.append(
            "--extend adds replicates, conditions, estimators, tests and measures, takes none "
            f"away, and changes nothing else ({_short(names, 120)}): {otherwise}"
        )
    else:
        lines.append(otherwise)
    return "\n".join(lines)


def _shapes(there: Schema, here: Schema) -> Iterator[Difference]:
    """Differences in replicates, blocks and labels; more of them is a growth."""
    old, new = there.replicates, here.replicates
    if old != new:
        yield Difference("schema", "replicates", f"{old:,}", f"{new:,}", growth=new > old)
    if there.block != here.block:
        yield Difference("schema", "block", _text(there.block), _text(here.block))
    for name in LABELS:
        old, new = getattr(there, name), getattr(here, name)
        if old != new:
            yield Difference("schema", name, _text(old), _text(new), set(old) <= set(new))


def _conditions(there: Schema, here: Schema) -> Difference:
    """Difference of the conditions: which are new or absent, or only their order."""
    old, new = set(there.keys), set(here.keys)
    if old == new:
        return Difference("schema", "conditions", "in this order", "in another", growth=True)
    changed = [f"{len(new - old)} new"] if new - old else []
    changed += [f"{len(old - new)} absent"] if old - new else []
    here_text = f"{len(new)} ({', '.join(changed)})"
    return Difference("schema", "conditions", str(len(old)), here_text, growth=old <= new)


def _code(there: Attrs, here: Attrs) -> Iterator[Difference]:
    """Compare the modules that make numbers, by the hashes of their code."""
    old, new = _tree(there, "code"), _tree(here, "code")
    if new and not old:
        yield Difference("code", "modules", "not recorded", f"{len(new)} with hashes")
    else:
        yield from compared("code", old, new)


def _data(there: Attrs, here: Attrs) -> Iterator[Difference]:
    """Compare the data of the conditions that both have."""
    old, new = _tree(there, "data"), _tree(here, "data")
    for key in sorted(old.keys() & new.keys()):
        if old[key] != new[key]:
            yield Difference("data", f"condition {key[:8]}", _text(old[key]), _text(new[key]))


def compared(
    group: str,
    old: Mapping[str, object],
    new: Mapping[str, object],
    grows: Callable[[str, object, object], bool] = lambda *_: False,
) -> Iterator[Difference]:
    """List the names that have another value there and here; `grows` says if that is growth."""
    for name in {**old, **new}:
        there, here = old.get(name), new.get(name)
        if there != here:
            yield Difference(group, name, _text(there), _text(here), grows(name, there, here))


def _grows(setting: str, there: object, here: object) -> bool:
    """Whether what is done stays right; a rule may only be made stricter, round after round."""
    if setting in ("tests.draws", "tests.stop"):
        return there is None
    if setting == "replicates.until.mcse":
        return isinstance(there, float) and isinstance(here, float) and here < there
    if setting.startswith("replicates.") and setting != "replicates.max":
        return False
    return setting.partition(".")[0] in GROWING


def _settings(attrs: Attrs) -> dict[str, object]:
    """The seed and every setting of the config that is not free, by dotted path."""
    tree = _tree(attrs, "config")
    kept = {name: branch for name, branch in tree.items() if name not in FREE}
    return {**dict(_leaves(kept)), "seed": attrs.get("seed")}


def _tree(attrs: Attrs, attribute: str) -> dict[str, object]:
    """Mapping that an attribute holds as JSON; else its text, under its own name."""
    text = str(attrs.get(attribute, "{}"))
    try:
        tree = json.loads(text)
    except json.JSONDecodeError:
        tree = text
    return tree if isinstance(tree, dict) else {attribute: tree}


def _leaves(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Values of a nested mapping, each with its dotted path."""
    if isinstance(tree, dict) and tree:
        for name, branch in tree.items():
            yield from _leaves(branch, f"{path}.{name}" if path else name)
    elif path:
        yield path, tree


def _text(value: object) -> str:
    return ABSENT if value is None else str(value)


def _short(text: str, most: int = 60) -> str:
    """The words at the beginning of a text; a number among them is never cut."""
    if len(text) <= most:
        return text
    short = text[: most - 1].rpartition(" ")[0]
    return f"{short} …" if short else text

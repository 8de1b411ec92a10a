"""From a study back to YAML: what `loads` reads as the same study, bit for bit."""

from __future__ import annotations

import io
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from .study import Study
from .values import keys, plain

__all__ = ["dumps"]

ORDER = (
    "name", "description", "seed", "replicates", "block", "keep", "common_random_numbers", "level",
    "estimators", "measures", "tests", "population", "scheme", "draw", "grid", "parallel",
    "verdicts",
)  # fmt: skip
"""What a study says of itself comes first, then what is sampled, then what is varied."""


def dumps(study: Study, comment: str = "") -> str:
    """Write a study as YAML text.

    Parameters
    ----------
    study : Study
        Any study. Sections that are as by default are left out.
    comment : str
        Lines to put on top.

    Returns
    -------
    str
        Of which `loads` makes an equal study: numbers are written with all their digits.
    """
    written = _written(study)
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # lists of numbers in one line, mappings in several
    yaml.allow_unicode = True
    yaml.width = 96
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    yaml.dump({field: written[field] for field in ORDER if field in written}, stream)
    above = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return above + ("\n" if above else "") + stream.getvalue()


def _written(section: BaseModel) -> dict[str, Any]:
    """Fields of a section in their order, without what is None and sections at their default."""
    found: dict[str, Any] = {}
    for key, name in keys(type(section)).items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            if value != type(section).model_fields[name].default:
                found[key] = _written(value)
        elif value is not None:
            found[key] = plain(value)
    return found

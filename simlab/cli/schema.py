"""`simlab schema`: what may stand in a study's file."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    import json

    from simlab.config import schema as json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))

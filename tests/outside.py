"""Where values from outside lie that are not part of the project."""

import os
from pathlib import Path

import pytest

FOLDER = Path(
    os.environ.get("SIMLAB_REFERENCE")
    or Path(__file__).resolve().parents[2] / "shared" / "reference"
)


def outside(*parts: str) -> Path:
    """Path of a reference file; skips the test that asks for one that is not there."""
    path = FOLDER.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not there; set SIMLAB_REFERENCE to the folder of reference values")
    return path

"""The lower bounds of what simlab needs are those that `make smoke` tries."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent


def pins(name):
    lines = (ROOT / name).read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def needed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [
        Requirement(text)
        for text in project["dependencies"] + extras["app"] + extras["formats"] + extras["dask"]
    ]


@pytest.mark.parametrize("requirement", needed(), ids=str)
def test_each_lower_bound_is_the_version_that_is_tried(requirement):
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    assert pins("constraints-lowest.txt")[canonicalize_name(requirement.name)] == Version(
        bound.version
    )


@pytest.mark.parametrize("requirement", needed(), ids=str)
def test_each_newest_version_is_above_its_lower_bound(requirement):
    assert pins("constraints.txt")[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-lowest.txt"])
def test_constraints_are_exact_and_name_no_address(name):
    assert "://" not in (ROOT / name).read_text()
    assert len(pins(name)) > 20

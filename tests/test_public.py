"""`import simlab` alone reaches everything public; docs/api.md lists it; its types are a user's."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import simlab

ROOT = Path(__file__).parent.parent


def test_every_public_name_is_there_and_mypy_is_told_where():
    source = ast.parse((ROOT / "simlab" / "__init__.py").read_text())
    modules = {}
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("simlab"):
            for alias in node.names:
                module = (node.module or "").removeprefix("simlab").removeprefix(".")
                modules[alias.asname or alias.name] = module or alias.name
    assert modules == simlab._HOMES
    for name in simlab.__all__:
        getattr(simlab, name)
    for name in ("plots", "measures", "data", "errors", "Study", "MixedFit", "Error"):
        assert name in simlab.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        simlab.nothing  # noqa: B018


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, simlab; heavy = {'numpy', 'pandas', 'matplotlib', 'numba', 'xarray'};"
        "print(heavy & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
    code = "import sys, simlab.config; print({'scipy', 'numba', 'xarray'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
    code = (
        "import sys, simlab.plots, simlab.archive, simlab.runner;"
        "print({'scipy.stats', 'zarr', 'numba', 'narwhals'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_the_page_of_what_is_public_is_what_the_code_says():
    path = ROOT / "docs" / "make_api.py"
    spec = importlib.util.spec_from_file_location("make_api", path)
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert make.page() == (ROOT / "docs" / "api.md").read_text(), "run docs/make_api.py"


@pytest.mark.slow
def test_types_are_there_for_users(tmp_path):
    """mypy --strict finds what is wrong in a user's file, and nothing else (unused ignores)."""
    pytest.importorskip("mypy")
    example = tmp_path / "example.py"
    example.write_text((ROOT / "tests" / "typed_example.py").read_text())
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(example)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr

"""Settings of all tests."""

import os

import pytest
from hypothesis import settings

from simlab.kernels import compiled

# The same examples every time, however long a loaded machine takes for one.
settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.load_profile("fixed")


os.environ["COLUMNS"] = "100"  # tables as wide as they are without a terminal, on every machine


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Compare pictures with their baselines wherever pytest-mpl is there, without being asked."""
    if config.pluginmanager.hasplugin("pytest_mpl") and config.option.mpl_generate_path is None:
        config.option.mpl = True


@pytest.fixture(autouse=True, scope="module")
def machine_code(request):
    """Wait for machine code: a suite makes so many fits that interpreting them takes longer."""
    if request.module.__name__ == "test_kernels":  # which is about the one and the other
        yield
        return
    with compiled():
        yield

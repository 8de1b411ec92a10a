"""Settings of all tests."""

import os

import pytest
from hypothesis import settings

settings.register_profile("fixed", derandomize=True, database=None)  # the same examples every time
settings.load_profile("fixed")


os.environ["COLUMNS"] = "100"  # tables as wide as they are without a terminal, on every machine


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Compare pictures with their baselines wherever pytest-mpl is there, without being asked."""
    if config.pluginmanager.hasplugin("pytest_mpl") and config.option.mpl_generate_path is None:
        config.option.mpl = True

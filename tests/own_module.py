"""The user's module of the tests, as a study imports it."""

from pathlib import Path

from simlab.custom.addresses import locate_object


def load(name):
    return locate_object(f"mine:{name}", Path(__file__).parent / "own").load()

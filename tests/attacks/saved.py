"""A saved study as a Dataset, and what differs between two, bit for bit."""

import warnings

import kill_cases

import simlab

__all__ = ["opened", "same"]


def same(ds, whole):
    """Names of what differs, bit for bit, wherever the two studies stand."""
    return [name for name in kill_cases.same(ds, whole) if name not in ("folder", "git_revision")]


def opened(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simlab.open_dataset(path).load()

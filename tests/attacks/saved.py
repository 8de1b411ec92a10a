"""A saved study as a Dataset, and what differs between two, bit for bit."""

import warnings

import kill_cases

import simlab

__all__ = ["POPULATION", "opened", "same"]

POPULATION = """\
population:
  clusters: 6
  gamma: [12, 2]
  G: [[16, 8], [8, 25]]
  sigma2: 20
  cluster_sizes: {law: fixed, size: 5}
"""


def same(ds, whole):
    """Names of what differs, bit for bit, wherever the two studies stand."""
    return [name for name in kill_cases.same(ds, whole) if name not in ("folder", "git_revision")]


def opened(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simlab.open_dataset(path).load()

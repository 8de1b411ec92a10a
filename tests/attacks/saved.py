"""A saved study as a Dataset, and what differs between two, bit for bit."""

import warnings

from kill_cases import same

import simlab

__all__ = ["opened", "same"]


def opened(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simlab.open_dataset(path).load()

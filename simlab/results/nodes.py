"""Sums of a run of blocks, written as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.performance.node import Node, empty
from simlab.performance.outline import Outline


def to_bytes(node: Node) -> bytes:
    """Write a node: of each array its size, and its elements, little-endian."""
    parts = []
    for array in _arrays(node):
        parts.append(np.array([array.size], dtype="<i8").tobytes())
        parts.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return b"".join(parts)


def from_bytes(data: bytes, outline: Outline) -> Node:
    """Read the node that `to_bytes` wrote.

    Raises
    ------
    ValueError
        If it was not written by a study of this outline.
    """
    at, found = 0, []
    for like in _arrays(template := empty(outline)):
        size = int(np.frombuffer(data, "<i8", 1, at)[0]) if at + 8 <= len(data) else -1
        grows = like.shape == (0,)
        if size < 0 or not (grows or size == like.size) or at + 8 * (1 + size) > len(data):
            raise ValueError("does not hold the sums of this study")
        values = np.frombuffer(data, like.dtype.newbyteorder("<"), size, at + 8)
        found.append(values.astype(like.dtype).reshape(-1 if grows else like.shape))
        at += 8 * (1 + size)
    if at != len(data):
        raise ValueError("does not hold the sums of this study")
    node: Node = _filled(template, iter(found))
    return node._replace(replicates=int(node.replicates), seconds=float(node.seconds))


def _arrays(node: Any) -> Iterator[NDArray[Any]]:
    """Every array of nested tuples, in their order."""
    if isinstance(node, tuple):
        for part in node:
            yield from _arrays(part)
    else:
        yield np.asarray(node)


def _filled(like: Any, arrays: Iterator[NDArray[Any]]) -> Any:
    """Return nested tuples of the same shape with other arrays."""
    if not isinstance(like, tuple):
        return next(arrays)
    parts = [_filled(part, arrays) for part in like]
    return like._make(parts) if hasattr(like, "_make") else tuple(parts)

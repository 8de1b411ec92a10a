"""What the replicates of a condition take on the disk: from a pilot, written once or summed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from simlab.performance.node import empty
from simlab.results import Block, Schema, SumsResults, ZarrResults
from simlab.results.chunks import CHECKSUM_BYTES
from simlab.results.nodes import to_bytes

Disk = Callable[[int], int]
"""From the replicates of a condition to the bytes that they take, or their sums."""


def disk_of(schema: Schema, blocks: Sequence[Block]) -> Disk:
    """Measure what the blocks of one condition take, by its pilot: whole blocks from number 0."""
    if schema.summed is None:
        each = _written(schema, blocks[0])
        return lambda replicates: -(-replicates // schema.block) * each
    results = SumsResults(schema)
    for block in blocks:
        results.write(block)
    taken = len(to_bytes(results.nodes(blocks[0].condition)))
    fixed = len(to_bytes(empty(results.summing.outline)))
    # The rest are ends of intervals, whose number grows with the root of a node's replicates.
    ends = (taken - fixed) / math.sqrt(len(blocks))

    def summed(replicates: int) -> int:
        number = -(-replicates // schema.block)
        # One node is left for each binary digit 1 of the number of blocks.
        sizes = [1 << k for k in range(number.bit_length()) if number >> k & 1]
        return sum(round(fixed + CHECKSUM_BYTES + ends * math.sqrt(size)) for size in sizes)

    return summed


def _written(schema: Schema, block: Block) -> int:
    """What a block takes on the disk: written once, into a folder that is removed."""
    with TemporaryDirectory() as folder:
        store = ZarrResults.create(Path(folder) / "pilot.zarr", schema)
        before = _size(store.path)
        store.write(replace(block, condition=0, number=0))
        return _size(store.path) - before


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

"""What the replicates of a condition take on the disk: from a pilot, written once or summed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from simlab.performance.node import empty
from simlab.results import Block, Schema, SumsResults, ZarrResults
from simlab.results.chunks import CHECKSUM_BYTES
from simlab.results.nodes import to_bytes

__all__ = ["Disk", "disk_of"]


@dataclass(frozen=True)
class Disk:
    """What replicates take, whether they are kept or summed.

    Attributes
    ----------
    block : int
        Replicates of a block.
    fixed : int
        Bytes of a block that is kept; or of a node of sums, without the ends of intervals.
    ends : float
        Bytes of these ends in a node of one block; their number grows with the square root of the
        node's replicates.
    summed : bool
        Whether measures are kept.
    """

    block: int
    fixed: int
    ends: float
    summed: bool

    def __call__(self, replicates: int) -> int:
        """Bytes that a condition of so many replicates takes."""
        blocks = -(-replicates // self.block)
        if not self.summed:
            return blocks * self.fixed
        # One node is left for each binary digit 1 of the number of blocks.
        sizes = [1 << k for k in range(blocks.bit_length()) if blocks >> k & 1]
        return sum(round(self.fixed + self.ends * math.sqrt(size)) for size in sizes)


def disk_of(schema: Schema, blocks: Sequence[Block]) -> Disk:
    """Measure what the blocks of one condition take.

    Parameters
    ----------
    schema : Schema
        Of a study with at least as many blocks.
    blocks : sequence of Block
        Its pilot, whole blocks from number 0.
    """
    if schema.summed is None:
        return Disk(schema.block, _written(schema, blocks[0]), 0.0, False)
    results = SumsResults(schema)
    for block in blocks:
        results.write(block)
    taken = len(to_bytes(results.nodes(blocks[0].condition)))
    fixed = len(to_bytes(empty(results.summing.outline)))  # all but the ends of intervals
    ends = (taken - fixed) / math.sqrt(len(blocks))
    return Disk(schema.block, fixed + CHECKSUM_BYTES, ends, True)


def _written(schema: Schema, block: Block) -> int:
    """What a block takes on the disk: written once, into a folder that is removed."""
    with TemporaryDirectory() as folder:
        store = ZarrResults.create(Path(folder) / "pilot.zarr", schema)
        before = _size(store.path)
        store.write(replace(block, condition=0, number=0))
        return _size(store.path) - before


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

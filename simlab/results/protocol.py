"""What all results can do, wherever they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from simlab.results.done import Done
from simlab.results.messages import Message
from simlab.results.schema import Block, Schema, Stop

if TYPE_CHECKING:
    import xarray as xr


class Results(Protocol):
    """Where blocks go: what `MemoryResults` and `ZarrResults` have in common."""

    @property
    def finished(self) -> Done:
        """Which blocks have been written."""

    @property
    def schema(self) -> Schema:
        """The shape of the Dataset."""

    @property
    def done(self) -> NDArray[np.bool_]:
        """(condition, block) True where the block has been written; a copy."""

    def write(self, block: Block) -> None:
        """Keep a finished block."""

    def messages(self) -> tuple[Message, ...]:
        """What went wrong in each fit with the status ERROR, by condition and replicate."""

    def warnings(self) -> tuple[Message, ...]:
        """What the user's code warned of, by condition and replicate."""

    def read(self, condition: int, number: int) -> Block:
        """Return a finished block, bit for bit as it was written."""

    def settle(self, condition: int, why: Stop) -> None:
        """Keep why a condition has no more replicates."""

    def dataset(self) -> xr.Dataset:
        """Everything up to the last block written; NaN, and status -1, where one is missing."""

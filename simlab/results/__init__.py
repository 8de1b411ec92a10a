"""Results of a study: the shape of its Dataset, kept in memory or in a Zarr store.

The runner writes `Block` after `Block` into `Results`, which keep blocks or sums of them; the
reading side opens the finished Dataset with `open_dataset` and needs nothing else from here. Who
writes to a store holds it with `locked`, continues or extends it with `open_results`, takes from
`open_earlier` what was done before there were more estimators, and leaves a record of its session
with `recorded`.
"""

from simlab.errors import StoreError
from simlab.results.base import DoneBlocks, Results
from simlab.results.differences import FREE
from simlab.results.earlier import Earlier, Missing
from simlab.results.lock import locked
from simlab.results.messages import BlockMessages, Message
from simlab.results.nodes import Leaf, Summing
from simlab.results.opening import (
    Stored,
    StoreWarning,
    kind_of,
    open_dataset,
    open_earlier,
    open_results,
    open_store,
)
from simlab.results.replicates import ReplicateResults
from simlab.results.schema import TIMES, Block, Schema, Stop, Summed
from simlab.results.sessions import Session, recorded, sessions, wall_seconds
from simlab.results.sums import SumsResults

__all__ = [
    "FREE", "TIMES", "Block", "BlockMessages", "DoneBlocks", "Earlier", "Leaf", "Message",
    "Missing", "ReplicateResults", "Results", "Schema", "Session", "Stop", "StoreError",
    "StoreWarning", "Stored", "Summed", "Summing", "SumsResults", "kind_of", "locked",
    "open_dataset", "open_earlier", "open_results", "open_store", "recorded", "sessions",
    "wall_seconds",
]  # fmt: skip

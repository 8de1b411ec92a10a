"""What a study found: the shape of its Dataset, kept in memory or in a Zarr store.

The runner writes `Block` after `Block` into a `MemoryResults` or a `ZarrResults`; the reading side
opens the finished Dataset with `open_dataset` and needs nothing else from here.
"""

from simlab.results.layout import StoreError
from simlab.results.memory import MemoryResults
from simlab.results.messages import Message
from simlab.results.schema import NOT_RUN, Block, Results, Schema, Status
from simlab.results.store import ZarrResults, open_dataset, open_results

__all__ = [
    "NOT_RUN",
    "Block",
    "MemoryResults",
    "Message",
    "Results",
    "Schema",
    "Status",
    "StoreError",
    "ZarrResults",
    "open_dataset",
    "open_results",
]

"""Run a study: `work` compiles it, `block` does one block, `loop` does all of them.

`footprint` says what memory it needs, and refuses what will not fit. `rounds` says which blocks
are wanted, and `until` when a condition has enough of them; `watch`,
what to do about those that take too long.
`schema` describes the Dataset that is filled, and `provenance` says where it comes from.
"""

from simlab.errors import RunError
from simlab.runner.block import SLAB, run_block
from simlab.runner.footprint import Room
from simlab.runner.loop import Progress, run
from simlab.runner.schema import schema_of, targets_of
from simlab.runner.watch import RunWarning, own_code_named
from simlab.runner.work import Job, Work, prepare

__all__ = [
    "SLAB", "Job", "Progress", "Room", "RunError", "RunWarning", "Work", "own_code_named",
    "prepare", "run", "run_block", "schema_of", "targets_of",
]  # fmt: skip

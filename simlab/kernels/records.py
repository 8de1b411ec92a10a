"""Records that are passed on by their address.

numba passes a named tuple of arrays as its parts, seven numbers for an array: a call with forty
arrays moves three hundred, and takes longer than what it does. By its address it is one number.
"""

from __future__ import annotations

from typing import TypeVar

Record = TypeVar("Record")


def reference(record: Record) -> Record:
    """Return a record whose fields are read where they stand.

    They cannot be set, but arrays among them can be filled. Only for what a kernel is given: arrays
    that it makes itself would be freed, since nobody counts who reads them.
    """
    return record

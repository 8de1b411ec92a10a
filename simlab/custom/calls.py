"""One call of the user's code in a study: noted while it runs, its warnings heard; or left out.

`Orders` are what was learnt of a block before it was begun again: which calls took too long, and
which methods are to be given their replicates one by one, to find the one that does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TypeVar

from simlab.custom.addresses import Address
from simlab.custom.isolation import Failure, attempt
from simlab.custom.warned import listening
from simlab.parallel.notes import doing

T = TypeVar("T")

CALLED = threading.Event()
"""Whether this process has called functions of the user, and may have threads of theirs."""

ALL = -1  # instead of a replicate: those of a block that are given to a function at once


class Order(NamedTuple):
    """A call that is not to be made again."""

    name: str  # import path of the function
    replicate: int  # its number in its condition, or `ALL`
    text: str  # why


Orders = tuple[Order, ...]


class _Where(NamedTuple):
    """The block that is being worked on."""

    condition: int
    number: int
    orders: Orders


_WHERE: ContextVar[_Where | None] = ContextVar("where", default=None)


@contextmanager
def within(condition: int, number: int, orders: Orders) -> Iterator[None]:
    """Work on a block, as it was ordered."""
    before = _WHERE.set(_Where(condition, number, orders))
    try:
        yield
    finally:
        _WHERE.reset(before)


def ordered(name: str) -> Orders:
    """Orders on a function in the block that is being worked on: which calls to leave out."""
    where = _WHERE.get()
    return () if where is None else tuple(order for order in where.orders if order.name == name)


def called(
    call: Callable[[], T], address: Address, numbers: Sequence[int]
) -> tuple[T | Failure, tuple[str, ...]]:
    """Call a function of the user for replicates of one block, by their numbers in the condition.

    Returns what it returned or what went wrong, and a line for each different warning.
    """
    where = _WHERE.get() or _Where(0, 0, ())
    replicate = numbers[0] if len(numbers) == 1 else ALL
    for order in ordered(address.path):
        if order.replicate == replicate:
            return Failure(order.text), ()
    note = (where.condition, where.number, numbers[0], numbers[-1], address.path)
    CALLED.set()
    with doing(*note), listening(address.file) as heard:
        result = attempt(call, address.file)
    return result, heard.texts

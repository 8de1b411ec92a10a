"""Types of arguments that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

Printed = Literal["text", "csv"]
Several = Annotated[tuple[str, ...] | None, Parameter(consume_multiple=True, negative="")]
Words = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")]

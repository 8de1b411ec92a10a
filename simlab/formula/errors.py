"""The error of a formula that cannot be used."""

from __future__ import annotations

from simlab.errors import Error


class FormulaError(Error, ValueError):
    """A formula cannot be read, or asks for something that is not allowed; one line says what."""

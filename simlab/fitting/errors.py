"""What a fit says when it cannot do as asked."""

from __future__ import annotations


class FitError(ValueError):
    """The fit cannot answer this; one line says why and what to do."""


class FitWarning(UserWarning):
    """The fit is not quite of what was asked: rows left out, columns dropped, no convergence."""

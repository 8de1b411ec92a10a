"""What is wrong with a population whose configuration is valid by itself."""

from simlab.errors import Error

__all__ = ["PopulationError"]


class PopulationError(Error):
    """A population that cannot be sampled as asked; one line names the field and what to do."""

"""What is wrong with a population whose configuration is valid by itself."""

__all__ = ["PopulationError"]


class PopulationError(Exception):
    """A population that cannot be sampled as asked; one line names the field and what to do."""

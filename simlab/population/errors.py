"""What is wrong with a population whose configuration is valid by itself."""

from simlab.errors import Error

__all__ = ["PopulationError"]


class PopulationError(Error):
    """A population that cannot be sampled as asked; one line names the field and what to do.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    field : str
        Dotted path of the field, where it is not that of the data.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message, self.field = message, field

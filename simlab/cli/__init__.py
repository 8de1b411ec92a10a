"""The command line: arguments to calls. `simlab --help` imports nothing heavy."""

from __future__ import annotations

import sys

from simlab.cli import bench, lab, models, sampling, stores, studies
from simlab.cli.app import app

__all__ = ["app", "bench", "lab", "main", "models", "sampling", "stores", "studies"]


def main() -> None:
    """Run the command line; what the user can mend is one line on stderr and exit status 2."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(
            "\nsimlab: interrupted; a study keeps its finished blocks, and the same command "
            "continues it",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    except Exception as error:
        if type(error).__name__ not in (
            "AppError", "ClaimError", "ConfigError", "CustomError", "DataError", "ExportError",
            "FitError", "FormulaError", "LevelError", "ParallelError", "PopulationError",
            "StoreError", "UsageError",
        ):  # fmt: skip
            raise
        print(error, file=sys.stderr)
        raise SystemExit(2) from None

"""The command line: arguments to calls. `simlab --help` imports nothing heavy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from simlab.config import Study

app = App(
    name="simlab",
    help="A laboratory for sampling experiments on hierarchical data.",
    version_flags=["--version"],
)

Format = Literal["text", "markdown", "latex", "csv"]
FitFormat = Literal["text", "html", "csv"]
DF = Literal["satterthwaite", "kenward-roger", "containment", "normal"]


@app.command
def run(
    config: Path,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    jobs: int = -1,
    out: Path | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> None:
    """Run a study, save its results, and print the methods table.

    An interrupted study is continued by the same command.

    Parameters
    ----------
    config
        The study, a YAML file.
    replicates
        Instead of the number in the file.
    seed
        Instead of the seed in the file.
    jobs
        Threads; -1 for one per core. The numbers do not depend on it.
    out
        Folder for NAME.zarr and NAME.md, NAME being the study's.
    overwrite
        Replace a store that belongs to another study.
    quiet
        No progress bar.
    """
    from simlab import commands

    commands.run(_study(config, replicates, seed), jobs, out or Path("results"), overwrite, quiet)


@app.command
def check(config: Path) -> None:
    """Validate a study without running it, and say what it would do.

    Parameters
    ----------
    config
        The study, a YAML file.
    """
    from simlab import commands

    commands.check(_study(config, None, None))


@app.command
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    import json

    from simlab.config import schema as json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command
def table(store: Path, *, format: Format = "text", sector: str | None = None) -> None:
    """Print the summary-of-methods table of a finished study.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    format
        How to print it.
    sector
        Which sector, where there are several; the first by default.
    """
    from simlab import commands

    commands.table(store, format, sector)


@app.command
def measure(store: Path, *, format: Literal["text", "markdown", "csv"] = "csv") -> None:
    """Print every performance measure with its Monte Carlo standard error.

    Parameters
    ----------
    store
        A NAME.zarr folder.
    format
        csv is tidy: one row per condition, estimator, term, target and measure.
    """
    from simlab import commands

    commands.measure(store, format)


@app.command
def compare(
    data: str,
    *,
    y: str,
    x: str,
    cluster: str,
    group: str | None = None,
    level: float = 0.95,
    format: Annotated[Literal["text", "csv"], Parameter()] = "text",
) -> None:
    """Apply every method to one data set.

    Parameters
    ----------
    data
        A CSV file, or hs.
    y
        Column of the response.
    x
        Column of the covariate.
    cluster
        Column that names the cluster.
    group
        Column of a group of clusters, such as a sector.
    level
        Confidence level.
    format
        csv is tidy and has every digit.
    """
    from simlab import commands

    commands.compare(data, y, x, cluster, group, level, format)


@app.command
def fit(
    data: str,
    formula: str,
    *,
    ml: bool = False,
    random: str | None = None,
    df: DF = "satterthwaite",
    level: float = 0.95,
    missing: Literal["drop", "raise"] = "drop",
    format: FitFormat = "text",
    test: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
) -> None:
    """Fit a mixed model with two levels, and print its summary.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    formula
        In quotes: "mathach ~ ses * sector + (1 + ses | school)".
    ml
        Maximum likelihood instead of REML.
    random
        Random effects in nlme's spelling: "~ 1 + ses | school"; the formula then has no bar.
    df
        Degrees of freedom of the fixed effects.
    level
        Confidence level.
    missing
        What to do with rows where a value is missing.
    format
        csv is tidy and has every digit; html is a page.
    test
        Coefficients to be tested jointly, by name, term or regular expression; each word is a test.
    """
    from simlab import fit_commands

    options = fit_commands.Options("ML" if ml else "REML", df, level, missing, format)
    fit_commands.fit(data, formula, random, test, options)


@app.command
def catalogue(
    data: str,
    *,
    y: str,
    x: str,
    w: str,
    cluster: str,
    ml: bool = False,
    format: FitFormat = "text",
) -> None:
    """Fit the course's ten models, from one way ANOVA to contextual models, side by side.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    y
        Column of the response.
    x
        Column of the covariate of level 1, which varies within clusters.
    w
        Column of the covariate of level 2, which does not.
    cluster
        Column that names the cluster.
    ml
        Maximum likelihood instead of REML.
    format
        csv has every digit; html is a page.
    """
    from simlab import fit_commands

    fit_commands.catalogue(data, (y, x, w, cluster), "ML" if ml else "REML", format)


@app.command
def notation() -> None:
    """Print a dictionary of notations: HLM, SAS, nlme, lme4, the course, simlab."""
    from simlab.fitting.notation import notation as dictionary

    print(dictionary())


def _study(config: Path, replicates: int | None, seed: int | None) -> Study:
    from simlab.study import load

    study = load(config)
    changes = {"replicates": replicates, "seed": seed}
    given = {name: value for name, value in changes.items() if value is not None}
    return study.replace(**given) if given else study


def main() -> None:
    """Run the command line; what the user can mend is one line on stderr and exit status 2."""
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(
            "\nsimlab: interrupted; finished blocks are saved, and the same command continues",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    except Exception as error:
        if type(error).__name__ not in (
            "ConfigError", "DataError", "FitError", "FormulaError", "PopulationError",
            "StoreError", "UsageError",
        ):  # fmt: skip
            raise
        print(error, file=sys.stderr)
        raise SystemExit(2) from None

"""Commands on one data set: all methods, or one mixed model."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from simlab.cli.app import app

FitFormat = Literal["text", "html", "csv"]
DF = Literal["satterthwaite", "kenward-roger", "containment", "normal"]


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
    from simlab.commands import studies

    studies.compare(data, y, x, cluster, group, level, format)


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
    anova: Annotated[bool, Parameter(negative="")] = False,
    type: Literal["3", "2", "1", "marginal"] | None = None,
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
    anova
        Test every term of the formula.
    type
        What --anova tests of a term: its effect on means of cells of equal weight (3, the default);
        what it adds to the terms that do not contain it (2), or to those before it (1); its
        coefficients as they are coded (marginal).
    """
    from simlab.commands import models

    options = models.Options("ML" if ml else "REML", df, level, missing, format)
    terms = (type or "3") if anova or type else None
    models.fit(data, formula, random, models.Tests(test, terms), options)


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
    from simlab.commands import models

    models.catalogue(data, (y, x, w, cluster), "ML" if ml else "REML", format)


@app.command
def notation() -> None:
    """Print a dictionary of notations: HLM, SAS, nlme, lme4, the course, simlab."""
    from simlab.course.notation import notation as dictionary

    print(dictionary())

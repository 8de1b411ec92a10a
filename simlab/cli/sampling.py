"""Commands that judge one data set by sampling: audit, p-values, bootstrap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from simlab.cli.app import app


@app.command
def audit(
    data: str,
    *,
    y: str,
    x: str,
    cluster: str,
    group: str | None = None,
    replicates: int = 2000,
    draws: int = 50,
    seed: int = 0,
    level: float = 0.95,
    jobs: int = -1,
    report: Path | None = None,
    config: Path | None = None,
    format: Annotated[Literal["text", "csv"], Parameter()] = "text",
    quiet: bool = False,
) -> None:
    """Say which methods can be trusted on one data set, for which question.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    y
        Column of the response.
    x
        Column of the covariate.
    cluster
        Column that names the cluster.
    group
        Column of a group of clusters, such as a sector.
    replicates
        Samples for each question and parameter set.
    draws
        Parameter sets drawn from the sampling distribution of the fit; 0 for a first answer only.
    seed
        Root of the random streams.
    level
        Confidence level.
    jobs
        Threads; -1 for one per core. The numbers do not depend on it.
    report
        HTML file to write, with pictures.
    config
        YAML file to write, from which simlab run gives the very same estimates.
    format
        csv is tidy and has every digit.
    quiet
        No first answer and no progress bar.
    """
    from simlab.auditing.subject import Roles
    from simlab.commands import audit as command

    roles = Roles(y, x, cluster, group)
    options = command.Options(replicates, draws, seed, level, jobs, report, config, format, quiet)
    command.audit(data, roles, options)


@app.command
def pvalue(
    data: str,
    *,
    null: str,
    alternative: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")],
    draws: int = 9999,
    method: Literal["auto", "REML", "ML"] = "auto",
    stop: int | None = None,
    seed: int = 0,
    jobs: int = -1,
    level: float = 0.95,
    missing: Literal["drop", "raise"] = "drop",
    format: Literal["text", "csv"] = "text",
    figure: Path | None = None,
    quiet: bool = False,
) -> None:
    """Test a model against larger ones by the likelihood ratio, with p-values by simulation.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    null
        Formula of the null model, in quotes; without a bar it is a linear model.
    alternative
        Formula of the larger model, in quotes; with several the p-values are adjusted too.
    draws
        From the null model.
    method
        auto: REML if the fixed parts are the same, otherwise ML.
    stop
        Stop when so many draws are as extreme as the data; for one alternative.
    seed
        Of the draws.
    jobs
        Threads; -1 for one per core. The numbers do not depend on it.
    level
        Confidence level of the interval of p.
    missing
        What to do with rows where a value is missing.
    format
        csv is tidy and has every digit.
    figure
        Draw the null distribution into this file: .png, .svg or .pdf.
    quiet
        No progress bar.
    """
    from simlab.commands import pvalue as command

    options = command.Options(
        draws, method, stop, seed, jobs, level, missing, format, figure, quiet
    )
    command.pvalue(data, null, alternative, options)


@app.command
def bootstrap(
    data: str,
    formula: str,
    *,
    statistic: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ("all",),
    draws: int = 1999,
    kind: Literal["parametric", "clusters"] = "parametric",
    level: float = 0.95,
    seed: int = 0,
    ml: bool = False,
    jobs: int = -1,
    format: Annotated[Literal["text", "csv"], Parameter()] = "text",
) -> None:
    """Fit a mixed model, and print bootstrap standard errors and confidence intervals.

    Parameters
    ----------
    data
        A CSV file, or hs, or hsb.
    formula
        In quotes: "mathach ~ ses * sector + (1 + ses | school)".
    statistic
        all, fixef, varcorr, G, sigma, sigma2, icc, r2, or single names, such as ses or "sd(ses)".
    draws
        How many.
    kind
        New responses from the fitted model, or whole clusters drawn with replacement.
    level
        Confidence level.
    seed
        The same seed gives the same draws.
    ml
        Maximum likelihood instead of REML.
    jobs
        Threads; -1 for one per core. The numbers do not depend on it.
    format
        csv is tidy and has every digit.
    """
    from simlab.commands import models

    method: Literal["ML", "REML"] = "ML" if ml else "REML"
    how = models.Draws(draws, kind, level, seed, jobs)
    models.bootstrap(data, formula, method, statistic, how, format)

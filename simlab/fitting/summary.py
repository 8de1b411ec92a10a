"""Summary of a fit, and a short form of some lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simlab.fitting.hypotheses import SOURCES, coefficients
from simlab.fitting.intervals import varcorr
from simlab.fitting.prediction import icc, r2
from simlab.fitting.record import DF, Fit, Method
from simlab.text import Formula, Heading, Note, Paragraph, Part, Printable, Table, listed
from simlab.text.numbers import degrees, number, p_value, statistic

SHORT = 6  # fixed effects in the short form


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Summary(Printable):
    """A fit as one reads it: `print` it, or let a notebook show it."""

    # what was fitted; in lme4's spelling
    formula: str
    cluster: str
    response: str
    method: Method  # which likelihood
    # N rows, J clusters; least, median and greatest number of rows in a cluster
    sizes: tuple[int, int, float, float, float]
    # what the reader must know: rows left out, columns dropped, no convergence, singular G
    notes: tuple[str, ...]
    statistics: pd.Series[float]  # ``npar``, ``logLik``, ``deviance``, ``AIC``, ``BIC``
    # index ``sd(…)``, ``cor(…)``, ``sigma``; ``estimate``, ``lower``, ``upper``. Ends are NaN where
    # there is no interval
    components: pd.DataFrame
    interval_notes: tuple[str, ...]  # why intervals are lacking
    # index: coefficients; ``estimate``, ``std_error``, ``df``, ``statistic``, ``p_value``,
    # ``lower``, ``upper``
    coefficients: pd.DataFrame
    # of the estimates of fixed effects, (p, p), if it is wanted
    correlation: pd.DataFrame | None
    shares: pd.Series[float]  # ``icc`` (at the mean of z'Gz), ``r2_marginal``, ``r2_conditional``
    df: DF  # how degrees of freedom were found
    level: float  # coverage of the intervals

    def to_frame(self) -> pd.DataFrame:
        """Every number, tidy; NaN where there is none.

        Columns ``part`` (fixed, random, model), ``term``, ``estimate``, ``std_error``, ``df``,
        ``statistic``, ``p_value``, ``lower``, ``upper``.
        """
        fixed = self.coefficients.rename_axis("term").reset_index().assign(part="fixed")
        random = self.components.rename_axis("term").reset_index().assign(part="random")
        model = pd.concat([self.statistics, self.shares])
        whole = pd.DataFrame({"part": "model", "term": model.index, "estimate": model.to_numpy()})
        columns = ["part", "term", *self.coefficients.columns]
        parts = [part.reindex(columns=columns) for part in (fixed, random, whole)]
        return pd.DataFrame(
            {name: [v for part in parts for v in part[name]] for name in columns}, columns=columns
        )

    def parts(self) -> list[Part | list[Part]]:
        """Model and sizes, notes, likelihood, variance components, fixed effects, shares."""
        of_random, of_fixed = _captions(self)
        N, J, least, median, most = self.sizes
        sizes = (
            f"{least:g} rows" if least == most else f"{least:g} to {most:g} rows, median {median:g}"
        )
        correlated = self.correlation is not None and len(self.correlation) > 1
        return [
            Heading(f"Linear mixed model with two levels, fitted by {self.method}"),
            Formula(self.formula),
            Paragraph(f"N = {N} rows in J = {J} clusters of {self.cluster}, each of {sizes}", "  "),
            *(Note(f"NOTE: {note}", indent="      ") for note in self.notes),
            _statistics(self),
            _components(self, of_random),
            *(Note(f"Note: {note}", "  ") for note in self.interval_notes),
            _fixed(self, of_fixed),
            *([_cross(self)] if correlated else []),
            Paragraph(_shares(self), indent=""),
        ]


def summary(
    fit: Fit, df: DF = "satterthwaite", level: float = 0.95, correlation: bool = False
) -> Summary:
    """Summarise a fit.

    Parameters
    ----------
    df : {"satterthwaite", "kenward-roger", "containment", "normal"}
        Degrees of freedom of the fixed effects; see `simlab.fitting.hypotheses.table`.
    level
        Coverage of the intervals. Those of the fixed effects are estimate ± t(df) · standard
        error; those of the variance components are Wald's on the scales of log sd and of
        log((1 + ρ)/(1 − ρ)) (Pinheiro & Bates 2000, section 2.4.3).
    correlation
        Add the correlations of the estimates of fixed effects.

    Raises
    ------
    FitError
        If df is unknown, "kenward-roger" is asked of a fit by ML, or level is not between 0 and 1.
    """
    fixed = coefficients(fit, df, level)
    random = varcorr(fit, level)
    n = fit.clusters.n
    values = (fit.npar, fit.loglik, fit.deviance, fit.aic, fit.bic)
    return Summary(
        formula=fit.design.formula,
        cluster=fit.design.cluster_name,
        response=fit.design.response,
        method=fit.method,
        sizes=(fit.nobs, fit.nclusters, float(n.min()), float(np.median(n)), float(n.max())),
        notes=fit.notes,
        statistics=pd.Series(values, ["npar", "logLik", "deviance", "AIC", "BIC"], dtype=float),
        components=random.table[["estimate", "lower", "upper"]],
        interval_notes=random.notes,
        coefficients=fixed,
        correlation=_correlation(fit) if correlation else None,
        shares=pd.Series({"icc": icc(fit)["mean"], **r2(fit).add_prefix("r2_")}),
        df=df,
        level=level,
    )


def brief(fit: Fit) -> list[Part | list[Part]]:
    """Describe a fit: formula, sizes, log-likelihood, fixed effects, variance components, notes."""
    G = fit.G_matrix
    sd = np.sqrt(np.maximum(np.diag(G), 0.0))
    names = fit.design.random_names
    spread = [f"{name} {number(s)}" for name, s in zip(names, sd, strict=True)]
    pairs = [(a, b) for a, b in fit.optimum.free if a != b and sd[a] * sd[b] > 0]
    cors = [f"({names[b]}, {names[a]}) {G[a, b] / (sd[a] * sd[b]):.3f}" for a, b in pairs]
    fixed = [
        f"{name} {number(g, s)} ({number(s)})"
        for name, g, s in zip(fit.fixef.index, fit.gamma, fit.std_error, strict=True)
    ]
    if len(fixed) > SHORT:
        fixed = [*fixed[:SHORT], f"… and {len(fixed) - SHORT} more"]
    sizes = (
        f"{fit.nobs} rows in {fit.nclusters} clusters of {fit.design.cluster_name}; "
        f"logLik {fit.loglik:.4f}, AIC {fit.aic:.2f}, BIC {fit.bic:.2f}"
    )
    lists = [
        ("Fixed effects (standard errors)", fixed),
        ("sd of the random effects", [*spread, f"residual {number(fit.sigma2**0.5)}"]),
        *([("correlations", cors)] if cors else []),
    ]
    return [
        [
            Formula(fit.design.formula, f"Mixed model by {fit.method}: ", "  "),
            Paragraph(sizes),
            *(Paragraph(listed(title, items)) for title, items in lists),
            *(Note(f"Note: {note}") for note in fit.notes),
        ]
    ]


def _correlation(fit: Fit) -> pd.DataFrame:
    """Correlations of the estimated fixed effects."""
    V = fit.covariance
    sd = np.sqrt(np.diag(V))
    names = list(fit.design.fixed_names)
    return pd.DataFrame(V / np.outer(sd, sd), index=names, columns=names)


def _statistics(s: Summary) -> Table:
    """Table of likelihood, deviance, AIC and BIC."""
    likelihood = "log L restricted" if s.method == "REML" else "log L"
    values = s.statistics
    header = [likelihood, "deviance (−2 log L)", "AIC", "BIC", "parameters"]
    cells = [f"{values[name]:.4f}" for name in ("logLik", "deviance", "AIC", "BIC")]
    return Table(["", *header], [["", *cells, f"{values['npar']:.0f}"]])


def _components(s: Summary, title: str) -> Table:
    """Standard deviations with their squares; then correlations."""
    header = ["", "variance", "sd", "lower", "upper"]
    sds, cors = [], []
    for name, row in s.components.iterrows():
        label, value = str(name), float(row["estimate"])
        ends = [number(float(row[end])) for end in ("lower", "upper")]
        if label.startswith("cor("):
            ends = [_three(float(row[end])) for end in ("lower", "upper")]
            cors.append([label.replace(",", ", ", 1), "", _three(value), *ends])
        else:
            shown = "residual" if label == "sigma" else label[3:-1]
            sds.append([shown, number(value**2), number(value), *ends])
    return Table(header, [*sds, *cors], title, breaks=[len(sds)], indent="  ")


def _three(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _fixed(s: Summary, title: str) -> Table:
    """Table of the fixed effects."""
    test = "z" if s.df == "normal" else "t"
    header = ["", "estimate", "std. error", "df", test, "p", "lower", "upper"]
    rows = []
    for name, row in s.coefficients.iterrows():
        unit = float(row["std_error"])
        rows.append([
            str(name), number(row["estimate"], unit), number(unit), degrees(row["df"]),
            statistic(row["statistic"]), p_value(row["p_value"]),
            *(number(row[end], unit) for end in ("lower", "upper")),
        ])  # fmt: skip
    return Table(header, rows, title, indent="  ")


def _cross(s: Summary) -> Table:
    """Correlations below the diagonal; columns are numbered as rows are."""
    assert s.correlation is not None
    C = s.correlation.to_numpy()
    names = [f"{i + 1} {name}" for i, name in enumerate(s.correlation.index)]
    header = ["", *(str(i + 1) for i in range(len(names) - 1))]
    rows = [
        [name, *(f"{C[i, k]:.3f}" if k < i else "" for k in range(len(names) - 1))]
        for i, name in enumerate(names)
    ]
    return Table(header, rows, "Correlations of their estimates", indent="  ")


def _shares(s: Summary) -> str:
    """Sentence on the intraclass correlation and R²."""
    shares = s.shares
    return (
        f"Of the variance that the fixed effects leave, {shares['icc']:.3f} is between clusters "
        f"(intraclass correlation). R²: {shares['r2_marginal']:.3f} by the fixed effects, "
        f"{shares['r2_conditional']:.3f} with the random ones (Nakagawa & Schielzeth 2013, "
        "Johnson 2014)."
    )


def _captions(s: Summary) -> tuple[str, str]:
    """Titles of the tables of random and fixed effects."""
    between = f"with {100 * s.level:g} % intervals"
    none = s.df == "containment" and s.coefficients["df"].isna().any()
    left = "; none are left where a coefficient has too few clusters" if none else ""
    return (
        f"Random effects u_j ~ N(0, G), residuals ~ N(0, σ²): sd {between}",
        f"Fixed effects {between}: {SOURCES[s.df]}{left}",
    )

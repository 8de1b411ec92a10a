"""The catalogue of the course: ten models of one response, from the simplest to the contextual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from simlab.course.equations import SPECS, Roles, Symbols, Written, written
from simlab.data import DataError, varying
from simlab.data.checks import complete, numeric, require
from simlab.data.frames import Data, as_pandas
from simlab.errors import FormulaError, NoSuchError
from simlab.fitting.errors import FitError
from simlab.fitting.model import fit_design
from simlab.fitting.record import Method
from simlab.fitting.result import MixedFit
from simlab.formula import Design, build
from simlab.formula.nodes import listed
from simlab.text import Formula, Note, Paragraph, Part, Printable, Table
from simlab.text.numbers import number

Key = tuple[str, str, str]  # part, term, quantity


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model(Printable):
    """One model of the catalogue."""

    name: str  # ``"m1"`` … ``"m10"``
    title: str  # its traditional name
    formula: str  # in lme4's spelling, and simlab's
    # in nlme's spelling: ``lme(fixed, data, random = random)``
    fixed: str
    random: str
    equations: Written  # of level 1, of level 2, and combined
    fit: MixedFit | None  # none where the model cannot be fitted
    reason: str  # why it cannot; "" where it can

    def to_frame(self) -> pd.DataFrame:
        """Estimates of the model; see `Catalogue.to_frame`."""
        return _frame([self])

    def parts(self) -> list[Part | list[Part]]:
        """Name, formulas, equations."""
        return [_model_parts(self)]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Catalogue(Printable):
    """The ten models, fitted to the same rows."""

    models: tuple[Model, ...]  # ``catalogue["m5"]`` is one of them
    roles: Roles  # which columns play which part
    method: Method  # {"REML", "ML"} which likelihood
    # rows and clusters used
    N: int
    J: int
    # what the user must know: rows left out, models not fitted, what a fit warns of
    notes: tuple[str, ...]
    where: tuple[str, ...]  # what the symbols of the equations mean

    def __getitem__(self, name: str) -> Model:
        for model in self.models:
            if name == model.name:
                return model
        raise NoSuchError(f"no model {name!r}; the catalogue has m1 to m{len(self.models)}")

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def to_frame(self) -> pd.DataFrame:
        """Estimates side by side, a column for each model; NaN where it lacks a term.

        The index is (part, term, quantity): part ``fixed`` with ``estimate`` and ``std_error`` of
        each coefficient; ``random`` with the ``estimate`` of ``sd(…)``, ``cor(…)`` and ``sigma``;
        ``model`` with the ``value`` of ``npar``, ``logLik``, ``deviance``, ``AIC`` and ``BIC``.
        """
        return _frame(self.models)

    def parts(self) -> list[Part | list[Part]]:
        """Each model, then the estimates side by side."""
        return _catalogue_parts(self)


PARTS = ("fixed", "random", "model")
FAILED = "unfitted"  # instead of the first estimate
TRADITIONAL = 7  # the first models; the others have cluster means, hence other coefficients
ADVICE = (
    "restricted log-likelihoods, AIC and BIC compare models with the same fixed part only: m3 with "
    "m4, m5 with m6, m8 with m9; method ML compares all"
)


def catalogue(
    data: Data,
    y: str,
    x: str,
    w: str,
    cluster: str,
    method: Method = "REML",
    *,
    source: str = "the data",
) -> Catalogue:
    """Fit the ten models of the course, "from the simple to the complex", to the same rows.

    One way ANOVA with random effects, means as outcomes, one way ANCOVA, random coefficients,
    intercepts and slopes as outcomes, non random slopes, parallel mean slopes, and three with
    cluster means as contextual variables (names of Bryk & Raudenbush 1992, *Hierarchical Linear
    Models*, ch. 2, and of the course).

    Parameters
    ----------
    data
        One row per unit.
    y
        Column of the response: numbers.
    x
        Column of the covariate of level 1: numbers that vary within clusters.
    w
        Column of the covariate of level 2, constant within clusters: numbers or categories.
    cluster
        Column of the cluster's label.
    method : {"REML", "ML"}
        Restricted log-likelihoods, AIC and BIC compare models with the same fixed part only; ML
        compares all.
    source
        What messages call the data.

    Returns
    -------
    Catalogue
        Rows where any of the four is missing are left out of all models. Cluster means of x are
        over all rows where x and the cluster are present, as in `simlab.fit`. A model that cannot
        be fitted has its reason; the others are not lost.

    Raises
    ------
    DataError
        If a column does not exist or plays two parts; y or x is not numeric; x is constant within
        every cluster, or w varies within some.
    FitError
        If there is no such method.
    """
    if method not in ("REML", "ML"):
        raise FitError(f"method is {method!r}; it must be 'REML' or 'ML'")
    roles = Roles(y, x, w, cluster)
    df, left_out = _checked(as_pandas(data, source), roles, source)
    designs = [_design(spec.formula(roles), df, source) for spec in SPECS]
    symbols = _symbols(roles, designs[1], df)
    models = []
    for i, (spec, design) in enumerate(zip(SPECS, designs, strict=True)):
        fitted, reason = _fit(design, method, source)
        texts = (spec.formula(roles), spec.fixed(roles), spec.random(roles))
        equations = written(spec, symbols)
        models.append(Model(f"m{i + 1}", spec.title, *texts, equations, fitted, reason))
    kept = df[y].notna().to_numpy()
    J = df.loc[kept, cluster].nunique()
    notes = (*left_out, *_notes(models))
    return Catalogue(tuple(models), roles, method, int(kept.sum()), J, notes, symbols.where)


def numbers(fit: MixedFit) -> dict[Key, float]:
    """Collect what the table shows of one model, by (part, term, quantity)."""
    out: dict[Key, float] = {}
    for term, value, error in zip(fit.fixef.index, fit.gamma, fit.std_error, strict=True):
        out["fixed", str(term), "estimate"] = float(value)
        out["fixed", str(term), "std_error"] = float(error)
    names, G = fit.design.random_names, fit.G_matrix
    sd = np.sqrt(np.maximum(np.diag(G), 0.0))
    for a, name in enumerate(names):
        out["random", f"sd({name})", "estimate"] = float(sd[a])
    for a, b in fit.optimum.free:
        if a != b:
            scale = sd[a] * sd[b]
            value = float(G[a, b] / scale) if scale > 0 else np.nan
            out["random", f"cor({names[b]},{names[a]})", "estimate"] = value
    out["random", "sigma", "estimate"] = float(np.sqrt(fit.sigma2))
    values = (fit.npar, fit.loglik, fit.deviance, fit.aic, fit.bic)
    for term, value in zip(("npar", "logLik", "deviance", "AIC", "BIC"), values, strict=True):
        out["model", term, "value"] = float(value)
    return out


def _frame(models: Sequence[Model]) -> pd.DataFrame:
    """Estimates of models side by side; see `Catalogue.to_frame`."""
    columns = {m.name: numbers(m.fit) if m.fit is not None else {} for m in models}
    keys = dict.fromkeys(key for part in PARTS for c in columns.values() for key in c
                         if key[0] == part)  # fmt: skip
    index = pd.MultiIndex.from_tuples(_grouped(list(keys)), names=["part", "term", "quantity"])
    return pd.DataFrame(
        {name: [c.get(key, np.nan) for key in index] for name, c in columns.items()},
        index=index, dtype=float,
    )  # fmt: skip


# ---------------------------------------------------------------- checks of the data


def _checked(df: pd.DataFrame, roles: Roles, source: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The four columns, with y missing in every row that is not complete; and what is left out."""
    parts = ("response y", "covariate x", "covariate w of clusters", "cluster")
    for i, name in enumerate(roles):
        if name in roles[:i]:
            both = f"{parts[roles.index(name)]} and {parts[i]}"
            raise DataError(f"{source}: {name!r} is given as {both}; give another column for one")
    require(df, dict(zip(parts, roles, strict=True)), source)
    df = df[list(roles)].copy()
    for role, name in zip("yx", roles[:2], strict=True):
        try:
            df[name] = numeric(df, name, source)
        except DataError as error:
            raise DataError(
                f"{error}; {role} must be numeric (code two categories as 0 and 1)"
            ) from None
    _check_levels(df, roles, source)
    whole, missing = complete(df, roles, source)
    if not missing:
        return df, ()
    df.loc[df.isna().any(axis=1).to_numpy(), roles.y] = np.nan
    counts = ", ".join(f"{name} {n}" for name, n in missing.items())
    return df, (
        f"{len(df) - len(whole)} of {len(df)} rows left out of all models, with missing values in: "
        f"{counts}",
    )


def _check_levels(df: pd.DataFrame, roles: Roles, source: str) -> None:
    """Refuse a w that varies within clusters, and an x that does not."""
    vary = varying(df, roles.cluster)
    if roles.w in vary:
        where = vary[roles.w]
        raise DataError(
            f"{source}: {roles.w} varies within {len(where)} cluster{'s' * (len(where) > 1)} of "
            f"{roles.cluster} "
            f"({listed(map(str, where))}); w must have one value in each cluster: correct the "
            "data, or give a variable of level 2"
        )
    if roles.x not in vary:
        raise DataError(
            f"{source}: {roles.x} is constant within every cluster of {roles.cluster}; x must vary "
            "within clusters (a variable of the clusters can be w)"
        )


# ---------------------------------------------------------------- fits


def _design(formula: str, df: pd.DataFrame, source: str) -> Design | str:
    """The design, or why there is none."""
    try:
        return build(formula, df, source=source)
    except (DataError, FormulaError) as error:
        return str(error)


def _fit(design: Design | str, method: Method, source: str) -> tuple[MixedFit | None, str]:
    """Fit of a design, or the reason why there is none."""
    if isinstance(design, str):
        return None, design
    try:
        fitted = fit_design(design, method, source)
    except (DataError, FitError) as error:
        return None, str(error)
    # the catalogue says once which rows are left out, and of which column
    notes = tuple(note for note in fitted.notes if "rows left out" not in note)
    return replace(fitted, notes=notes), ""


def _symbols(roles: Roles, design: Design | str, df: pd.DataFrame) -> Symbols:
    """Symbols of the variables in equations; `design` is that of means as outcomes, y ~ 1 + w."""
    names = design.fixed_names[1:] if isinstance(design, Design) else (roles.w,)
    levels = tuple(name[len(roles.w) :] for name in names)
    if levels in ((), ("",)):
        return Symbols(roles.y, roles.x, roles.cluster, (roles.w,), ())
    others = {str(value) for value in df[roles.w].dropna().unique()} - set(levels)
    reference = min(others, default="the reference")
    if len(levels) == 1:
        coding = (f"{roles.w}_j is 1 for {levels[0]}, 0 for {reference}",)
        return Symbols(roles.y, roles.x, roles.cluster, (roles.w,), coding)
    symbols = tuple(f"{roles.w}[{level}]" for level in levels)
    coding = (
        f"{symbols[0]}_j is 1 for {levels[0]} and 0 elsewhere, and so on; {reference} has none",
    )
    return Symbols(roles.y, roles.x, roles.cluster, symbols, coding)


def _notes(models: list[Model]) -> list[str]:
    """Notes, once each, with the models of which they are true."""
    models_of: dict[str, list[str]] = {}
    for model in models:
        own = (f"not fitted: {model.reason}",) if model.fit is None else model.fit.notes
        for note in own:
            models_of.setdefault(note, []).append(model.name)
    return [f"{', '.join(names)}: {note}" for note, names in models_of.items()]


def _grouped(keys: list[Key]) -> list[Key]:
    """Put estimate and standard error of a term together, and σ after the other components."""
    terms = list(dict.fromkeys((part, term) for part, term, _ in keys))
    terms.sort(key=lambda term: (PARTS.index(term[0]), term[1] == "sigma"))
    return [key for term in terms for key in keys if key[:2] == term]


# ---------------------------------------------------------------- as a person reads it


def _model_parts(model: Model) -> list[Part]:
    """One model: name, formulas, equations."""
    equations = model.equations
    first, *others = equations.level2
    code = [("lme4", model.formula), ("nlme", f"{model.fixed}, random = {model.random}")]
    symbols = [("level 1", equations.level1), ("level 2", first), *(("", line) for line in others)]
    symbols.append(("combined", equations.combined))
    lines: list[Part] = [Paragraph(f"{model.name:<4} {model.title}", indent=" " * 5)]
    for lines_of, is_code in ((code, True), (symbols, False)):
        lines += [Formula(text, f"     {label:<10}", " " * 17, is_code) for label, text in lines_of]
    if model.fit is None:
        lines.append(Paragraph(f"not fitted: {model.reason}", " " * 5, " " * 15))
    return lines


def _catalogue_parts(result: Catalogue) -> list[Part | list[Part]]:
    """The whole catalogue."""
    y, x, w, cluster = result.roles
    title = (
        f"Ten models of {y} by {x} (level 1) and {w} (level 2): "
        f"{result.N} rows in {result.J} clusters of {cluster}"
    )
    parts: list[Part | list[Part]] = [Paragraph(title)]
    parts.append([Paragraph(line, "  ", "    ") for line in result.where])
    parts += [_model_parts(model) for model in result]
    caption = f"Estimates by {result.method}, with standard errors in parentheses"
    parts.append(Paragraph(caption, indent=""))
    frame = result.to_frame()
    for columns in (frame.columns[:TRADITIONAL], frame.columns[TRADITIONAL:]):
        parts.append(_estimates(frame[columns], result))
    notes = [*result.notes, *([ADVICE] if result.method == "REML" else [])]
    return [*parts, *(Note(f"Note: {note}", indent="      ") for note in notes)]


def _estimates(frame: pd.DataFrame, result: Catalogue) -> Table:
    """Estimates of some models, the fixed, the random and those of the whole in parts."""
    shown = frame.dropna(how="all")
    cells = {name: _cells(frame[name]) for name in frame.columns}
    rows = [[_label(key), *(cells[name].get(key, "") for name in cells)] for key in shown.index]
    rows = rows or [[""] * (1 + len(cells))]
    for column, name in enumerate(cells, 1):
        if result[str(name)].fit is None:
            rows[0][column] = FAILED
    keys = [key[0] for key in shown.index]
    breaks = [row for row in range(1, len(keys)) if keys[row] != keys[row - 1]]
    return Table(["", *map(str, cells)], rows, breaks=breaks, indent="  ")


def _cells(column: pd.Series[float]) -> dict[Key, str]:
    """Numbers of one model as text; an estimate has the digits of its standard error."""
    column = column.dropna()
    values = dict(zip(column.index.to_flat_index(), column.to_numpy(), strict=True))
    out: dict[Key, str] = {}
    for (part, term, quantity), value in values.items():
        key = (part, term, quantity)
        if quantity == "std_error":
            out[key] = f"({number(value)})"
        elif part == "fixed":
            out[key] = number(value, values.get((part, term, "std_error")))
        elif part == "random":
            out[key] = f"{value:.3f}" if term.startswith("cor(") else number(value)
        else:
            out[key] = f"{value:.0f}" if term == "npar" else f"{value:.2f}"
    return out


def _label(key: Key) -> str:
    """Label of a row of the table."""
    part, term, quantity = key
    if quantity == "std_error":
        return ""
    if part == "random" and term.startswith("cor("):
        return term.replace("(Intercept)", "1").replace(",", ", ", 1)
    return {"sigma": "sd residual (σ)", "npar": "parameters"}.get(term, term)

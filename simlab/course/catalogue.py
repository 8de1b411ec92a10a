"""The catalogue of the course: ten models of one response, from the simplest to the contextual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from simlab.course.catalogue_text import catalogue_parts, model_parts
from simlab.course.equations import SPECS, Symbols, Written, written
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
from simlab.text import Part, Printable


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model(Printable):
    """One model of the catalogue.

    Attributes
    ----------
    name : str
        ``"m1"`` … ``"m10"``.
    title : str
        Its traditional name.
    formula : str
        In lme4's spelling, and simlab's.
    fixed, random : str
        In nlme's spelling: ``lme(fixed, data, random = random)``.
    equations : Written
        Of level 1, of level 2, and combined.
    fit : MixedFit or None
        None where the model cannot be fitted.
    reason : str
        Why it cannot; "" where it can.
    """

    name: str
    title: str
    formula: str
    fixed: str
    random: str
    equations: Written
    fit: MixedFit | None
    reason: str

    def to_frame(self) -> pd.DataFrame:
        """Estimates of the model; see `Catalogue.to_frame`."""
        return _frame([self])

    def parts(self) -> list[Part | list[Part]]:
        """Name, formulas, equations."""
        return [model_parts(self)]


class Roles(NamedTuple):
    """Columns of the response, the covariate, the covariate of clusters, the cluster's label."""

    y: str
    x: str
    w: str
    cluster: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Catalogue(Printable):
    """The ten models, fitted to the same rows.

    Attributes
    ----------
    models : tuple of Model
        ``catalogue["m5"]`` is one of them.
    roles : Roles
        Which columns play which part.
    method : {"REML", "ML"}
        Which likelihood.
    N, J : int
        Rows and clusters used.
    notes : tuple of str
        What the user must know: rows left out, models not fitted, what a fit warns of.
    where : tuple of str
        What the symbols of the equations mean.
    """

    models: tuple[Model, ...]
    roles: Roles
    method: Method
    N: int
    J: int
    notes: tuple[str, ...]
    where: tuple[str, ...]

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
        """Estimates side by side.

        Returns
        -------
        pd.DataFrame
            One column for each model. The index is (part, term, quantity): part ``fixed`` with
            ``estimate`` and ``std_error`` of each coefficient; ``random`` with the ``estimate`` of
            ``sd(…)``, ``cor(…)`` and ``sigma``; ``model`` with the ``value`` of ``npar``,
            ``logLik``, ``deviance``, ``AIC`` and ``BIC``. NaN where a model has no such term, or
            is not fitted.
        """
        return _frame(self.models)

    def parts(self) -> list[Part | list[Part]]:
        """Each model, then the estimates side by side."""
        return catalogue_parts(self)


PARTS = ("fixed", "random", "model")


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


def numbers(fit: MixedFit) -> dict[tuple[str, str, str], float]:
    """Collect what the table shows of one model, by (part, term, quantity)."""
    out: dict[tuple[str, str, str], float] = {}
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
    """How equations write the variables; `design` is that of means as outcomes, y ~ 1 + w."""
    names = design.fixed_names[1:] if isinstance(design, Design) else (roles.w,)
    levels = tuple(name[len(roles.w) :] for name in names)
    if levels in ((), ("",)):
        return Symbols(roles.y, roles.x, roles.cluster, (roles.w,), ())
    others = {str(value) for value in df[roles.w].dropna().unique()} - set(levels)
    reference = min(others, default="the reference")
    if len(levels) == 1:
        said = (f"{roles.w}_j is 1 for {levels[0]}, 0 for {reference}",)
        return Symbols(roles.y, roles.x, roles.cluster, (roles.w,), said)
    symbols = tuple(f"{roles.w}[{level}]" for level in levels)
    said = (
        f"{symbols[0]}_j is 1 for {levels[0]} and 0 elsewhere, and so on; {reference} has none",
    )
    return Symbols(roles.y, roles.x, roles.cluster, symbols, said)


def _notes(models: list[Model]) -> list[str]:
    """What there is to say, once for all models of which it is true."""
    said: dict[str, list[str]] = {}
    for model in models:
        found = (f"not fitted: {model.reason}",) if model.fit is None else model.fit.notes
        for note in found:
            said.setdefault(note, []).append(model.name)
    return [f"{', '.join(names)}: {note}" for note, names in said.items()]


def _grouped(keys: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Put estimate and standard error of a term together, and σ after the other components."""
    terms = list(dict.fromkeys((part, term) for part, term, _ in keys))
    terms.sort(key=lambda term: (PARTS.index(term[0]), term[1] == "sigma"))
    return [key for term in terms for key in keys if key[:2] == term]

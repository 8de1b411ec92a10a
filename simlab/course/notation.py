"""Notational Babel: the same model in the letters and the words of others.

The course's dictionary of Bryk & Raudenbush, SAS, and Pinheiro & Bates, with its gaps filled and
lme4 and simlab added.

Sources: Bryk & Raudenbush (1992), *Hierarchical Linear Models*; SAS/STAT User's Guide, The MIXED
Procedure; Pinheiro & Bates (2000), *Mixed-Effects Models in S and S-PLUS*, ch. 2 and 5; Bates,
Mächler, Bolker & Walker (2015), Journal of Statistical Software 67(1).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from simlab.fitting.errors import FitError
from simlab.text import Heading, Paragraph, Part, Table, parts_text


class Dictionary(NamedTuple):
    """One table of the page, and a note on it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def parts(self) -> list[Part | list[Part]]:
        """Return the title, the table, and the notes close together."""
        table = Table(self.header, self.rows, indent="  ")
        notes = [Paragraph(n, "  ", "      " if n[0] == "(" else "  ") for n in self.notes]
        return [Heading(self.title), table, [*notes]]


SYMBOLS = Dictionary(
    "Letters",
    ("", "Bryk & R.", "SAS", "Pinheiro & B.", "lme4", "the course", "simlab"),
    (
        ("row, cluster", "i, j", "—", "j, i", "—", "i, j", "i, j"),
        ("response", "Y_j", "y", "y_i", "y", "Y_j", "y_j"),
        ("fixed effects", "γ", "β", "β", "β", "γ", "γ"),
        ("their columns", "X_j (1)", "X", "X_i", "X", "X_j", "X_j"),
        ("cluster's coefficients", "β_j", "— (2)", "β + b_i (3)", "β + b (3)", "β_j", "γ + u_j"),
        ("random effects", "u_j", "γ", "b_i", "b", "u_j", "u_j"),
        ("their columns", "Z_j (1)", "Z", "Z_i", "Z", "Z_j", "Z_j"),
        ("their variance", "T", "G", "Ψ", "Σ", "G", "G"),
        ("  its entries", "τ_00, …", "UN(1,1), …", "—", "—", "g_00, …", "g_00, …"),
        ("  over σ²", "—", "—", "(Δ'Δ)⁻¹ (4)", "ΛΛ', Λ of θ", "—", "ΛΛ' = Δ (4)"),
        ("residual of a row", "r_ij", "ε", "ε_ij", "ε", "r_ij", "ε_ij"),
        ("residual variance", "Σ_j = σ²I", "R = σ²I", "σ²Λ_i (5)", "σ²W⁻¹", "R = σ²I", "σ²I"),
        ("variance of y", "—", "V", "—", "—", "V", "V_j"),
    ),
    (
        "(1) Written for the combined model. In two equations Bryk and Raudenbush have "
        "Y_j = X_jβ_j + r_j and β_j = W_jγ + u_j: their X_j then has the columns of level 1 only.",
        "(2) SAS gives them no letter; the course's table has b.",
        "(3) A gap in the course's table: for linear models the sum has no letter of its own; nlme "
        "and lme4 return it as coef(fit).",
        "(4) Beware: Δ of Pinheiro and Bates is the relative precision factor, Ψ = σ²(Δ'Δ)⁻¹; Δ of "
        "simlab's engine is the relative variance, G = σ²Δ.",
        "(5) Λ_i is the identity unless correlation or weights are given; it is not the Λ of lme4.",
        "Beware also of γ, which are the fixed effects here and the random effects in SAS; and of "
        "Σ, which is of the residuals in Bryk and Raudenbush and of the random effects in lme4.",
    ),
)

LEVELS = Dictionary(
    "Counting levels",
    ("", "HLM, the course", "nlme", "lme4", "simlab"),
    (
        ("rows within clusters", "level 1", "(within groups)", "—", "level 1"),
        ("clusters", "level 2", "grouping level 1", "grouping factor", "level 2"),
        ("fitted values Xγ̂", "—", "level = 0", "re.form = NA", "level=0"),
        ("fitted values Xγ̂ + Zû", "—", "level = 1", "re.form = NULL", "level=1 (default)"),
    ),
    (
        "A variable of level 2 has one value in each cluster. An option level= counts as nlme "
        "does: how many grouping variables the prediction goes down.",
    ),
)

SPELLING = Dictionary(
    "Formulas",
    ("model", "in", "is written"),
    (
        ("random slopes, x:w", "HLM", "Y_ij = β_0j + β_1j X_ij + r_ij"),
        ("", "", "β_0j = γ_00 + γ_01 W_j + u_0j"),
        ("", "", "β_1j = γ_10 + γ_11 W_j + u_1j"),
        ("", "SAS", "PROC MIXED DATA=d; CLASS g;"),
        ("", "", "MODEL y = x w x*w / SOLUTION DDFM=KR;"),
        ("", "", "RANDOM INTERCEPT x / SUBJECT=g TYPE=UN;"),
        ("", "nlme", "lme(y ~ x * w, data = d, random = ~ 1 + x | g)"),
        ("", "lme4", "lmer(y ~ x * w + (1 + x | g), data = d)"),
        ("", "simlab", 'simlab.fit("y ~ x * w + (1 + x | g)", d)'),
        ("", "", 'simlab.fit("y ~ x * w", d, random="~ 1 + x | g")'),
        ("random intercepts", "SAS", "RANDOM INTERCEPT / SUBJECT=g;"),
        ("", "nlme", "random = ~ 1 | g"),
        ("", "lme4, simlab", "(1 | g)"),
        ("no correlation", "SAS", "RANDOM INTERCEPT x / SUBJECT=g TYPE=VC;"),
        ("", "nlme", "random = list(g = pdDiag(~ x))"),
        ("", "lme4, simlab", "(1 + x || g)"),
        ("cluster means", "nlme, lme4", "cvar(x, g), dvar(x, g) of the R package spida2"),
        ("", "simlab", "cvar(x, g), dvar(x, g)"),
        ("ML (default: REML)", "SAS", "METHOD=ML"),
        ("", "nlme, simlab", 'method = "ML"'),
        ("", "lme4", "REML = FALSE"),
    ),
    (
        "An interaction is x:w in R and simlab, x*w in SAS; x * w in R and simlab is x + w + x:w. "
        "The intercept is implied everywhere but in the RANDOM statement of SAS. The reference "
        "category is the first in R and simlab, the last in SAS.",
    ),
)

CODE = Dictionary(
    "Quantities in code",
    ("", "SAS (ODS table)", "nlme", "lme4", "simlab"),
    (
        ("γ̂", "SolutionF", "fixef(fit)", "fixef(fit)", "fit.fixef"),
        ("Var(γ̂)", "CovB", "vcov(fit)", "vcov(fit)", "fit.vcov"),
        ("Ĝ", "CovParms, G", "getVarCov(fit)", "VarCorr(fit)", "fit.G"),
        ("σ̂²", "CovParms", "fit$sigma^2", "sigma(fit)^2", "fit.sigma2"),
        ("θ̂, entries of Λ", "—", "—", 'getME(fit, "theta")', "fit.theta"),
        ("û_j", "SolutionR", "ranef(fit)", "ranef(fit)", "fit.ranef()"),
        ("γ̂ + û_j", "—", "coef(fit)", "coef(fit)", "fit.coef()"),
        ("log L", "FitStatistics", "logLik(fit)", "logLik(fit)", "fit.loglik"),
        ("−2 log L", "FitStatistics", "−2 logLik(fit)", "−2 logLik(fit)", "fit.deviance"),
        ("test of Lγ = 0", "Contrasts", "anova(fit, L = L)", "contest(fit, L) (6)", "fit.wald(L)"),
        ("tests of terms", "Tests3", "anova(fit) (7)", "anova(fit) (6)", "fit.anova()"),
    ),
    (
        "(6) Of lmerTest, with Satterthwaite's or Kenward and Roger's degrees of freedom.",
        "(7) Of type 1, which is fit.anova(type=1); the others are of type 3.",
    ),
)

TABLES = (SYMBOLS, LEVELS, SPELLING, CODE)


def notation(format: Literal["text", "markdown"] = "text") -> str:
    """Return the dictionary of notations.

    Parameters
    ----------
    format : {"text", "markdown"}
        For a terminal, or for a page.

    Returns
    -------
    str
        Four tables with their notes: letters, levels, formulas, quantities in code.

    Raises
    ------
    FitError
        If there is no such format.
    """
    if format not in ("text", "markdown"):
        raise FitError(f"format is {format!r}; it must be 'text' or 'markdown'")
    groups = [group for table in TABLES for group in table.parts()]
    if format == "text":
        return parts_text(groups)
    parts = [part for group in groups for part in (group if isinstance(group, list) else [group])]
    return "\n\n".join(part.markdown() for part in parts)

"""Text and tables in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simlab.text.plain import one_line
from simlab.text.table import number_columns

_TEXT = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "—": "---", "–": "--",
    "…": r"\dots{}", "\xa0": "~",
}  # fmt: skip
_MATHEMATICS = {
    "β_W": r"\beta_W", "β_B": r"\beta_B", "χ̄²": r"\bar\chi^2", "χ²": r"\chi^2", "g₁₁": "g_{11}",
    "γ̂": r"\hat\gamma", "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta",
    "ε": r"\varepsilon", "ζ": r"\zeta", "θ": r"\theta", "λ": r"\lambda", "μ": r"\mu", "π": r"\pi",
    "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "φ": r"\phi", "χ": r"\chi", "Γ": r"\Gamma",
    "Δ": r"\Delta", "Λ": r"\Lambda", "Σ": r"\Sigma", "Φ": r"\Phi", "→": r"\to", "∞": r"\infty",
    "±": r"\pm", "×": r"\times", "·": r"\cdot", "√": r"\surd", "≈": r"\approx", "≤": r"\le",
    "≥": r"\ge", "∝": r"\propto", "✓": r"\checkmark", "✗": r"\times", "↓": r"\downarrow",
    "↑": r"\uparrow", "†": r"\dagger", "−": "-", "½": r"\frac12", "⁻": "^-",
}  # fmt: skip
_MATHEMATICS |= {sign: f"_{digit}" for digit, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")}
_MATHEMATICS |= {sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_WRITTEN = {sign: f"${name}$" for sign, name in _MATHEMATICS.items()} | _TEXT
_PIECES = re.compile("|".join(map(re.escape, sorted(_WRITTEN, key=len, reverse=True))))


def latex(text: object) -> str:
    """Escape a text, with the symbols of the field in mathematics."""
    return _PIECES.sub(lambda piece: _WRITTEN[piece.group()], one_line(text))


def latex_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Write a booktabs tabular, columns of numbers on the right.

    It needs `booktabs`, `makecell` and `amssymb`.
    """
    alignment = ["r" if number else "l" for number in number_columns(header, rows)]
    lines = [
        " & ".join(_cell(cell, side) for cell, side in zip(row, alignment, strict=True)) + r" \\"
        for row in (header, *rows)
    ]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,makecell,amssymb}",
            rf"\begin{{tabular}}{{{''.join(alignment)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _cell(text: str, side: str) -> str:
    lines = [latex(line) for line in text.split("\n")]
    joined = r" \\ ".join(lines)
    return rf"\makecell[{side}t]{{{joined}}}" if len(lines) > 1 else joined

"""How can both BLUE and BLUP be best? They answer different questions.

The BLUE of a school's line is its own least-squares line. The BLUP draws it towards the line of all
schools, the more the less the school tells. Which of them is nearer to the school's true line: for
one given school, sampled again and again, and on average over schools?

γ, G and σ² are taken as known here, so that nothing but the question makes the difference:

BLUP = γ + G(G + σ²(X'X)⁻¹)⁻¹(BLUE − γ).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from simlab.config import Study, declared
from simlab.course.demos.claims import Check, Number, above, below, claim, mean, within
from simlab.course.demos.samples import samples
from simlab.course.demos.showing import Demo
from simlab.estimators.lines import fit_clusters, inverse_cross_product
from simlab.looks import BLUE, BLUP
from simlab.measures import average
from simlab.moments import Floats
from simlab.plots import Curve, curves, panels, shrinkage_space
from simlab.text import Table

SLOPE = 1  # index of the slope in (intercept, slope)


class Lines(NamedTuple):
    """True lines of schools, and two guesses at them. All are (B, J, 2): intercept, slope.

    `conditional` is {G⁻¹ + X'X/σ²}⁻¹, the variance of the true line given the data, (B, J, 2, 2).
    """

    truth: Floats
    blue: Floats
    blup: Floats
    conditional: Floats


class Result(NamedTuple):
    """Lines of new schools in each replicate, and of the same schools in all; and what is known."""

    gamma: Floats
    G: Floats
    new: Lines
    same: Lines


def find(study: Study) -> Result:
    """Predict the lines of all schools of all replicates, in both conditions."""
    new, same = (predict(study, condition) for condition in (0, 1))
    return Result(*_known(study)[:2], new, same)


def _known(study: Study) -> tuple[Floats, Floats, float]:
    population = declared(study.population)
    gamma = np.array([population.gamma0("all"), population.within("all")])
    return gamma, np.array(population.G), population.sigma2


def predict(study: Study, condition: int) -> Lines:
    """Compute BLUE and BLUP of every school."""
    gamma, G, sigma2 = _known(study)
    drawn = samples(study, condition)
    lines = fit_clusters(drawn.moments)
    blue = np.stack([lines.intercept, lines.slope], axis=-1)
    u = np.stack([drawn.clusters.u0, drawn.clusters.u1], axis=-1)
    error = sigma2 * inverse_cross_product(drawn.moments)
    shrink = G @ np.linalg.inv(G + error)
    blup = gamma + (shrink @ (blue - gamma)[..., None])[..., 0]
    return Lines(np.broadcast_to(gamma + u, blue.shape), blue, blup, shrink @ error)


def variance(name: str, lines: Floats, gamma: Floats, along: Floats) -> Number:
    """Measure the variance of lines about γ in a direction of beta space, (2,)."""
    return mean(f"variance of {name}", (((lines - gamma) @ along) ** 2).mean(axis=1))


def loss(name: str, guess: Floats, truth: Floats) -> Number:
    """Measure the mean squared error of slopes, over schools and replicates."""
    return mean(f"MSE of {name}", ((guess - truth)[..., SLOPE] ** 2).mean(axis=1))


def losses(guess: Floats, truth: Floats) -> list[Number]:
    """Measure the mean squared error of the slope of each school that stays the same."""
    result = average((guess - truth)[..., SLOPE].T ** 2)
    return [
        Number(f"MSE of school {j + 1}", float(value), float(mcse))
        for j, (value, mcse) in enumerate(zip(result.value, result.mcse, strict=True))
    ]


def deviation(result: Result) -> Floats:
    """|u_1j| of the schools that stay the same, in standard deviations √g_11; (J,)."""
    u = result.same.truth[0, :, SLOPE] - result.gamma[SLOPE]
    return np.asarray(np.abs(u) / np.sqrt(result.G[SLOPE, SLOPE]))


def table(result: Result) -> Table:
    """Lay out the variance of slopes, and the errors for both questions."""
    slope = np.eye(2)[SLOPE]
    near, far = (choose(deviation(result)) for choose in (np.argmin, np.argmax))
    body = []
    for name, key in (("truth", "truth"), ("BLUE", "blue"), ("BLUP", "blup")):
        spread = variance(name, getattr(result.new, key), result.gamma, slope)
        cells = ["", "", ""]
        if key != "truth":
            of = losses(getattr(result.same, key), result.same.truth)
            overall = loss(name, getattr(result.new, key), result.new.truth)
            cells = [f"{n:.3f} ± {n.mcse:.3f}" for n in (overall, of[near], of[far])]
        body.append([name, f"{spread:.3f} ± {spread.mcse:.3f}", *cells])
    header = (
        "slope", "variance over schools", "MSE, average over schools",
        f"MSE, one school at {deviation(result)[near]:.1f} sd",
        f"MSE, one school at {deviation(result)[far]:.1f} sd",
    )  # fmt: skip
    return Table(header, body)


def draw(result: Result) -> Figure:
    """Draw one sample in beta space, and the errors of given schools."""
    figure, (left, right) = panels(
        f"One sample of {result.new.blue.shape[1]} schools",
        "One given school, sampled again and again",
    )
    blue, blup = (
        pd.DataFrame(lines[0], columns=["intercept", "slope"])
        for lines in (result.new.blue, result.new.blup)
    )
    shrinkage_space(blue, blup, result.gamma, result.G, ax=left)
    u = deviation(result)
    order = np.argsort(u)
    drawn = {}
    for name, guess, seen in (
        ("BLUE", result.same.blue, BLUE),
        ("BLUP", result.same.blup, BLUP),
    ):
        numbers = [losses(guess, result.same.truth)[j] for j in order]
        drawn[name] = Curve(
            u[order], [n.value for n in numbers], [n.mcse for n in numbers],
            theory(result, name, float(u.max())), seen,
        )  # fmt: skip
    curves(
        drawn,
        ("distance of the school's true slope from γ₁, in sd", "mean squared error of its slope"),
        ax=right,
    )
    return figure


def theory(result: Result, name: str, far: float) -> tuple[Floats, Floats]:
    """Return the MSE of a slope against |u_1j|/√g_11: s, and (1 − w)²u² + w²s with w = g/(g + s).

    The variance s = σ²/ss_x of a BLUE is averaged over samples. Exact for slopes alone: the other
    entries of the matrices add next to nothing when x̄_j is near 0.
    """
    g = result.G[SLOPE, SLOPE]
    conditional = result.new.conditional[..., SLOPE, SLOPE].ravel()
    s = 1 / (1 / conditional - 1 / g)
    w = g / (g + s)
    u = np.linspace(0, far, 50)
    if name == "BLUE":
        return u, np.full(len(u), s.mean())
    return u, ((1 - w) ** 2).mean() * g * u**2 + (w**2 * s).mean()


def notice(result: Result) -> list[str]:
    """Say in words what the table and the figure show."""
    slope, g = np.eye(2)[SLOPE], float(result.G[SLOPE, SLOPE])
    blue = variance("BLUEs", result.new.blue, result.gamma, slope)
    blup = variance("BLUPs", result.new.blup, result.gamma, slope)
    of_blue, of_blup = (
        loss(name, guess, result.new.truth)
        for name, guess in (("BLUE", result.new.blue), ("BLUP", result.new.blup))
    )
    u = deviation(result)
    far = int(np.argmax(u))
    own, shrunken = (losses(v, result.same.truth) for v in (result.same.blue, result.same.blup))
    at_home = mean("bias of the BLUE", (result.same.blue - result.same.truth)[:, far, SLOPE])
    drawn_in = mean("bias of the BLUP", (result.same.blup - result.same.truth)[:, far, SLOPE])
    side = np.sign(result.same.truth[0, far, SLOPE] - result.gamma[SLOPE])
    won = [j for j in range(len(u)) if below(shrunken[j], own[j]).holds]
    conditional = mean(
        "conditional variance", result.new.conditional[..., SLOPE, SLOPE].mean(axis=1)
    )
    return [
        claim(
            f"BLUPs vary less than the true slopes, and BLUEs more: {blup:.2f} < {g:.2f} < "
            f"{blue:.2f}. So it is in every direction of beta space, Var(BLUP) ≤ G ≤ Var(BLUE).",
            *_ordered(result),
        ),
        claim(
            "On average over schools the BLUP is best: the mean squared error of its slope is "
            f"{of_blup:.2f}, that of the BLUE {of_blue:.2f}.",
            below(of_blup, of_blue),
        ),
        claim(
            "For one given school the BLUE is right on the average, and the BLUP is not: it is "
            f"drawn towards the others. For the school at {u[far]:.1f} sd the biases are "
            f"{at_home:+.2f} and {drawn_in:+.2f}, and the BLUE has the smaller error, "
            f"{own[far]:.2f} against {shrunken[far]:.2f}.",
            within(at_home, 0, 0.2),
            below(Number("bias of the BLUP away from γ", side * drawn_in.value, drawn_in.mcse)),
            below(own[far], shrunken[far]),
        ),
        claim(
            f"But {len(won)} of these {len(u)} schools do better with the BLUP even then: its bias "
            "is repaid by its smaller variance, up to √(2g₁₁ + s) = "
            f"{np.sqrt(2 * g + own[far].value) / np.sqrt(g):.1f} sd from the mean (s: the variance "
            "of a BLUE). The BLUE is for a school known to be special.",
            above(Number("share of schools better off with the BLUP", len(won) / len(u)), 0.5),
        ),
        claim(
            f"{{G⁻¹ + X'X/σ²}}⁻¹ is {conditional:.2f} for a slope. It is the variance of what the "
            f"BLUP misses by ({of_blup:.2f}), not that of the BLUP itself ({blup:.2f}), which is "
            "what it leaves of G.",
            within(of_blup, conditional, 0.03),
            within(blup, g - conditional.value, 0.05),
        ),
    ]


def _ordered(result: Result) -> list[Check]:
    """Check Var(BLUP) < G < Var(BLUE) in eight directions, in units of standard deviations."""
    checks = []
    for angle in np.arange(8) * np.pi / 8:
        along = np.array([np.cos(angle), np.sin(angle)]) / np.sqrt(np.diag(result.G))
        true = float(along @ result.G @ along)
        checks += [
            above(variance("BLUEs", result.new.blue, result.gamma, along), true),
            below(variance("BLUPs", result.new.blup, result.gamma, along), true),
        ]
    return checks


DEMO = Demo(find, table, draw, notice)

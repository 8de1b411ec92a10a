"""Profile likelihood of single parameters.

The profile deviance of ψ is D(ψ) = min D over everything else; ζ = sign(ψ − ψ̂)√(D(ψ) − D(ψ̂)) is
compared with a normal quantile z (Bates, *lme4: Mixed-effects modeling with R*, §1.5; Venzon &
Moolgavkar 1988, Applied Statistics 37:87). An end of the interval is where |ζ| = z.

Variance components are held fixed by `constrained`. Where an effect has no variance the model is
one without it, which `optimise` fits. The same models bound the profile of a correlation from
above: a correlation with an effect that has no variance is free. A fixed effect is made one column
of X, and subtracted from y.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from simlab.errors import Error
from simlab.mixed.constrained import Component, Point, drop_first, first
from simlab.mixed.information import free_entries
from simlab.mixed.optimum import Optimum, at, derive, optimise, semidefinite_root
from simlab.mixed.rotated import Rotated
from simlab.mixed.units import Units
from simlab.mixed.work import allocate_work
from simlab.moments import Floats

CLOSE = 1e-8  # ζ at an end of an interval
MISSED = 1e-5  # a deviance that is lower by this than the fit's is no rounding
LOWER = 1e-7  # a second branch counts when its deviance is lower by this
FAR = 60  # steps of the search for an end; with growing steps, out of all proportion
DISTANCE = 1e6  # widths of a Wald interval at which an end is infinite


class NotAMinimumError(Error, ArithmeticError):
    """The profile met a deviance lower than that of the fit."""


class Curve(Protocol):
    """A profile that can be evaluated."""

    def at(self, psi: float, near: Point) -> Point:
        """Minimise at ψ, starting from a point near by."""
        ...

    def search(self, point: Point) -> Point:
        """Look for a lower minimum at the same ψ, from other starts."""
        ...


class Track(NamedTuple):
    """One parameter ready to be profiled.

    Attributes
    ----------
    curve : Curve
        Its profile.
    best : Point
        The estimate.
    width : float
        Roughly one standard error of ψ.
    low, high : Point or None
        The ends of the range of ψ, None where it has none or the deviance is infinite there.
    shape : str
        "sin" (ψ = arcsin ρ), "exp" (ψ = log σ²) or "linear".
    offset, scale : float
        The parameter in the user's units is offset + scale · its value in the engine's.
    """

    curve: Curve
    best: Point
    width: float
    low: Point | None
    high: Point | None
    shape: str
    offset: float
    scale: float

    def user(self, psi: float) -> float:
        """Return the parameter in the user's units."""
        value = psi
        if self.shape == "sin":
            value = float(np.sin(psi)) if abs(psi) < np.pi / 2 else float(np.sign(psi))
        elif self.shape == "exp":
            value = float(np.exp(psi / 2))
        return self.offset + self.scale * value


# ------------------------------------------------------------------- the ends of an interval


def limit(track: Track, side: int, z: float) -> Point:
    """Find where |ζ| = z on one side of the estimate.

    Newton's method on ζ, which is almost linear, within a bracket. When it has arrived, other
    starts are tried at the same ψ, and the search goes on where one of them leads lower.

    Parameters
    ----------
    track : Track
        The parameter.
    side : {-1, 1}
        Below or above the estimate.
    z : float
        Normal quantile.

    Returns
    -------
    Point
        The end of the range if |ζ| does not reach z there; with ψ infinite if there is no end.

    Raises
    ------
    NotAMinimumError
        If the deviance is lower somewhere than at the estimate.
    """
    edge = track.high if side > 0 else track.low
    if edge is not None and _zeta(edge) <= z:
        return edge
    curve, near, far = track.curve, track.best, edge
    _zeta(curve.at(near.psi, near))  # refuses what is no minimum
    trial = near.psi + side * z * track.width
    for step in range(FAR):
        if far is not None and not (trial - near.psi) * (far.psi - trial) > 0:
            trial = (near.psi + far.psi) / 2
            if trial in {near.psi, far.psi}:
                return far
        point = curve.at(trial, near)
        zeta = _zeta(point)
        if abs(zeta - z) < CLOSE:
            lower = curve.search(point)
            if lower.rise > point.rise - LOWER:
                return point
            point, far, zeta = lower, edge, _zeta(lower)
        if zeta < z:
            near = point
        else:
            far = point
        if abs(near.psi - track.best.psi) > DISTANCE * track.width:
            break
        trial = _next(track.best.psi, near, far, point, z, step)
    return far if far is not None else track.best._replace(psi=side * np.inf)


def _zeta(point: Point) -> float:
    """|ζ|."""
    if point.rise < -MISSED:
        raise NotAMinimumError(f"the deviance is lower by {-point.rise:.3g} than that of the fit")
    return float(np.sqrt(max(point.rise, 0.0)))


def trace(track: Track, z: float, points: int) -> tuple[Floats, Floats]:
    """ζ along a profile, from where |ζ| = z below the estimate to where it is z above.

    Parameters
    ----------
    track : Track
        The parameter.
    z : float
        How far; nearer where the range of the parameter ends.
    points : int
        How many, equally spaced on the scale of the search; the estimate comes in addition, if
        it is not one of them.

    Returns
    -------
    tuple of arrays
        ψ, ascending, and ζ.

    Raises
    ------
    NotAMinimumError
        As `limit`.
    """
    best = track.best
    ends = [limit(track, side, z) for side in (-1, 1)]
    bottom, top = (
        end.psi if np.isfinite(end.psi) else best.psi + side * 10.0 * track.width
        for side, end in zip((-1, 1), ends, strict=True)
    )
    grid = np.linspace(bottom, top, points)
    grid = grid[abs(grid - best.psi) > 1e-9 * (top - bottom)]
    zeta = {best.psi: 0.0}
    for side, end in zip((-1, 1), ends, strict=True):
        near = best
        for psi in sorted(
            (v for v in grid.tolist() if (v - best.psi) * side > 0), key=lambda v: v * side
        ):
            near = end if psi == end.psi else track.curve.at(psi, near)
            zeta[psi] = side * _zeta(near)
    psi = np.array(sorted(zeta))
    return psi, np.array([zeta[value] for value in psi.tolist()])


def _next(
    origin: float, near: Point, far: Point | None, point: Point, z: float, step: int
) -> float:
    """Choose the next trial: Newton's where it is credible, else between or beyond the points."""
    zeta = _zeta(point)
    newton = point.psi + 2.0 * zeta * (z - zeta) / point.slope if point.slope else np.nan
    inside, done = _zeta(near), near.psi - origin
    if far is None:
        if (newton - near.psi) * done > 0 and abs(newton - near.psi) <= 3.0 * abs(done):
            return newton
        return near.psi + done * (min(max(z / inside - 1.0, 0.1), 2.0) if inside > 0 else 2.0)
    if step % 3 == 2 and step > 6:
        return (near.psi + far.psi) / 2
    if (newton - near.psi) * (far.psi - newton) > 0:
        return newton
    share = (z - inside) / (_zeta(far) - inside)
    return near.psi + (far.psi - near.psi) * min(max(share, 0.02), 0.98)


# --------------------------------------------------------------------- variance components


def standard_deviation(optimum: Optimum, units: Units, a: int) -> Track:
    """Prepare the profile of sd(u_a) of the user, by the deviance of the fit.

    Parameters
    ----------
    optimum : Optimum
        The fit.
    units : Units
        The way to the user's units.
    a : int
        Which random effect.

    Returns
    -------
    Track
    """
    low_rise = without(optimum, units, a)
    curve, x = _component(optimum, units, "sd", [a], np.inf)
    best = Point(float(x[0]), 0.0, 0.0, x)
    low = Point(0.0, low_rise, np.nan, np.concatenate([[0.0], x[1:]]))
    scale = units.s_y * float(np.linalg.norm(units.B[a]))
    width = _width(curve, best, 0.1 * max(1.0, best.psi))
    return Track(curve, best, width, low, None, "linear", 0.0, scale)


def correlation(optimum: Optimum, units: Units, a: int, b: int) -> Track:
    """Prepare the profile of cor(u_a, u_b) of the user, by the deviance of the fit.

    Parameters
    ----------
    optimum, units
        As for `standard_deviation`.
    a, b : int
        Which random effects.

    Returns
    -------
    Track
        With a deviance of 0 everywhere if one of the effects has no variance.
    """
    ceiling = min(without(optimum, units, a), without(optimum, units, b))
    curve, x = _component(optimum, units, "cor", [a, b], ceiling)
    best = Point(float(x[0]), 0.0, 0.0, x)
    low, high = (curve.search(curve.at(end, best)) for end in (-np.pi / 2, np.pi / 2))
    return Track(curve, best, _width(curve, best, 0.2), low, high, "sin", 0.0, 1.0)


def residual(optimum: Optimum, units: Units) -> Track:
    """Prepare the profile of σ, by the deviance of the fit.

    Parameters
    ----------
    optimum, units
        As for `standard_deviation`.

    Returns
    -------
    Track
    """
    curve, x = _component(optimum, units, "sigma", [0], np.inf)
    best = Point(float(x[0]), 0.0, 0.0, x)
    width = _width(curve, best, float(np.sqrt(2.0 / optimum.nu)))
    return Track(curve, best, width, None, None, "exp", 0.0, units.s_y)


def without(optimum: Optimum, units: Units, a: int) -> float:
    """Rise of the deviance when the user's random effect a is taken out of the model.

    Parameters
    ----------
    optimum, units, a
        As for `standard_deviation`.

    Returns
    -------
    float
    """
    r = len(optimum.Lambda)
    if r == 1:
        value = at(optimum.rotated, np.zeros((1, 1)), optimum.reml).deviance
        return value - optimum.deviance
    rotated = drop_first(first(optimum.rotated, units.B, [a])[0])
    return optimise(rotated, optimum.reml).deviance - optimum.deviance


def _component(
    optimum: Optimum, units: Units, kind: str, chosen: list[int], ceiling: float
) -> tuple[Component, Floats]:
    """The curve, and the coordinates of the optimum."""
    rotated, W = first(optimum.rotated, units.B, chosen)
    Lambda = semidefinite_root(W @ optimum.delta @ W.T)
    free, w = free_entries(rotated), allocate_work(rotated)
    curve = Component(kind, rotated, optimum.reml, optimum.deviance, ceiling, free, w)
    return curve, curve.coordinates(Lambda, float(np.log(optimum.sigma2)))


def _width(curve: Component, best: Point, otherwise: float) -> float:
    """Standard error of ψ from the curvature of D."""
    H = curve.evaluate(best.x).hessian
    try:
        curvature = H[0, 0] - H[0, 1:] @ np.linalg.solve(H[1:, 1:], H[1:, 0])
    except np.linalg.LinAlgError:
        return otherwise
    width = float(np.sqrt(2.0 / curvature)) if curvature > 0 else np.inf
    return width if 1e-3 * otherwise < width < 1e3 * otherwise else otherwise


# --------------------------------------------------------------------------- fixed effects


class Coefficient(NamedTuple):
    """The profile of a fixed effect, by maximum likelihood.

    Attributes
    ----------
    rotated : Rotated
        The data, the column that is meant the first of X.
    minimum : float
        Of the deviance.
    """

    rotated: Rotated
    minimum: float

    def at(self, psi: float, near: Point) -> Point:
        """Minimise with the coefficient ψ; `optimise` needs no start."""
        k = self.rotated.xy.shape[2] - 1
        move = np.eye(k + 1)[:, 1:]
        move[0, -1] = -psi
        there = optimise(_columns(self.rotated, move), reml=False)
        w = allocate_work(self.rotated)
        derive(there.Lambda, self.rotated, False, w)
        slope = 2.0 * (psi - w.gamma[0, 0]) / (w.phi[0, 0, 0] * there.sigma2)
        return Point(psi, there.deviance - self.minimum, float(slope), near.x)

    def search(self, point: Point) -> Point:
        """Return the point: `optimise` has tried several starts."""
        return point


def fixed_effect(optimum: Optimum, units: Units, k: int) -> Track:
    """Prepare the profile of the user's γ_k, by the ML deviance.

    With a the row k of A, γ̃ = w δ + N η has (γ_k − b_k)/s_y = a'γ̃ = δ when w = a/(a'a) and N is
    orthogonal to a.

    Parameters
    ----------
    optimum : Optimum
        Fitted by ML.
    units : Units
        The way to the user's units.
    k : int
        Which coefficient.

    Returns
    -------
    Track
    """
    a = units.A[k]
    p = len(a)
    N = np.linalg.qr(a[:, None], mode="complete")[0][:, 1:]
    change = np.zeros((p + 1, p + 1))
    change[:p, 0], change[:p, 1:p], change[p, p] = a / (a @ a), N, 1.0
    curve = Coefficient(_columns(optimum.rotated, change), optimum.deviance)
    estimate = float(a @ optimum.gamma)
    best = Point(estimate, 0.0, 0.0, np.array([estimate]))
    width = float(np.sqrt(optimum.sigma2 * (a @ optimum.phi @ a)))
    return Track(curve, best, width, None, None, "linear", float(units.b[k]), units.s_y)


def _columns(rotated: Rotated, change: Floats) -> Rotated:
    """Replace [X y] by [X y] times `change`."""
    return rotated._replace(
        xy=np.ascontiguousarray(rotated.xy @ change), rest=change.T @ rotated.rest @ change
    )

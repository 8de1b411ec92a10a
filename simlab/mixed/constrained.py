"""The least deviance with a standard deviation, a correlation or σ held fixed.

The parameter is the first of the coordinates x of (Λ, τ = log σ²), and Newton's method runs over
the others, with the derivatives of `information`:

    sd_a    the effect a first:        Λ_11 = s e^(−τ/2)                         x_1 = s = sd
    ρ_ab    the effects a, b first:    Λ_21 = t sin ω, Λ_22 = t cos ω            x_1 = ω, ρ = sin ω
    σ                                                                            x_1 = τ

Random effects of the user are combinations ũ of the engine's, so the first of them is made a
coordinate, and directions orthogonal to it (in ũ) the others: they are any complement, since G is
unrestricted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simlab.mixed.information import Entries, Unprofiled, unprofiled
from simlab.mixed.rotated import Rotated
from simlab.mixed.work import Work
from simlab.moments import Floats, Ints

DECREMENT = 1e-11  # a constrained minimum is found to this, in units of deviance
ROUNDING = 1e-14  # of a deviance, relative to its size and to N
SHORTEST = 1e-4  # share of a Newton step below which there is no way on
FLAT = 1e-9  # curvature below this share of the largest counts as none


class Point(NamedTuple):
    """A point of a profile.

    Attributes
    ----------
    psi : float
        The parameter, on the scale of the search.
    rise : float
        D(ψ) less the minimum.
    slope : float
        dD/dψ; NaN where it is not known.
    x : (m + 1,)
        All coordinates, ψ first; for a fixed effect only ψ.
    """

    psi: float
    rise: float
    slope: float
    x: Floats


class Component(NamedTuple):
    """The profile of a standard deviation, a correlation or σ.

    Attributes
    ----------
    kind : {"sd", "cor", "sigma"}
        Which coordinates.
    rotated : Rotated
        The data, the effects that are meant first.
    reml : bool
        Whose deviance.
    minimum : float
        That of the fit.
    ceiling : float
        What the rise can be had for at any ψ, infinite but for a correlation.
    free : tuple of pairs
        Entries of Λ.
    w : Work
        Room for evaluations.
    """

    kind: str
    rotated: Rotated
    reml: bool
    minimum: float
    ceiling: float
    free: Entries
    w: Work

    def at(self, psi: float, near: Point) -> Point:
        """Minimise at ψ, starting from a point near by."""
        x = near.x.copy()
        x[0] = psi
        return self._minimise(x)

    def search(self, point: Point) -> Point:
        """Look for a lower minimum at the same ψ: other sizes and signs of the rows of Λ."""
        Lambda, tau = self.matrix(point.x)
        best = point
        for other in _elsewhere(Lambda, self.rotated.blocks):
            x = self.coordinates(other, tau)
            x[0] = point.psi
            minimum = self._minimise(x)
            if minimum.rise < best.rise:
                best = minimum
        return best

    def matrix(self, x: Floats) -> tuple[Floats, float]:
        """Λ and τ at the coordinates x."""
        r = len(self.rotated.blocks)
        Lambda, theta = np.zeros((r, r)), self._theta(x)
        for (a, b), value in zip(self.free, theta, strict=False):
            Lambda[a, b] = value
        return Lambda, float(theta[-1])

    def coordinates(self, Lambda: Floats, tau: float) -> Floats:
        """Coordinates of a Λ with no negative entry on its diagonal, and τ.

        Of another Λ the first columns change signs in part: it will still do for a start.
        """
        theta = np.array([*(Lambda[a, b] for a, b in self.free), tau])
        if self.kind == "sigma":
            return np.roll(theta, 1)
        if self.kind == "sd":
            theta[0] = abs(theta[0]) * np.exp(tau / 2)
            return theta
        i = self._second()
        sine = theta[1] * (1.0 if theta[0] >= 0 else -1.0)
        omega, t = np.arctan2(sine, abs(theta[i])), np.hypot(theta[1], theta[i])
        theta[0], theta[1], theta[i] = omega, abs(theta[0]), t
        return theta

    def _second(self) -> int:
        return self.free.index((1, 1))

    def _theta(self, x: Floats) -> Floats:
        """Free entries of Λ, and τ, at the coordinates x."""
        if self.kind == "sigma":
            return np.roll(x, -1)
        theta = x.copy()
        if self.kind == "sd":
            theta[0] = x[0] * np.exp(-x[-1] / 2)
            return theta
        i = self._second()
        theta[0], theta[1], theta[i] = x[1], np.sin(x[0]) * x[i], np.cos(x[0]) * x[i]
        return theta

    def evaluate(self, x: Floats) -> Unprofiled:
        """D and its derivatives in x, by the chain rule."""
        Lambda, tau = self.matrix(x)
        at_theta = unprofiled(Lambda, tau, self.rotated, self.reml, self.w)
        g, H = at_theta.gradient, at_theta.hessian
        if np.isnan(at_theta.value):
            return at_theta
        if self.kind == "sigma":
            return Unprofiled(at_theta.value, np.roll(g, 1), np.roll(H, (1, 1), (0, 1)))
        J = np.eye(len(x))
        if self.kind == "sd":
            shrink = np.exp(-tau / 2)
            J[0, 0], J[0, -1] = shrink, -Lambda[0, 0] / 2
            out = J.T @ H @ J
            out[0, -1] -= g[0] * shrink / 2
            out[-1, 0] -= g[0] * shrink / 2
            out[-1, -1] += g[0] * Lambda[0, 0] / 4
            return Unprofiled(at_theta.value, J.T @ g, out)
        i, sine, cosine = self._second(), np.sin(x[0]), np.cos(x[0])
        J[0, 0] = J[1, 1] = 0.0
        J[0, 1], J[1, 0], J[1, i], J[i, 0], J[i, i] = 1.0, cosine * x[i], sine, -sine * x[i], cosine
        out = J.T @ H @ J
        out[0, 0] -= x[i] * (g[1] * sine + g[i] * cosine)
        out[0, i] += g[1] * cosine - g[i] * sine
        out[i, 0] += g[1] * cosine - g[i] * sine
        return Unprofiled(at_theta.value, J.T @ g, out)

    def _units(self, x: Floats) -> Floats:
        """Sizes of all coordinates but the first: curvature is small where a row of Λ is large."""
        rows = np.maximum(np.linalg.norm(self.matrix(x)[0], axis=1), 1.0)
        theta = np.array([*(rows[a] for a, _ in self.free), 1.0])
        if self.kind == "sigma":
            return theta[:-1]
        if self.kind == "cor":
            theta[1] = theta[0]  # x_2 is λ_11
        return theta[1:]

    def _room(self, x: Floats, step: Floats) -> float:
        """Length at which λ_11 or t, and with it the correlation, would change its sign."""
        if self.kind != "cor":
            return np.inf
        shrinking = [(x[i], -step[i - 1]) for i in (1, self._second()) if step[i - 1] < 0]
        return min((0.9 * float(size / speed) for size, speed in shrinking), default=np.inf)

    def _minimise(self, x: Floats) -> Point:
        """Newton's method over all coordinates but the first; saddles are left."""
        here = self.evaluate(x)
        noise = ROUNDING * (abs(self.minimum) + float(self.rotated.n_rows[0]))
        for _ in range(100):
            if np.isnan(here.value):
                break
            unit = self._units(x)
            g, H = unit * here.gradient[1:], unit * here.hessian[1:, 1:] * unit[:, None]
            step, gain, convex = _newton(g, H)
            step *= unit
            length = min(self._room(x, step), 1.0)
            if self.kind != "sigma":  # σ² changes e²-fold at most
                length = min(length, 2.0 / max(abs(step[-1]), 2.0))
            found = None
            while found is None and length > SHORTEST:
                trial = x.copy()
                trial[1:] += length * step
                there = self.evaluate(trial)
                if there.value <= here.value - 1e-4 * length * gain + noise:
                    found = there
                length *= 0.3
            if found is None:
                break
            x, here = trial, found
            if convex and gain < DECREMENT:
                break
        rise = here.value - self.minimum if not np.isnan(here.value) else np.inf
        if rise > self.ceiling:
            return Point(float(x[0]), self.ceiling, np.nan, x)
        slope = float(here.gradient[0]) if np.isfinite(rise) else np.nan
        return Point(float(x[0]), float(rise), slope, x)


def _newton(g: Floats, H: Floats) -> tuple[Floats, float, bool]:
    """Step, the descent that it promises, and whether H has no negative curvature."""
    values, vectors = np.linalg.eigh(H)
    size = max(float(np.abs(values).max()), 1e-300)
    along = vectors.T @ g
    step = -vectors @ (along / np.maximum(np.abs(values), FLAT * size))
    convex = bool(values[0] > -FLAT * size)
    if not convex:  # over this length the deviance falls by 0.1
        step -= vectors[:, 0] * (np.sqrt(0.2 / -values[0]) * (1.0 if along[0] >= 0 else -1.0))
    return step, float(-g @ step), convex


def _elsewhere(Lambda: Floats, blocks: Ints) -> list[Floats]:
    """Other starts: no correlations; correlations of either sign near 1; one effect small."""
    r = len(Lambda)
    size = np.maximum(np.linalg.norm(Lambda, axis=1), 0.1)
    out = [np.diag(size)]
    for b in range(1, r):
        first = int(np.flatnonzero(blocks == blocks[b])[0])
        for sign in (1.0, -1.0) if first < b else ():
            other = np.diag(size)
            other[b, first], other[b, b] = 0.95 * sign * size[b], 0.3 * size[b]
            out.append(other)
    for b in range(r):
        other = Lambda.copy()
        other[b] *= 0.2
        out.append(other)
    return out


def first(rotated: Rotated, B: Floats, chosen: list[int]) -> tuple[Rotated, Floats]:
    """Coordinates v = Wũ with the chosen effects of the user first, but for their lengths.

    Zu = Z̃ũ = (Z̃W⁻¹)v, so that K becomes W⁻ᵀK.
    """
    r, blocks = len(B), rotated.blocks
    rows = [B[a] / np.linalg.norm(B[a]) for a in chosen]
    own = np.flatnonzero(blocks == blocks[chosen[0]])
    complement = np.linalg.qr(np.array(rows)[:, own].T, mode="complete")[0][:, len(chosen) :]
    for direction in complement.T:
        row = np.zeros(r)
        row[own] = direction
        rows.append(row)
    others = np.flatnonzero(blocks != blocks[chosen[0]])
    W = np.array([*rows, *np.eye(r)[others]])
    order = np.concatenate([blocks[own], blocks[others]])
    K = np.ascontiguousarray(np.linalg.inv(W).T @ rotated.K)
    return rotated._replace(K=K, blocks=order, axes=np.eye(r)), W


def drop_first(rotated: Rotated) -> Rotated:
    """Leave the first random effect out: r − 1 pseudo-rows, and one more row without any."""
    K = rotated.K[:, 1:]
    Q, R = np.linalg.qr(K.transpose(0, 2, 1), mode="complete")
    R, Q = R[:, :-1], Q.copy()
    signs = np.where(np.diagonal(R, axis1=1, axis2=2) < 0, -1.0, 1.0)
    Q[:, :, :-1] *= signs[:, None, :]
    K = (signs[:, :, None] * R).transpose(0, 2, 1).copy()
    diagonal = np.einsum("jaa->ja", K)
    diagonal[diagonal <= 1e-12 * np.linalg.norm(K, axis=2)] = 0.0
    xy = Q.transpose(0, 2, 1) @ rotated.xy
    free = xy[:, -1]
    return rotated._replace(
        K=K,
        xy=np.ascontiguousarray(xy[:, :-1]),
        rest=rotated.rest + free.T @ free,
        blocks=rotated.blocks[1:].copy(),
        axes=np.eye(K.shape[1]),
    )

"""Draws of what is on the screen: one sample as arrays, students, schools, and every method's line.

The random stream of a condition is opened by its key, which is made of its content. So each setting
has draws of its own, and they are those of `simlab run`. Where the key of one setting is kept while
others are shown, the same standard normals serve them all: common random numbers. What then moves
on the screen is what the slider does, and not chance. With other sizes (n) or another number of
schools (J) the normals fall to other students; all other settings leave them in place.

A line is a point in beta space, (intercept, slope). Places are the sectors and, after them, each
later sector minus the first, as in `estimators.base.term_names`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from simlab import runner
from simlab.config import Study
from simlab.estimators.base import Estimates, Estimator, Sample, sector_contrasts
from simlab.estimators.covariance import line_covariance, symmetric
from simlab.estimators.lines import inverse_cross_product
from simlab.moments import Floats, Ints, Moments
from simlab.population import Clusters, Plan
from simlab.runner import Job, Work
from simlab.sampling import block_clusters, draw_block, replicate_rows


def prepare(study: Study, key: str | None = None) -> Work:
    """Compile a study of one condition, to be drawn from the stream of a key.

    The key is 32 hexadecimal digits, that of another condition; by default its own.
    """
    work = runner.prepare(study)
    if key is None:
        return work
    (job,) = work.jobs
    return replace(work, jobs=(replace(job, key=key),))


class Line(NamedTuple):
    """A method's line in each place."""

    center: Floats  # (P, 2) intercept, NaN for a method without one, and slope
    covariance: Floats  # (P, 2, 2) as the method reports it; NaN where it reports none


class Drawn(NamedTuple):
    """A sample of N students in J schools."""

    # (N,) school is its position, 0 … J − 1
    x: Floats
    y: Floats
    school: Ints
    sector: Ints  # (J,) position of the school's sector
    # (J,) size and means of each school
    n: Floats
    x_mean: Floats
    y_mean: Floats
    # (J, 2) β_j; its least-squares estimate, NaN without spread in x; its prediction by HLM, NaN
    # when HLM could not be fitted
    true: Floats
    blue: Floats
    blup: Floats
    lines: dict[str, Line]  # by method
    gamma: Floats  # (S, 2) E β_j of each sector where the context is 0: (γ_0, β_W)
    G: Floats  # (2, 2) true covariance of β_j about it


def draw(work: Work, replicate: int) -> Drawn:
    """Draw one replicate of a study of one condition, and fit every method to it.

    The estimates are those that `run_block` has for the replicate of that number, from 0.
    """
    (job,) = work.jobs
    study, plan = work.study, job.plan
    scheme, key = job.condition.scheme, job.key
    number, before = divmod(replicate, study.block)
    moments, _ = draw_block(plan, scheme, job.rows, study.seed, key, number, before + 1)
    own = moments.take(slice(before, before + 1))
    rows = replicate_rows(plan, scheme, job.rows, study.seed, key, study.block, replicate)
    clusters = block_clusters(plan, scheme, study.seed, key, number, before + 1)
    sample = Sample(own, job.known)
    fits = {method.name: method.fit(sample) for method in work.methods}
    p = plan.parameters
    first = plan.starts[:-1]
    return Drawn(
        x=rows["x"].to_numpy(),
        y=rows["y"].to_numpy(),
        school=np.repeat(np.arange(plan.J), own.n[0].astype(np.int64)),
        sector=np.repeat(np.arange(own.n_sectors), own.clusters),
        n=own.n[0],
        x_mean=own.x_mean[0],
        y_mean=own.y_mean[0],
        true=_true(plan, clusters.take(slice(-1, None)), own),
        blue=_blue(own),
        blup=_predictions(own, fits["hlm"]),
        lines={m.name: fit_line(m, sample, fits[m.name], job) for m in work.methods},
        gamma=np.column_stack([p.gamma0[first], p.beta_within[first]]),
        G=job.known.G,
    )


def _true(plan: Plan, clusters: Clusters, m: Moments) -> Floats:
    """β_0j = γ_0 + (β_B − β_W) c_j + u_0j and β_1j = β_W + u_1j. (J, 2)."""
    p = plan.parameters
    context = clusters.m[0] if p.latent else m.x_mean[0]
    beta0 = p.gamma0 + p.contextual * context + clusters.u0[0]
    return np.column_stack([beta0, p.beta_within + clusters.u1[0]])


def _blue(m: Moments) -> Floats:
    slope = m.slope[0]
    return np.column_stack([m.y_mean[0] - slope * m.x_mean[0], slope])


def _predictions(m: Moments, hlm: Estimates) -> Floats:
    """BLUPs of the schools' lines by HLM's own variances, (J, 2); NaN where its fit failed."""
    S = m.n_sectors
    if hlm.G is None or hlm.sigma2 is None or not np.isfinite(hlm.estimate[0]).all():
        return np.full((m.n.shape[-1], 2), np.nan)
    gamma = hlm.estimate[0].reshape(2, 2 * S - 1)[:, :S].T
    return blups(m, np.repeat(gamma, m.clusters, axis=0), hlm.G[0], float(hlm.sigma2[0]))


def blups(m: Moments, gamma: Floats, G: Floats, sigma2: float) -> Floats:
    """Best linear unbiased predictions of the schools' lines, given the variances, (J, 2).

        β̃_j = γ_j + G V_j⁻¹ (β̂_j − γ_j),   V_j = G + σ²(X_j'X_j)⁻¹

    `gamma`, (J, 2), is what each school's line is shrunk towards. A school in which x does not vary
    has NaN.
    """
    V = G + sigma2 * inverse_cross_product(m)[0]
    lines = np.isfinite(V).all(axis=(1, 2))
    out: Floats = np.full(gamma.shape, np.nan)
    off = (_blue(m) - gamma)[lines]
    out[lines] = gamma[lines] + np.linalg.solve(V[lines], off[..., None])[..., 0] @ G
    return out


def gls_covariance(m: Moments, G: Floats, sigma2: float) -> Floats:
    """Covariance of the contextual model's coefficients, given the variances, (S, 3, 3).

        Φ_s = (Σ_j W_j'V_j⁻¹W_j)⁻¹,   W_j = [[1, 0, x̄_j], [0, 1, 0]],   V_j = G + σ²(X_j'X_j)⁻¹

    Schools in which x does not vary are left out. A sector whose coefficients are not identified
    has NaN.
    """
    V = G + sigma2 * inverse_cross_product(m)[0]
    usable = np.asarray(np.isfinite(V).all(axis=(1, 2)))
    out = np.full((m.n_sectors, 3, 3), np.nan)
    for s, (a, b) in enumerate(zip(m.starts[:-1], m.starts[1:], strict=True)):
        at = np.flatnonzero(usable[a:b]) + a
        W = np.zeros((len(at), 2, 3))
        W[:, 0, 0] = W[:, 1, 1] = 1.0
        W[:, 0, 2] = m.x_mean[0, at]
        information = (W.transpose(0, 2, 1) @ np.linalg.solve(V[at], W)).sum(axis=0)
        if np.linalg.cond(information) < 1e12:
            out[s] = np.linalg.inv(information)
    return out


def fit_line(method: Estimator, sample: Sample, fit: Estimates, job: Job) -> Line:
    """Return a method's lines, with the covariance of intercept and slope that it reports.

    In the contextual models the intercept moves with the slope between, not with that within, and
    the covariance is from `gls_covariance`. The job has the true variances.
    """
    m = sample.moments
    S = m.n_sectors
    P = 2 * S - 1
    by_kind = dict(zip(method.kinds, fit.estimate[0].reshape(-1, P), strict=True))
    center = np.column_stack([by_kind.get("intercept", np.full(P, np.nan)), by_kind["slope"]])
    if not np.isfinite(center).all():
        return Line(center, np.full((P, 2, 2), np.nan))
    if "contextual" not in method.kinds:
        return Line(center, line_covariance(method, sample, fit))
    G = job.known.G if fit.G is None else fit.G[0]
    sigma2 = job.known.sigma2 if fit.sigma2 is None else float(fit.sigma2[0])
    variances = dict(zip(method.kinds, fit.std_error[0].reshape(-1, P) ** 2, strict=True))
    cab = sector_contrasts(S) ** 2 @ gls_covariance(m, G, sigma2)[:, 0, 1]
    return Line(center, symmetric(variances["intercept"], cab, variances["slope"]))

"""One model fitted to many responses of the same rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from simlab.data import DataError
from simlab.data.checks import SIZES
from simlab.fitting.estimation import estimate
from simlab.fitting.identified import check_identified, unknown_elements
from simlab.fitting.record import Fit, Method
from simlab.mixed.responses import Prepared, fit_responses, prepare
from simlab.moments import Floats, Ints
from simlab.text import Formula, Note, Paragraph, Part, Printable, frame_table
from simlab.words import Status

CHUNK = 128  # responses that are fitted in one loop
ROOM = 2**22  # numbers of one cluster and a chunk of responses, at most
SHOWN = 5  # messages that are printed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Refits(Printable):
    """Fits of one model to K responses, as arrays; NaN where there is no fit."""

    # what was fitted, in lme4's spelling, and by which likelihood
    formula: str
    method: Method
    # names: of the K responses, the p coefficients and the r random effects
    responses: pd.Index
    coefficients: tuple[str, ...]
    random_effects: tuple[str, ...]
    # γ̂ and its standard errors, (K, p)
    estimate: Floats
    std_error: Floats
    # Ĝ, (K, r, r), also NaN where the data cannot tell; σ̂² and log-likelihood, (K,)
    G: Floats
    sigma2: Floats
    loglik: Floats
    # how each fit ended, numbers of `words.Status`: 0 ok, 1 singular, 2 not converged,
    # 3 not estimable; (K,)
    status: Ints
    # why there is no fit, by the number of the response
    messages: dict[int, str]

    def to_frame(self) -> pd.DataFrame:
        """Every number, tidy: one row for each response and term.

        Columns ``response``, ``status``, ``part`` (fixed, random, model), ``term``, ``estimate``,
        ``std_error``; NaN where there is none. Terms of G are ``var(…)`` and ``cov(…, …)``.
        """
        names, K = self.random_effects, len(self.responses)
        of_G = [(a, b) for a in range(len(names)) for b in range(a + 1)]
        random = [f"var({names[a]})" if a == b else f"cov({names[b]}, {names[a]})" for a, b in of_G]
        terms = [*self.coefficients, *random, "sigma2", "logLik"]
        parts = ["fixed"] * len(self.coefficients) + ["random"] * (len(random) + 1) + ["model"]
        numbers = [
            self.estimate, *(self.G[:, a, b, None] for a, b in of_G),
            self.sigma2[:, None], self.loglik[:, None],
        ]  # fmt: skip
        std_error = np.full((K, len(terms)), np.nan)
        std_error[:, : len(self.coefficients)] = self.std_error
        return pd.DataFrame(
            {
                "response": self.responses.repeat(len(terms)),
                "status": np.repeat([Status(s).word for s in self.status], len(terms)),
                "part": parts * K,
                "term": terms * K,
                "estimate": np.concatenate(numbers, axis=1).ravel(),
                "std_error": std_error.ravel(),
            }
        )

    def parts(self) -> list[Part | list[Part]]:
        """How the fits ended, and the mean and spread of their estimates."""
        fitted = np.isfinite(self.loglik)
        counts = Counter(Status(s).word.replace("_", " ") for s in self.status.tolist())
        ended = ", ".join(f"{n} {word}" for word, n in counts.items()) or "none"
        means = {
            "mean": self.estimate[fitted].mean(axis=0) if fitted.any() else np.nan,
            "sd": self.estimate[fitted].std(axis=0, ddof=1) if fitted.sum() > 1 else np.nan,
            "mean std_error": self.std_error[fitted].mean(axis=0) if fitted.any() else np.nan,
        }
        frame = pd.DataFrame(means, index=pd.Index(self.coefficients))
        first, more = list(self.messages)[:SHOWN], len(self.messages) - SHOWN
        notes: list[Part] = [Note(f"{self.responses[i]}: {self.messages[i]}") for i in first]
        if more > 0:
            notes.append(Note(f"… and {more} more without a fit: see `messages`"))
        return [
            Paragraph(f"{len(self.responses)} responses, each fitted by {self.method}: {ended}"),
            Formula(self.formula),
            frame_table(frame, ".5g"),
            *([notes] if notes else []),
        ]


def refits(fit: Fit, Y: Floats, responses: pd.Index, method: Method, jobs: int) -> Refits:
    """Fit the model of a fit to other responses, in threads.

    Parameters
    ----------
    fit : Fit
        The model, with its rows.
    Y : (N, K)
        Responses, in the order of the rows; a column that is not finite, or not to be squared, has
        no fit.
    responses : (K,)
        Their names.
    method : {"REML", "ML"}
        Which likelihood.
    jobs : int
        Threads; −1 for all processors.
    """
    from simlab.parallel import in_threads  # joblib: a single fit does without it

    design, K = fit.design, Y.shape[1]
    check_identified(design, fit.clusters, method == "REML", "the data")
    p, r = len(design.fixed), len(design.random)
    out = Refits(
        formula=design.formula, method=method, responses=responses,
        coefficients=design.fixed_names, random_effects=design.random_names,
        estimate=np.full((K, p), np.nan), std_error=np.full((K, p), np.nan),
        G=np.full((K, r, r), np.nan), sigma2=np.full(K, np.nan), loglik=np.full(K, np.nan),
        status=np.full(K, Status.NOT_ESTIMABLE, dtype=np.int64), messages={},
    )  # fmt: skip
    ready = prepare(
        design.sums, design.cluster, design.fixed, design.random, design.blocks, method == "REML"
    )
    largest = int(np.diff(ready.rows.first).max())
    size = max(1, min(CHUNK, ROOM // largest))
    messages: dict[int, str] = {}
    tasks = ((fit, ready, Y, slice(i, i + size), out) for i in range(0, K, size))
    for said in in_threads(_fill, tasks, jobs):
        messages |= said
    out.messages.update(sorted(messages.items()))
    out.G[:, unknown_elements(fit.clusters)] = np.nan
    return out


def _fill(fit: Fit, ready: Prepared, Y: Floats, chosen: slice, out: Refits) -> dict[int, str]:
    """Fit some of the responses; return why there is no fit, where there is none."""
    part = np.array(Y[:, chosen], dtype=np.float64, order="C")
    numbers = np.arange(chosen.start, chosen.start + part.shape[1])
    largest = np.maximum(part.max(axis=0), -part.min(axis=0))
    finite = np.isfinite(largest)
    usual = finite & (largest > SIZES[0]) & (largest < SIZES[1])
    chosen_part = part if usual.all() else np.ascontiguousarray(part[:, usual])
    fits = fit_responses(ready, chosen_part, largest[usual])
    to = numbers[usual][fits.sure]
    out.estimate[to], out.std_error[to] = fits.gamma[fits.sure], fits.std_error[fits.sure]
    out.G[to], out.sigma2[to] = fits.G[fits.sure], fits.sigma2[fits.sure]
    out.loglik[to] = -fits.deviance[fits.sure] / 2
    out.status[to] = np.where(fits.singular[fits.sure], Status.SINGULAR, Status.OK)
    messages: dict[int, str] = {}
    alone = finite.copy()
    alone[np.flatnonzero(usual)[fits.sure]] = False
    for i in np.flatnonzero(~finite).tolist():
        row = fit.design.rows[int(np.argmin(np.isfinite(part[:, i])))]
        messages[int(numbers[i])] = f"not a finite number in row {row}"
    for i in np.flatnonzero(alone).tolist():
        said = _by_itself(fit, part[:, i].copy(), int(numbers[i]), out)
        if said:
            messages[int(numbers[i])] = said
    return messages


def _by_itself(fit: Fit, y: Floats, number: int, out: Refits) -> str:
    """Fit one response as `estimate` does, in units that lose no digits."""
    name = out.responses[number]
    response = name if isinstance(name, str) else f"response {name}"
    try:
        own = estimate(replace(fit.design, y=y, response=response), out.method)
    except DataError as error:
        return str(error)
    if not own.converged:
        out.status[number] = Status.NOT_CONVERGED
        return next(note for note in own.notes if note.startswith("no convergence"))
    if own.no_residual:
        return next(note for note in own.notes if note.startswith("no residual"))
    out.estimate[number], out.std_error[number] = own.gamma, np.sqrt(np.diag(own.covariance))
    out.G[number], out.sigma2[number], out.loglik[number] = own.G_matrix, own.sigma2, own.loglik
    out.status[number] = Status.SINGULAR if own.singular else Status.OK
    return ""

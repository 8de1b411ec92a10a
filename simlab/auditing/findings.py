"""The findings of an audit, and how they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pandas as pd
import xarray as xr

from simlab.auditing.advice import with_advice
from simlab.auditing.efficiency import efficiency
from simlab.auditing.paradox import Paradox
from simlab.auditing.sensitivity import measured, questions, together
from simlab.auditing.studies import METHODS, config_text
from simlab.auditing.subject import Subject
from simlab.auditing.verdicts import answers, lambdas_of, verdict_frame, with_lambda
from simlab.config import Study


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Verdicts on every method for a data set: which can be trusted, for which question.

    Attributes
    ----------
    subject : Subject
        The data, as they were audited.
    study : Study
        What was run with the parameters as estimated.
    dataset : Dataset
        Its results, as of `simlab.run`; condition 0 draws new clusters, condition 1 keeps them.
    measures : Dataset
        Along parameters (0 as estimated, 1 … those drawn), question, estimator, term, and target
        where a measure has one: bias, bias_in_se, coverage, true_se, relative_error,
        own_coverage, failures, as of `simlab.measure`; truth, lambda; without parameters,
        efficiency and lambda_theory. Each with its Monte Carlo standard error `_mcse`.
    verdicts : DataFrame
        One row per question, place (group, or difference of groups), method and target. Columns:
        method, label, question, place, term, target, truth (of the target), estimate, std_error
        and status (on the data), lambda (the term estimates β_W + λ(β_B − β_W)) with its theory,
        bias_within and bias_between (in true standard errors), true_se, relative_error (of the
        reported SE, %), own_coverage (of what is estimated), efficiency, failures, coverage (of
        the target), each with its `_mcse`; honest, verdict,
        decided (False where Monte Carlo error alone could turn it), certainty (share of the drawn
        parameters with the same trust, NaN without draws), advice.
    answer : DataFrame
        Which methods to trust in all places at once; see `verdicts.answers`.
    paradox : tuple of Paradox
        Robinson's and Simpson's reversals; empty where there is none.
    """

    subject: Subject
    study: Study
    dataset: xr.Dataset
    measures: xr.Dataset
    verdicts: pd.DataFrame
    answer: pd.DataFrame
    paradox: tuple[Paradox, ...]

    @property
    def comparison(self) -> pd.DataFrame:
        """Every method on the data, tidy, as of `simlab.compare`."""
        return self.subject.comparison

    @property
    def missing(self) -> Mapping[str, int]:
        """Missing values by column; their rows were left out."""
        return self.subject.missing

    @property
    def draws(self) -> int:
        """Parameter sets drawn from the sampling distribution of the fit."""
        return int(self.measures.sizes["parameters"]) - 1

    @property
    def config(self) -> str:
        """The study as YAML, which `simlab run` reproduces bit for bit."""
        return config_text(self.subject, self.study)

    @classmethod
    def judged(
        cls, subject: Subject, study: Study, ds: xr.Dataset, paradox: tuple[Paradox, ...],
        others: Sequence[xr.Dataset] = (),
    ) -> Self:  # fmt: skip
        """Judge the first study, and the measures of other parameters where there are any."""
        groups, limit = subject.groups, questions(ds)["limit"].sel(estimator=list(METHODS))
        measures = with_lambda(together([measured(ds), *others]), limit, groups)
        value, mcse = efficiency(ds, lambdas_of(measures, groups), groups)
        dims = ("question", "estimator", "term")
        measures = measures.assign(efficiency=(dims, value), efficiency_mcse=(dims, mcse))
        verdicts = verdict_frame(subject, measures, study.level)
        answer = answers(verdicts, measures, study.level)
        advised = with_advice(verdicts, study.level)
        return cls(subject, study, ds, measures, advised, answer, paradox)

"""Tests of hypotheses: in every replicate of a study, or of one data set by simulation."""

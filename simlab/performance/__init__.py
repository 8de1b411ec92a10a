"""Performance of estimators, from arrays: measures, each declared once, of summed replicates.

A `measure` is a function of means over replicates, with its derivative; a `stream` is what it needs
of each replicate. `node` sums a block of replicates and merges sums, `named` gives them back by
estimator and term and takes measures of them; `registry` lists the measures. Knows neither studies
nor labelled data, so both towers may use it.
"""

"""Linear mixed models with one grouping factor, by ML or REML, from cluster moments."""

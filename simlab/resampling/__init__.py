"""Draws from a fitted model, or of its clusters: Monte Carlo p-values, bootstrap intervals."""

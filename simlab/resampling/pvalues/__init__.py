"""Monte Carlo p-values: models, draws from the null, what they exceed, what is put beside it."""

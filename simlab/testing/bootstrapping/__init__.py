"""The bootstrap: statistics, the draws they are taken of, quantiles and intervals."""

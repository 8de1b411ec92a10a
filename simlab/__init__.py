"""simlab: sampling experiments on hierarchical data."""

"""Populations as numbers: what a sample is drawn from, and its true values.

y_ij = β_0j + β_1j x_ij + ε_ij,   β_0j = γ_0 + (β_B − β_W) c_j + u_0j,   β_1j = β_W + u_1j,

with (u_0j, u_1j) ~ (0, G), ε_ij ~ (0, σ²), and the context c_j either the sample mean x̄_j or
the latent mean m_j of x in cluster j.
"""

from simlab.errors import PopulationError

from .compiler import compile_plan, needs_rows
from .plan import LAWS, Clusters, FixedX, Law, Parameters, Plan, RandomX, law_name
from .truth import SizeMoments, expect_size, size_moments, truth

__all__ = [
    "LAWS", "Clusters", "FixedX", "Law", "Parameters", "Plan", "PopulationError", "RandomX",
    "SizeMoments", "compile_plan", "expect_size", "law_name", "needs_rows", "size_moments",
    "truth",
]  # fmt: skip

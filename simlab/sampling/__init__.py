"""From a population to one block of replicates, as sufficient statistics or as rows.

A block is (condition, block number): a fixed number of replicates from streams of its own. Its
first b replicates do not depend on how many follow, nor on who draws them.

With normal x and ε the moments of a cluster are drawn directly, whatever its size:

    x̄_j ~ N(m_j, σ_x²/n_j)                       ss_x = Σ (x_ij − x̄_j)² ~ σ_x² χ²(n_j − 1)
    √n_j ȳ_j = √n_j (β_0j + β_1j x̄_j) + σ ξ_1    s_xy/√ss_x = √ss_x β_1j + σ ξ_2
    rss ~ σ² χ²(n_j − 1 − [ss_x > 0])

with ξ_1, ξ_2 standard normal and all of them independent given x: the residual, the mean and the
slope of a normal sample about a line are independent (Cochran's theorem).
"""

from simlab.moments import Rows
from simlab.population import Clusters

from .blocks import Drawn, Part, block_clusters, draw_block, replicate_rows, rows_frame, rows_given
from .draws import draw_clusters, draw_moments, draw_rows
from .laws import keeps_clusters, require_laws
from .streams import BLOCK, CLUSTERS, GENERATOR, METHOD, NULL_DRAWS, ROWS, Common, Key, stream

__all__ = [
    "BLOCK", "CLUSTERS", "GENERATOR", "METHOD", "NULL_DRAWS", "ROWS", "Clusters", "Common",
    "Drawn", "Key", "Part", "Rows", "block_clusters", "draw_block", "draw_clusters",
    "draw_moments", "draw_rows", "keeps_clusters", "replicate_rows", "require_laws",
    "rows_frame", "rows_given", "stream",
]  # fmt: skip

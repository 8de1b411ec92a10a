"""Why there are three estimates.

    python experiments/three_estimates.py --replicates 5000

The same as `simlab demo three_estimates`. What it does stands in
simlab/course/demos/three_estimates.py, its study in configs/three_estimates.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "three_estimates"]
    main()

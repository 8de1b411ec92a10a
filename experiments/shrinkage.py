"""How both BLUE and BLUP can be best.

    python experiments/shrinkage.py --replicates 5000

The same as `simlab demo shrinkage`. What it does stands in
simlab/course/demos/shrinkage.py, its study in configs/shrinkage.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "shrinkage"]
    main()

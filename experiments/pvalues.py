"""The p-value of a variance.

    python experiments/pvalues.py --replicates 5000

The same as `simlab demo pvalues`. What it does stands in
simlab/course/demos/pvalues.py, its study in configs/pvalues.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "pvalues"]
    main()

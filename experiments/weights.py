"""Means of students or of schools.

    python experiments/weights.py --replicates 5000

The same as `simlab demo weights`. What it does stands in
simlab/course/demos/weights.py, its study in configs/weights.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "weights"]
    main()

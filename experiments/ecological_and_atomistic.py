"""Two fallacies.

    python experiments/ecological_and_atomistic.py --replicates 5000

The same as `simlab demo ecological_and_atomistic`. What it does stands in
simlab/course/demos/ecological_and_atomistic.py, its study in configs/ecological_and_atomistic.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "ecological_and_atomistic"]
    main()

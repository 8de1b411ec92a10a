"""More schools or larger schools.

    python experiments/asymptotics.py --replicates 5000

The same as `simlab demo asymptotics`. What it does stands in
simlab/course/demos/asymptotics.py, its study in configs/asymptotics.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "asymptotics"]
    main()

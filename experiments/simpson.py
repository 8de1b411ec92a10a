"""Simpson's paradox.

    python experiments/simpson.py --replicates 5000

The same as `simlab demo simpson`. What it does stands in
simlab/course/demos/simpson.py, its study in configs/simpson.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "simpson"]
    main()

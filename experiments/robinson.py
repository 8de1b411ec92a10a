"""Robinson's paradox.

    python experiments/robinson.py --replicates 5000

The same as `simlab demo robinson`. What it does stands in
simlab/course/demos/robinson.py, its study in configs/robinson.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "robinson"]
    main()

"""Which question a standard error answers.

    python experiments/same_or_new_schools.py --replicates 5000

The same as `simlab demo same_or_new_schools`. What it does stands in
simlab/course/demos/same_or_new_schools.py, its study in configs/same_or_new_schools.yaml.
"""

from __future__ import annotations

import sys

from simlab.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["demo", "same_or_new_schools"]
    main()

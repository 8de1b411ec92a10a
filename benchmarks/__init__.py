"""The repeatable benchmark, `make bench`: how long things take, and what that depends on.

`clock` times actions in turn. Each section of the report has a room that names what is timed and
what is said of it: `methods`, `sweeps`, `threads`, `starting`, `peers`, `store`. They share the
`populations`; R answers through `r`. `machine` says where and under which load, `report` writes
Markdown, and `run` puts all together.
"""

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment in which one thread is compared with one thread."""

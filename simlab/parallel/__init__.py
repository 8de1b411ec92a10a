"""Work in parallel: in threads, in processes, on machines; the only place that names joblib, dask.

`in_threads` shares the compiled code and the data. `Workers` do it wherever they are told:
in threads, in processes of this machine (loky), or in workers of dask, here or elsewhere. No
result depends on where it was computed.
"""

from simlab.parallel.errors import ParallelError
from simlab.parallel.threads import in_threads
from simlab.parallel.workers import Workers

__all__ = ["ParallelError", "Workers", "in_threads"]

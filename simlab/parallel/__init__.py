"""Work in parallel: in threads, in processes, on machines; the only place that names joblib, dask.

`in_threads` shares the compiled code and the data. `Workers` do it wherever they are told:
in threads, in processes of this machine (loky), or in workers of dask, here or elsewhere. No
result depends on where it was computed. Workers make `notes` of what they are `doing`, and a
`Watch` says what to do about what takes too long.
"""

from simlab.errors import ParallelError
from simlab.parallel.batch import Task
from simlab.parallel.notes import doing
from simlab.parallel.threads import in_threads
from simlab.parallel.watch import Watch
from simlab.parallel.workers import Workers, require

__all__ = ["ParallelError", "Task", "Watch", "Workers", "doing", "in_threads", "require"]

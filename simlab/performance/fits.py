"""What became of fits: failures, singular ones, clusters left out."""

from __future__ import annotations

from simlab.performance.intervals import SHARE
from simlab.performance.measure import Measure
from simlab.performance.streams import DROPPED, STATUS
from simlab.words import FAILED, Status

failures = Measure(
    "failures", "share of replicates without an estimate", "1",
    "p = share with status not_converged, not_estimable or error", STATUS,
    lambda m: m[0] + m[1] + m[2], lambda _: (1.0, 1.0, 1.0),
    tuple(STATUS.features[status] for status in FAILED),
    share=True, mcse=SHARE,
)  # fmt: skip

singular = Measure(
    "singular", "share of replicates with a singular fit", "1", "p = share with status singular",
    STATUS, features=(STATUS.features[Status.SINGULAR],), share=True, mcse=SHARE,
)  # fmt: skip

dropped_clusters = Measure(
    "dropped_clusters", "clusters left out by the estimator", "clusters per replicate",
    "mean number of clusters left out, over replicates with an estimate", DROPPED, mcse="sd/√n",
)  # fmt: skip

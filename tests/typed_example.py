"""What a user writes, checked by mypy as a user's own file is (see test_public.py)."""

import pandas as pd
import xarray as xr

import simlab

study: simlab.Study = simlab.load("configs/slides_example.yaml")
ds: xr.Dataset = simlab.run(study, jobs=1)
table: pd.DataFrame = simlab.methods_table(ds).to_frame()
fit: simlab.MixedFit = simlab.fit(simlab.data.hs(), "mathach ~ ses + (1 + ses | school)")
p: float = fit.wald("ses").p_value
single = simlab.pvalue(
    simlab.data.hs(), "mathach ~ ses + (1 | school)", "mathach ~ ses + (1 + ses | school)"
)
assert isinstance(single, simlab.PValue)
try:
    simlab.compare({"y": [1]}, y="y", x="x", cluster="g")
except simlab.Error as error:
    print(error)

wrong: int = fit.sigma2  # type: ignore[assignment]
fit.no_such_question()  # type: ignore[attr-defined]
simlab.load(3)  # type: ignore[arg-type]
print(simlab.no_such_name)  # type: ignore[attr-defined]

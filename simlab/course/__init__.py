"""The course on hierarchical models: its methods, its ten models, its notation, its demonstrations.

`methods` is what it says of each method and imports nothing of simlab, so tables and plots may ask
it. `catalogue`, `equations` and `notation` stand above `fitting`; `demos` above everything.
"""

"""The course on hierarchical models: its methods, its ten models, its notation, its demonstrations.

`methods` imports nothing of simlab but words, so tables and plots may ask it; `demos` stand above
everything.
"""

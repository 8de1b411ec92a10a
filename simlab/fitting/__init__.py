"""Mixed models over data frames: fit them, question them, diagnose them.

`model` fits, `result` holds; every other file answers one kind of question of a `MixedFit`.
"""

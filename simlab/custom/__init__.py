"""Estimators and generators of the user, by import path, kept apart from all the rest.

`marks` is what the user writes above a function, `found` imports it, `isolation` calls it so that
nothing it does can end a study, `returned` reads what it returns. `methods` makes estimators of
it, `generated` populations.
"""

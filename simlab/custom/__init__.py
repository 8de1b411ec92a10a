"""Estimators and generators of the user, by import path, kept apart from all the rest.

`declarations` are what the user writes above a function, `addresses` import it, `isolation` calls
it so that nothing it does can end a study, `returned` reads what it returns. `methods` makes
estimators of it, `generated` populations.
"""

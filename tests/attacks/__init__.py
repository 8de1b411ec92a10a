"""Attacks on the command line: what a user may do to it by mistake or on purpose, by the thousand.

A sort of attack is a module of this package with a function `attack(seed, folder, entry)`. It makes
its input in a folder, a function of the seed alone; gives it to the command line (`forked`); and
returns a `Verdict` (`judge`). `tests/test_attacks.py` makes some of each sort, and
`experiments/attacks.py` makes a thousand.
"""

# Everything a newcomer needs: Python 3.11 or later with venv, and make.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

LOWEST := .lowest/.ready
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --max-worker-restart 0
# The lowest versions have wheels for the lowest Python.
LOWEST_PYTHON ?= python3.11

.PHONY: install table test test-slow test-all check bench rooms smoke clean

install: $(READY)  ## simlab and all that it may use, into .venv

table: $(READY)  ## run the main study and print the summary-of-methods table
	$(BIN)/simlab run configs/methods_summary.yaml

test: $(READY)  ## run the tests, but the slow ones, in minutes
	$(PYTEST) -m "not slow"

test-slow: $(READY)  ## run the slow tests: what is killed, interrupted, attacked, printed, shown
	$(PYTEST) -m slow

test-all: test test-slow  ## and a thousand attacks of each sort on the command line, an hour or two
	$(BIN)/python experiments/attacks.py

check: $(READY)  ## what CI checks besides: style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## measure speed on an idle machine and write results/benchmark.md, minutes
	$(BIN)/python -m benchmarks

rooms: $(READY)  ## draw the picture of the rooms in docs/design.md
	$(BIN)/python docs/make_rooms.py

smoke: $(READY) $(LOWEST)  ## try the commands with the lowest versions that pyproject.toml allows
	.lowest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	.ci/smoke .lowest .venv

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

$(LOWEST): pyproject.toml constraints-lowest.txt
	$(LOWEST_PYTHON) -m venv .lowest
	.lowest/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-lowest.txt '.[app,dask,formats]'
	touch $@

clean:
	rm -rf .venv .lowest .mypy_cache .ruff_cache .pytest_cache .hypothesis

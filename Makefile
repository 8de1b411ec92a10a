# Everything a newcomer needs: Python 3.11 or later with venv, and make.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: table test test-all check clean

table: $(READY)  ## run the main study and print the summary-of-methods table
	$(BIN)/simlab run configs/methods_summary.yaml

test: $(READY)  ## run the tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-all: test  ## and a thousand attacks of each sort on the command line, an hour or two
	$(BIN)/python experiments/attacks.py

check: $(READY)  ## what CI checks besides: style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

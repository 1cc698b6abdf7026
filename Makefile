# The chores, by name. Everything here runs in .venv, which `make install` makes.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: install test lint types demo states faults pictures benchmark ci

install:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e '.[cli,simulator,test]'

test:
	$(BIN)/python -m pytest

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

demo:
	$(BIN)/python -m binance_uds demo

# Redraws the session's table in the README.
states:
	$(BIN)/python -m tests.drawing README.md

# Lists the faults with the tests that show what becomes of them.
faults:
	$(BIN)/python -m tests.faults tests/FAULTS.md

# Runs the notebooks among the samples and takes their pictures for the README; needs Chromium.
pictures:
	$(BIN)/python -m tests.screenshots samples/pictures

# Ours and the other clients side by side, within 25 minutes; redraws the picture in the README.
benchmark:
	$(BIN)/pip install -q -e '.[cli,simulator,test]'
	$(BIN)/python -m tests.benchmarks --home .venv/benchmark --json .venv/benchmark.json --plot samples/pictures/benchmark.svg

ci:
	.ci/run

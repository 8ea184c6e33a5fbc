# Haechi. Every target does its own set-up; all that must be there is Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help setup demo check test faults test-shared soak bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv from the lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Haechi needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another: make setup PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## the whole centre with a living district; prints the wall's address and sign-in
	$(BIN)/haechi demo

check: setup ## ruff, mypy strict, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## everything that CI tests, but for the faults
	@$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest -m "not faults and not shared and not soak" -n 2 --dist loadfile $(PYTEST_ARGS)

faults: setup ## kills, restarts, hostile endpoints
	$(BIN)/python -m pytest -m "faults" -n 2 --dist loadfile $(PYTEST_ARGS)

test-shared: setup ## what needs ../shared (footage and weights that are not ours to ship)
	$(BIN)/python -m pytest -m "shared" $(PYTEST_ARGS)

soak: setup ## long runs
	$(BIN)/python -m pytest -m "soak" --timeout 0 $(PYTEST_ARGS)

bench: setup ## every benchmark, one JSON line each
	$(BIN)/python -m benchmarks all --json

lock: setup ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra demo --group dev --group bench pyproject.toml --output-file requirements.lock

clean: ## what can be made again; the data folder stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

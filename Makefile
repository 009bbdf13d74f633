# The commands of this project. Each sets up what it needs: a virtual environment with what constraints.txt pins.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt

.PHONY: serve test check bench clean

serve: $(VENV)/.serve
	@$(BIN)/shopdesk index status >/dev/null 2>&1 || { \
		echo "Indexing the demo shop, once ..." >&2; $(BIN)/shopdesk ingest knowledge/demo >/dev/null; }
	@$(BIN)/shopdesk serve

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench
	$(BIN)/python -m tests.benchmarks $(ARGS)

clean:
	rm -rf $(VENV)

$(VENV)/.serve: pyproject.toml constraints.txt
	@echo "Installing into $(VENV), a few minutes the first time ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.serve
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@$(PIP) -e '.[dev,bench]'
	@touch $@

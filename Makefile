# Two commands for a new user: `make demo` and `make test`. Everything else is for daily work.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)

.PHONY: help setup demo test lint up down snapshots lock duckdb models bench clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "engram needs Python 3.11 to 3.13; set PYTHON=…")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x "$(UV)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.lock
	$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $(READY)

setup: $(READY) ## install everything into .venv, from the lock file

demo: $(READY) ## the whole night on a synthetic population, then what came out
	@$(BIN)/engram demo

up: $(READY) ## the Dagster UI on 127.0.0.1:3000 with its daemon; Ctrl-C stops it all
	@exec $(BIN)/engram up

down: $(READY) ## stop what is left running
	@$(BIN)/engram down

lint: $(READY) ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## lint, types, import rules and every test, on real embedded servers
	$(BIN)/python -m pytest -n 2 --dist worksteal

DUCKDB_OLDER := 1.5.6
OLDER := .venv/duckdb-$(DUCKDB_OLDER)
$(OLDER): $(READY)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --target $@ duckdb==$(DUCKDB_OLDER)

duckdb: $(OLDER) ## the marts on the older DuckDB, and its clients on files of the newer
	PYTHONPATH=$(OLDER) $(BIN)/python -m pytest -q tests/warehouse/test_marts.py tests/warehouse/test_questions.py \
		tests/warehouse/test_disclosure.py
	OLDER_DUCKDB=$(OLDER) $(BIN)/python -m pytest -q tests/warehouse/test_older_clients.py

MODELS := .venv/models
$(MODELS)/bin/python: $(READY)
	$(BIN)/python -m venv $(MODELS)
	$(UV) pip install --quiet --require-hashes --python $@ -r requirements.lock
	$(UV) pip install --quiet --python $@ sentence-transformers
	$(UV) pip install --quiet --no-deps --no-build-isolation --python $@ --editable .

models: $(MODELS)/bin/python ## the optional embedder with a real model, in an environment of its own (2 to 5 GB)
	$< -m pytest -q tests/assets/memory/test_sentence_transformers.py tests/assets/memory/test_embed.py

snapshots: $(READY) ## rewrite the snapshot of the definitions after a wanted change
	ENGRAM_WRITE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/pipelines/test_definitions.py

lock: ## resolve the lock file again
	$(UV) pip compile pyproject.toml --quiet --group dev --universal --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock

clean: ## remove the environment; the data in ENGRAM_HOME stays
	rm -rf $(VENV) *.egg-info

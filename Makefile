# The two commands of the README are `make demo` and `make test`.
PYTHON ?= python3
PORT ?= 8000
SECONDS ?= 120
SEED ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: demo test lint crash-test crash-controls hosts model screenshots bench bench-audit bench-decision bench-effects bench-explorer bench-job-tables bench-memory bench-pages bench-queue bench-simulation bench-steady long-run drill-upgrade sbom clean

demo: $(VENV)/.product
	@$(BIN)/python manage.py demo --port $(PORT)

test: $(VENV)/.development
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.lint_templates
	$(BIN)/python -m tests.lint_migrations

crash-test: $(VENV)/.development
	$(BIN)/python -m pytest tests/crash -n 0
	$(BIN)/python -m tests.crash.harness --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

crash-controls: $(VENV)/.development
	$(BIN)/python -m tests.crash.harness --controls

# Needs root: hosts are network namespaces.
hosts: $(VENV)/.development
	$(BIN)/python -m tests.hosts.run --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

model: $(VENV)/.development
	$(BIN)/python -m pytest tests/model -n 0 -s

screenshots: $(VENV)/.development
	$(BIN)/python -m tests.screenshots

bench: $(VENV)/.development
	$(BIN)/python -m bench.api
	$(BIN)/python -m bench.pages

bench-audit: $(VENV)/.development
	$(BIN)/python -m bench.audit

bench-decision: $(VENV)/.development
	$(BIN)/python -m bench.decision

bench-effects: $(VENV)/.development
	$(BIN)/python -m bench.effects

bench-steady: $(VENV)/.development
	$(BIN)/python -m bench.steady

bench-job-tables: $(VENV)/.development
	$(BIN)/python -m bench.job_tables

bench-memory: $(VENV)/.development
	$(BIN)/python -m bench.memory

bench-explorer: $(VENV)/.development
	$(BIN)/python -m bench.explorer

bench-simulation: $(VENV)/.development
	$(BIN)/python -m bench.simulation

long-run: SECONDS = 3600
long-run: $(VENV)/.development
	$(BIN)/python -m bench.long_run --seconds $(SECONDS)

drill-upgrade: $(VENV)/.development
	$(BIN)/python -m tests.drills.upgrade

bench-queue: $(VENV)/.development
	$(BIN)/python -m bench.queue_page

bench-pages: $(VENV)/.development
	$(BIN)/python -m bench.pages

sbom: $(VENV)/.development
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o sbom.cdx.json

clean:
	rm -rf $(VENV) .data staticfiles

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.product: requirements.lock | $(VENV)/bin/python
	$(PIP) -r requirements.lock
	@touch $@

$(VENV)/.development: requirements-dev.lock | $(VENV)/bin/python
	$(PIP) -r requirements-dev.lock
	@touch $@ $(VENV)/.product

# `make` lists the targets. Everything runs in `.venv`, made from the lock files in `requirements/` with Python 3.11+.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3
KEEP ?=
OPERATIONS ?= 200000
FAULTS ?= 500
MINUTES ?= 25
SEED ?=
LOCK_FLAGS ?=
WORKERS ?= auto
BROKER ?= wheel

VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP_INSTALL) --require-hashes --requirement

##@ Use it

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(VENV)/.local-installed ## Replay the 2021 incident on this machine and check every figure; KEEP=1 leaves it running, BROKER=apache takes Apache Kafka
	@BROKER="$(BROKER)" KEEP="$(KEEP)" $(PY) -m tools.demo

.PHONY: stop
stop: $(VENV)/.local-installed ## Stop what `make demo KEEP=1` left running
	@$(PY) -m tools.demo.stop

.PHONY: run
run: $(VENV)/.local-installed ## Run broker, blocklist and notifier until Ctrl-C; BROKER=apache takes Apache Kafka
	@BROKER="$(BROKER)" exec $(PY) -m tools.run

##@ Test it

.PHONY: test
test: $(VENV)/.dev-installed ## Run the whole test suite and hold the coverage limits
	$(PY) -m pytest --numprocesses=$(WORKERS) --dist=worksteal --ignore=tests/simulation --cov --cov-report=term-missing:skip-covered
	$(PY) -m tools.coverage_gate
	$(PY) -m pytest --numprocesses=$(WORKERS) --dist=worksteal tests/simulation

.PHONY: check
check: $(VENV)/.dev-installed ## Lint, formatting, types, import layers, size limits, generated files up to date
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tools.sizes
	$(PY) -m tests.faults.document --check
	@if [ -e tools/dashboards.py ] || [ -d tools/dashboards ]; then $(PY) -m tools.dashboards --check; fi

.PHONY: bench
bench: $(VENV)/.dev-installed ## Run the benchmarks; their figures are in build/bench.json
	$(PY) -m benchmarks

.PHONY: test-faults
test-faults: $(VENV)/.dev-installed ## Run the fault suite: ten thousand simulated histories, its tests, the long run on Apache Kafka, planted bugs
	GEOWITHHOLD_HISTORIES=10000 $(PY) -m pytest --numprocesses=$(WORKERS) --dist=worksteal tests/simulation
	GEOWITHHOLD_TEST_SYSTEM=1 $(PY) -m pytest tests/faults
	$(PY) -m tests.faults.run --broker apache --operations $(OPERATIONS) --faults $(FAULTS) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
	$(PY) -m tests.faults.mutation

.PHONY: test-kafka
test-kafka: $(VENV)/.dev-installed ## Run what needs a broker on Apache Kafka itself, and what only it can show; needs Java 17 and Maven
	GEOWITHHOLD_TEST_BROKER=apache $(PY) -m pytest --numprocesses=$(WORKERS) --dist=worksteal -m "broker or apache" --ignore=tests/faults

##@ Change it

.PHONY: fmt
fmt: $(VENV)/.dev-installed ## Format the code and fix what ruff can fix
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

.PHONY: dashboards
dashboards: $(VENV)/.dev-installed ## Write the Grafana dashboards anew
	$(PY) -m tools.dashboards

.PHONY: lock
lock: $(VENV)/.lock-installed ## Lock the dependencies anew; LOCK_FLAGS=--upgrade takes newer versions
	$(call compile,dev,--group dev)
	$(call compile,local,--group local --constraint requirements/dev.txt)
	$(call compile,runtime,--constraint requirements/dev.txt)

.PHONY: install
install: $(VENV)/.dev-installed ## Make .venv with everything that work on the code needs

.PHONY: clean
clean: ## Remove .venv, all state and everything generated
	rm -rf $(VENV) build var dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call compile,name,options): one lock file for every platform and Python, with hashes and without any index address.
define compile
	$(PY) -m uv pip compile pyproject.toml $(2) --output-file requirements/$(1).txt --universal --python-version 3.11 \
		--generate-hashes --no-strip-extras --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet $(LOCK_FLAGS)
endef

$(PY):
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local-installed: requirements/local.txt | $(PY)
	$(LOCKED) $<
	@touch $@

# What `dev` holds includes what `local` holds, in the same versions.
$(VENV)/.dev-installed: requirements/dev.txt | $(PY)
	$(LOCKED) $<
	@touch $@ $(VENV)/.local-installed

$(VENV)/.lock-installed: pyproject.toml | $(PY)
	$(PIP_INSTALL) uv
	@touch $@

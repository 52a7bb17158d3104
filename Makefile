# `demo` and `test` set up $(VENV) themselves when it is missing or older than what it is made of.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# More words for pytest, such as: make test ARGS='-m "not slow"'
ARGS ?=
# More words for pip-audit, such as: make audit ADVISORIES='--ignore-vuln ID'
ADVISORIES ?=

.DEFAULT_GOAL := help
.PHONY: demo test check fmt lint type arch audit sbom fuzz bench soak reliability docs notebook clean help

$(READY): pyproject.toml constraints.txt
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[audit,bundled,dev,explain,onnx,peft,tensorboard,tune]'
	touch $@

# Where bf16 is fast, the same five minutes are enough for more.
RECIPE ?= $(if $(shell grep -m1 -o -w -e amx_bf16 -e avx512_bf16 /proc/cpuinfo 2>/dev/null),quickstart-bf16,quickstart)

demo: $(READY)  ## fine-tune on real reviews, offline, and write the report
	$(BIN)/plaudit train $(RECIPE) name=quickstart

# Two processes: most of a test's time is one thread of Python. A file's fixtures are made once.
test: $(READY)  ## all tests, slow ones, doctests and README included
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: lint type arch audit test  ## all that CI checks

fmt: $(READY)  ## put code into shape
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

lint: $(READY)  ## style and common mistakes
	$(BIN)/ruff check
	$(BIN)/ruff format --check

type: $(READY)  ## types, strictly
	$(BIN)/mypy

arch: $(READY)  ## imports point down only
	$(BIN)/lint-imports

audit: $(READY)  ## known vulnerabilities of what is pinned; a minute at most, skipped offline
	$(BIN)/python .ci/advisories.py $(ADVISORIES)

sbom: $(READY)  ## build/sbom.json, the bill of materials (CycloneDX)
	mkdir -p build
	$(BIN)/python -m cyclonedx_py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file build/sbom.json $(BIN)/python

fuzz: $(READY)  ## the readers against made-up bytes, for as long as you let it (needs atheris)
	$(BIN)/python tests/fuzz/readers.py $(ARGS)

bench: $(READY)  ## the benchmarks in their short form
	@set -e; shopt -s nullglob; for script in benchmarks/*.py; do \
	  echo "$$script"; $(BIN)/python "$$script" --short; done

reliability: $(READY)  ## what is promised when things go wrong, tested; writes docs/reliability.md
	$(BIN)/python -m pytest -m promise --reliability $(ARGS)

soak: $(READY)  ## the long forms of these tests, at most 30 minutes
	$(BIN)/python -m pytest --soak --reliability $(ARGS)

docs: $(READY)  ## that links lead somewhere and that the commands named exist
	$(BIN)/python -m pytest tests/test_docs.py README.md docs/concepts.md $(ARGS)

notebook: $(READY)  ## execute the notebook and keep its outputs; some minutes
	$(BIN)/python notebooks/execute.py

clean:  ## remove what was built; keeps .venv and runs/
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf src/*.egg-info/ .coverage
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

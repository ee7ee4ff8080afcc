# make demo   a first result in demo/        make test   the tests   make slow   the long ones   make lint   style and types
# make docs   the pages and the reference, in site/        make dist   wheel and source archive, tried out, in dist/
# make fuzz   damaged files through every reader
# Needs Python 3.11 or newer, pip, make, git and (Linux) libGL, libEGL, libglib: `maquette doctor` says what is missing.

# A name on the PATH may be a shim that does not run, so each is tried; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test slow lint docs dist fuzz clean
.DEFAULT_GOAL := demo

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "maquette needs Python 3.11 or newer: install one, or set PYTHON=..." >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing maquette and what it needs (a few minutes the first time)"
	@$(PIP) --editable '.[heic]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing what the tests need"
	@$(PIP) --editable '.[heic,dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "installing what the documents need"
	@$(PIP) --editable '.[heic,docs]'
	@touch $@

$(VENV)/.installed-dist: $(VENV)/.installed
	@echo "installing what the distribution needs"
	@$(PIP) --editable '.[heic,dist]'
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/maquette doctor > $(VENV)/doctor.txt || { cat $(VENV)/doctor.txt; exit 3; }
	@$(BIN)/python examples/00_first_photo.py demo

test: $(VENV)/.installed-dev
	@$(BIN)/maquette doctor > $(VENV)/doctor.txt || { cat $(VENV)/doctor.txt; exit 3; }
	@$(BIN)/python -m pytest -n 2 -m "not slow" $(TESTS)

slow: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 2 -m slow $(TESTS)

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(VENV)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

dist: $(VENV)/.installed-dist
	@$(BIN)/python tools/dist.py dist

FUZZ ?= 10000
fuzz: $(VENV)/.installed-dev
	@$(BIN)/python tools/fuzz.py --count $(FUZZ)

clean:
	rm -rf $(VENV) demo site build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

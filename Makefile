# Every target sets up its own .venv when it is missing; Python 3.11 or later is all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread: small arrays gain nothing from more, and timings are then comparable.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.PHONY: run test test-slow test-oldest lint bench docs clean

run: $(VENV)/.installed
	@$(BIN)/qmodel solve

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n auto

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.installed-test
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s -q

docs: $(VENV)/.installed-test
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/generate.py
	$(BIN)/python -m pytest -q README.md docs

# The lower bounds of pyproject.toml, installed and tested.
test-oldest:
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-oldest/bin/python -m pip install --quiet -e . --group test \
		"numpy==2.0.*" "scipy==1.13.*" "sympy==1.13.*" "pandas==2.2.*" \
		"typer==0.29.*" "rich==13.8.*" "hypothesis==6.112.*" "pyarrow==16.*"
	.venv-oldest/bin/python -m pytest -n auto

clean:
	rm -rf $(VENV) .venv-oldest build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@echo "Setting up $(VENV), once: half a minute or so."
	@$(PYTHON) -m venv $(VENV)

# The first pip that knows dependency groups; an environment made elsewhere may have an older one.
$(VENV)/.pip: $(VENV)/bin/python
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.installed: $(VENV)/.pip pyproject.toml
	@$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e . --group test
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-lint: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e . --group lint
	@touch $@ $(VENV)/.installed

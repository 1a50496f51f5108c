# Every target sets up its own .venv when it is missing; Python 3.11 or later is all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One thread: small arrays gain nothing from more, and timings are then comparable.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
# Bytecode is kept: else every worker compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE
# Each worker takes tests that stand together, which share what they solve.
WORKERS := -n auto --dist worksteal
# All that need no more than the package and a few minutes.
ALL := -m "not slow and not benchmark and not lab"

PYTHONS := 3.11 3.12 3.13
SINCE ?= main

.PHONY: run quick test test-thorough test-slow test-lab test-long test-oldest $(PYTHONS:%=test-%) coverage lint bench docs site clean

run: $(VENV)/.installed
	@$(BIN)/qmodel solve

# The contracts, and unit tests and doctests of what changed since the branch SINCE.
quick: $(VENV)/.installed-test
	$(BIN)/python -m pytest -q $(WORKERS) $$($(BIN)/python tests/changed.py $(SINCE))

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(WORKERS) $(TESTS)

# Simulations, and what takes a second.
test-thorough: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(WORKERS) -m "thorough and not slow" $(TESTS)

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow

# A real site on loopback: Debian's nginx-light, redis-server and postgresql.
test-lab: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --group lab
	$(BIN)/python -m pytest -m lab tests/lab

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

# Draws that differ from run to run, and many more of them: an hour or so.
test-long: $(VENV)/.installed-test
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest $(WORKERS) -m "not benchmark" \
		tests/properties tests/unit

# The whole suite on another Python, from the path or from pyenv.
$(PYTHONS:%=test-%): test-%:
	for p in python$* $$HOME/.pyenv/versions/$*.*/bin/python; do \
		$$p -m venv .venv-$* 2>/dev/null && break; done
	.venv-$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-$*/bin/python -m pip install --quiet -e . --group test
	.venv-$*/bin/python -m pytest $(WORKERS) $(ALL) $(TESTS)

# Lines and branches that the tests reach, but for the slow ones; it fails below the floor of pyproject.toml.
coverage: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --group coverage
	$(BIN)/python -m pytest -q $(WORKERS) $(ALL) --cov \
		--cov-report=term:skip-covered $(TESTS)

# The documentation as a site, in build/site; warnings are errors. It takes a minute or two.
site: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -q -W --keep-going -c docs . build/site
	@echo "open build/site/index.html"

# The lower bounds of pyproject.toml, installed and tested.
test-oldest:
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	.venv-oldest/bin/python -m pip install --quiet -e . --group test \
		"numpy==2.0.*" "scipy==1.13.*" "sympy==1.13.*" "pandas==2.2.*" \
		"click==8.5.0" "rich==13.8.*" "ruamel.yaml==0.18.0" "hypothesis==6.112.*" "pyarrow==16.*"
	.venv-oldest/bin/python -m pytest $(WORKERS) $(ALL) $(TESTS)

clean:
	rm -rf $(VENV) .venv-* build *.egg-info .pytest_cache .mypy_cache .ruff_cache

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

$(VENV)/.installed-docs: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e . --group docs
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-lint: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --quiet -e . --group lint
	@touch $@ $(VENV)/.installed

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
# Plugins made of torch are left out where installing has to be quick.
LIGHT := $(shell grep -LE '"(torch|sepkit\[neural\])' plugins/*/pyproject.toml | xargs -n 1 dirname)
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)

.PHONY: demo test docs format published clean

# Separate a bundled recording: core and NumPy plugins only.
demo: $(VENV)/.installed-demo
	$(BIN)/sepkit demo -o demo-output

# Format check, lint, types, all tests.
test: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

# The guide, the gallery and the API reference; warnings are errors, and what has not changed is not run again.
docs: $(VENV)/.installed-test
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -n -q -j 2 -d docs/_build/doctrees docs docs/_build/html
	@echo docs/_build/html/index.html

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes what the specs of the plugins say into README.md and into sepkit/plugin/known.py; a test asks for it when it is due.
published: $(VENV)/.installed-test
	$(BIN)/python tools/published.py

clean:
	rm -rf $(VENV) demo-output docs/_build docs/auto

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: $(PROJECTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[plot]' -e plugins/nmf -e plugins/score-nmf
	@touch $@

$(VENV)/.installed-test: $(PROJECTS) constraints.txt | $(BIN)/python
	# Older releases of pip do not read groups of dependencies.
	$(BIN)/python -m pip install --quiet -c constraints.txt 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[evaluation,fetch,media,musdb,neural,plot,worker]' $(PLUGINS:%=-e %) --group docs --group test
	# What the test of the built wheels installs into a fresh environment, so that it needs no network.
	$(BIN)/python -m pip wheel --quiet -c constraints.txt -w $(VENV)/wheelhouse . $(LIGHT:%=./%) pytest
	rm -f $(VENV)/wheelhouse/sepkit*.whl
	@touch $@

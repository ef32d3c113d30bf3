# Every target works on a fresh clone. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
LABEL_STUDIO := .venv-label-studio
MLFLOW := .venv-mlflow

.DEFAULT_GOAL := help
.PHONY: help install run test check format lock bench images test-slow test-faults test-label-studio test-mlflow-server picture reference clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# --no-deps: the lock names everything. Hashes: what is installed is what was locked.
$(RUNTIME): requirements/runtime.txt pyproject.toml components/evaluate/benchmark/_maps.c | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

install: $(RUNTIME) ## Make .venv and install the project from the lock

run: $(RUNTIME) ## Run active-learning cycles on generated streets, to the end
	$(BIN)/streetloop run pipelines/recipes/synthetic.yaml

test: $(DEV) ## Run the tests
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder \
	  -m "not slow and not faults and not label_studio and not mlflow_server"

test-slow: $(DEV) ## Run the tests that take minutes (campaigns with people, in a bucket, more data)
	$(BIN)/python -m pytest -q -m "slow and not faults"

test-faults: $(DEV) ## Run the long form of the tests of faults (kills of real cycles, overload)
	$(BIN)/python -m pytest -q -s -m faults

# An environment of its own: Label Studio pins other versions of what we use.
$(LABEL_STUDIO)/.installed: requirements/label-studio.txt
	$(PYTHON) -m venv --clear $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

test-label-studio: $(DEV) $(LABEL_STUDIO)/.installed ## Install a real Label Studio server (1 GB) and do a round with it
	$(BIN)/python -m pytest -q -m label_studio

# The server's own environment, as its image installs it: other packages than the steps use.
$(MLFLOW)/.installed: mlflow/requirements.txt
	$(PYTHON) -m venv --clear $(MLFLOW)
	$(MLFLOW)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

test-mlflow-server: $(DEV) $(MLFLOW)/.installed ## Run cycles against the server of mlflow/ (needs Debian's postgresql)
	$(BIN)/python -m pytest -q -m mlflow_server

check: $(DEV) ## Lint, types and the direction of imports: what CI runs before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV) $(LABEL_STUDIO)/.installed ## Compare with peers: scoring, decoding (installs Label Studio), the ledger
	$(BIN)/python -m benchmarks.scoring
	PYTHONPATH=. $(LABEL_STUDIO)/bin/python -m benchmarks.rle
	$(BIN)/python -m benchmarks.ledger

picture: $(RUNTIME) ## Draw the README's picture from the last `make run`
	$(BIN)/python docs/make_picture.py

reference: $(RUNTIME) ## Write docs/reference from the code
	$(BIN)/python docs/generate_reference.py

images: ## Build the container images (needs docker)
	docker build -f containers/runtime.Dockerfile --build-arg STREETLOOP_GIT_SHA=$$(git rev-parse HEAD) -t streetloop-python:latest .
	docker build -t streetloop-mlflow:latest mlflow

lock: ## Lock the requirements again (needs uv)
	cd requirements && for name in runtime dev label-studio; do UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile $$name.in \
	  --override overrides.txt --universal --generate-hashes --python-version 3.11 -o $$name.txt; done

clean: ## Delete the environment and caches; campaigns in runs/ stay
	rm -rf $(VENV) $(LABEL_STUDIO) $(MLFLOW) .pytest_cache .mypy_cache .ruff_cache *.egg-info

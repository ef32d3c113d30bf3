# Every target works in a fresh clone. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
LABEL_STUDIO := .venv-label-studio
MLFLOW := .venv-mlflow
DOCS := .venv-docs
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# Uncommitted changes show in both: such an image must not be taken for that of the commit.
SHA = $(shell git describe --always --abbrev=40 --dirty --match='')
TAG ?= $(VERSION)-$(shell git describe --always --abbrev=12 --dirty --match='')
# Where the code comes from, without the account that an address may contain.
SOURCE ?= $(shell git config --get remote.origin.url | sed 's|//[^/]*@|//|')
DOCKER ?= docker

.DEFAULT_GOAL := help
.PHONY: help install run test check format lock bench bench-al fuzz docs image image-gpu images test-slow test-faults test-containers test-label-studio test-mlflow-server test-browser picture reference clean

help: ## List all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Streetloop needs Python 3.11," \
	  "but $(PYTHON) is $$($(PYTHON) --version 2>&1). Install it, or run make with PYTHON=/path/to/python3.11."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# --no-deps, because the lock names everything; hashes, so that what is installed is what was locked.
$(RUNTIME): requirements/runtime.txt pyproject.toml components/evaluate/benchmark/_maps.c | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

install: $(RUNTIME) ## Create .venv and install the project from the lock file

run: $(RUNTIME) ## Run three active-learning cycles on generated streets
	$(BIN)/streetloop run pipelines/recipes/synthetic.yaml

test: $(DEV) ## Run the tests that CI runs
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations 25 \
	  -m "not slow and not faults and not label_studio and not mlflow_server and not browser and not containers"

test-slow: $(DEV) ## Run the tests that take minutes: campaigns with people, in a bucket, with more data
	$(BIN)/python -m pytest -q -m "slow and not faults"

test-faults: $(DEV) ## Run the long fault tests: kill real cycles at random, overload a bucket (an hour)
	$(BIN)/python -m pytest -q -s -m faults

# Label Studio pins other versions of packages that we use, so it gets an environment of its own.
$(LABEL_STUDIO)/.installed: requirements/label-studio.txt
	$(PYTHON) -m venv --clear $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

test-label-studio: $(DEV) $(LABEL_STUDIO)/.installed ## Run a round with a real Label Studio server, which this installs (1 GB)
	$(BIN)/python -m pytest -q -m label_studio

# The server has an environment of its own, as in its image: it uses other packages than the steps.
$(MLFLOW)/.installed: mlflow/requirements.txt
	$(PYTHON) -m venv --clear $(MLFLOW)
	$(MLFLOW)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

test-mlflow-server: $(DEV) $(MLFLOW)/.installed ## Run cycles against the tracking server of mlflow/ (needs Debian's postgresql)
	$(BIN)/python -m pytest -q -m mlflow_server

test-browser: $(DEV) ## Click through MLflow's pages in a real browser (needs Debian's chromium and chromium-driver)
	$(BIN)/python -m pytest -q -m browser

OWN_BASE = streetloop-base:bookworm
test-containers: $(DEV) ## Run the smoke campaign in containers: builds base and image first (needs docker and debootstrap, as root), or takes BASE=... or IMAGE=...
	$(if $(IMAGE)$(BASE),,DOCKER="$(DOCKER)" sh containers/base.sh $(OWN_BASE))
	$(if $(IMAGE),,$(MAKE) image BASE=$(or $(BASE),$(OWN_BASE)))
	DOCKER="$(DOCKER)" STREETLOOP_IMAGE=$(or $(IMAGE),$(PREFIX)streetloop-python:$(TAG)) $(BIN)/python -m pytest -q -m containers

fuzz: $(DEV) ## Read damaged and hostile files for MINUTES (10), with other ones in each round
	end=$$(( $$(date +%s) + 60 * $(or $(MINUTES),10) )); while [ $$(date +%s) -lt $$end ]; do \
	  $(BIN)/python -m pytest -q -x -p no:cacheprovider -k hostile tests/unit || exit 1; done

check: $(DEV) ## Check lint, types and the direction of imports, as CI does before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV) $(LABEL_STUDIO)/.installed ## Measure against peers (installs Label Studio) and limits, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks.run

bench-al: $(RUNTIME) ## Compare all query strategies on generated streets
	$(BIN)/streetloop simulate pipelines/recipes/synthetic_simulation.yaml --strategies all --budgets 4,8,16 --seeds 0,1,2

picture: $(RUNTIME) ## Draw the picture in the README from the last `make run`
	$(BIN)/python docs/make_picture.py

reference: $(DEV) ## Write docs/reference and the pictures in docs/architecture.md from the code
	$(BIN)/python docs/generate_reference.py

# mkdocs and its theme are no part of the project, so they get an environment of their own.
$(DOCS)/.installed: requirements/docs.txt
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

docs: $(DOCS)/.installed ## Build the documentation as a site in site/, and check its links
	$(DOCS)/bin/python docs/build_site.py

# REGISTRY=… begins the names. BASE=… replaces the base, and BUILD="…" adds any option of `docker build`.
PREFIX = $(if $(REGISTRY),$(REGISTRY)/)
LABELS = --label org.opencontainers.image.version=$(VERSION) --label org.opencontainers.image.revision=$(SHA) \
  --label org.opencontainers.image.created=$(shell git show -s --format=%cI HEAD) \
  $(if $(SOURCE),--label org.opencontainers.image.source=$(SOURCE)) $(if $(BASE),--label org.opencontainers.image.base.name=$(BASE))
BUILD_IMAGE = DOCKER_BUILDKIT=1 $(DOCKER) build $(if $(BASE),--build-arg BASE=$(BASE)) $(LABELS) $(BUILD)
BUILD_STEPS = $(BUILD_IMAGE) -f containers/runtime.Dockerfile --build-arg STREETLOOP_GIT_SHA=$(SHA)
# What is in the image is asked of its own Python.
SBOM = mkdir -p build && $(DOCKER) run --rm --network none -i $(PREFIX)$(1):$(TAG) python3 - $(1) < containers/sbom.py > build/$(1)-$(TAG).cdx.json

image: ## Build the image of the steps for CPUs, named by version and commit, and its SBOM in build/ (needs docker)
	$(BUILD_STEPS) -t $(PREFIX)streetloop-python:$(TAG) .
	$(call SBOM,streetloop-python)

image-gpu: ## Build the image of the steps for NVIDIA GPUs, and its SBOM (needs docker)
	$(BUILD_STEPS) --build-arg LOCK=gpu -t $(PREFIX)streetloop-python-gpu:$(TAG) .
	$(call SBOM,streetloop-python-gpu)

images: image ## Build the image of the steps and that of MLflow's server; REGISTRY=... names them for a cluster
	$(BUILD_IMAGE) -t $(PREFIX)streetloop-mlflow:$(TAG) mlflow
	$(if $(REGISTRY),@echo "Push $(PREFIX)streetloop-python:$(TAG) and $(PREFIX)streetloop-mlflow:$(TAG).")

# cpu and gpu come after runtime, whose versions bind them.
lock: ## Resolve the requirements and write the lock files (needs uv)
	cd requirements && for name in runtime dev label-studio docs cpu gpu; do UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile $$name.in \
	  --override overrides.txt $$(test ! -e $$name-overrides.txt || echo --override $$name-overrides.txt) \
	  --universal --generate-hashes --python-version 3.11 -o $$name.txt || exit 1; done

clean: ## Delete the environments and caches, but not the campaigns in runs/
	rm -rf $(VENV) $(LABEL_STUDIO) $(MLFLOW) $(DOCS) site .pytest_cache .mypy_cache .ruff_cache *.egg-info

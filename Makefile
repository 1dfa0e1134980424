# Ticket Flow. `make` or `make help` lists what can be done here.

VENV   ?= .venv## Folder of the virtual environment
PYTHON ?= python3 python3.13 python3.12 python3.11## The first of these that is 3.11 or newer makes the environment
JOBS   ?= 3## Parts of the test suite that run side by side: tests mostly wait
MUTANTS ?=## Parts of paths: make mutants tries the mutants of these files alone, such as MUTANTS=storage/leases
SCENARIO ?=## What make bench measures, a to h (some of all); SIZE=… is how much of it, BENCH='…' more options
SIZE    ?=
BENCH   ?=
PYTEST ?=## More arguments for pytest, such as PYTEST='-k lease -x'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

bin         := $(VENV)/bin
manifests   := setup.cfg pyproject.toml
for_running := $(VENV)/.installed-for-running
for_testing := $(VENV)/.installed-for-testing
# For the Python of deploy/Dockerfile, and any machine. `make lock` upgrades all; a change of one is a line of UV_FLAGS.
lock        := $(bin)/uv pip compile --quiet --upgrade --universal --python-version 3.13 --generate-hashes --no-annotate \
                   --custom-compile-command 'make lock'
pip         := $(bin)/python -m pip --quiet --quiet --disable-pip-version-check

.PHONY: help run test check chaos drills ha upgrade-test compose-test debian-test mutants bench lint format docs dashboards docs-site docs-links lock image clean

help: ## Say what can be done (the default)
	@echo 'Ticket Flow'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo 'Variables'
	@awk -F ' *[?]=.*## *' '/^[A-Z]+ *[?]=/ { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(for_running) ## Start everything on this machine and stay until Ctrl-C
	@exec $(bin)/ticketflow up

# Tests start processes by the hundred: from compiled modules, also where the environment asks to keep none.
test: export PYTHONDONTWRITEBYTECODE :=
# As our processes have it; a plugin of pytest imports NumPy before they could say so, and sums differ in the last digits.
test check: export OPENBLAS_NUM_THREADS := 1
test: $(for_testing) ## Run every check and every test, installing the servers they need
	@tests/install-servers
	@$(MAKE) lint
	$(bin)/python -m pytest --numprocesses $(JOBS) --dist worksteal $(PYTEST)

check: lint ## Run the checks and the quick tests (under a minute)
	@tests/install-servers
	$(bin)/python -m pytest tests/architecture tests/unit tests/contract $(PYTEST)

chaos: $(for_testing) ## Kill, cut and freeze everything under load (some hours); figures go to build/chaos-report.jsonl
	@tests/install-servers
	CHAOS_TICKETS=5000 CHAOS_SCALE=1 CHAOS_LONG=1 CHAOS_BACKLOG=20000 CHAOS_DEAD_LETTERS=500 CHAOS_EXAMPLES=10000 \
	    HOSTILE_CHARACTERS=1000000 CHAOS_REPORT=$${CHAOS_REPORT:-build/chaos-report.jsonl} \
	    $(bin)/python -m pytest tests/chaos tests/hostile tests/integration/tasks tests/integration/services/test_model.py $(PYTEST)

drills: $(for_testing) ## Break a running system in every way the runbook knows, and repair it as the runbook says
	@tests/install-servers
	$(bin)/python -m pytest tests/drills/drill_*.py $(PYTEST)

ha: $(for_testing) ## Lose machines under load and restore from backups (root, some 15 minutes); figures go to build/ha-report.jsonl
	@tests/install-servers
	@mkdir -p build
	CHAOS_TICKETS=1000 CHAOS_SCALE=1 CHAOS_REPORT=$${CHAOS_REPORT:-build/ha-report.jsonl} \
	    $(bin)/python -m pytest tests/ha/drill_*.py $(PYTEST)

compose-test: $(for_testing) ## Run docker-compose.yml and kill it container by container; brings a Docker engine where there is none
	$(bin)/python -m tests.compose

debian-test: $(for_testing) ## Type the guide for Debian into a machine of its own under systemd; brings a Docker engine where there is none
	$(bin)/python -m pytest tests/debian/drill_debian.py $(PYTEST)

upgrade-test: $(for_testing) ## Upgrade and roll back a running system under load; figures go to build/upgrade-report.jsonl
	@tests/install-servers
	$(bin)/python -m pytest tests/upgrades/test_*.py tests/upgrades/upgrade_*.py $(PYTEST)

mutants: $(for_testing) ## Put small wrongs into copies of the code, one by one; the tests of their places must notice each
	@tests/install-servers
	$(bin)/python -m tests.mutants --jobs $(JOBS) $(MUTANTS)

bench: $(for_testing) ## Measure what a ticket costs, beside stock Celery chains; figures go to build/bench
	@tests/install-servers
	$(bin)/python -m benchmarks $(SCENARIO) $(if $(SIZE),--size $(SIZE)) $(BENCH)

lint: $(for_testing)
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports --no-logo

format: $(for_testing) ## Rewrite the code in the project's format
	$(bin)/ruff check --fix-only --quiet
	$(bin)/ruff format

docs: dashboards ## Write the pages, the dashboards and the vectors that follow from the code
	$(bin)/python docs/generate.py
	$(bin)/python docs/embed_sentences.py

dashboards: $(for_testing) ## Write what Grafana shows
	$(bin)/python -m grafana

docs-site: $(for_testing) ## Build the documentation into build/site
	$(bin)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/site

docs-links: $(for_testing) ## Check that the addresses the documentation names answer; needs the internet
	$(bin)/python -m sphinx --builder linkcheck --quiet docs build/links

lock: $(for_testing) ## Lock the newest versions of what the image installs, with their hashes
	$(lock) setup.cfg --extra languages --extra llm --extra monitoring --extra otel --excludes deploy/left-out.txt \
	    --output-file deploy/requirements.txt
	@sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | $(lock) - --output-file deploy/build-requirements.txt

image: ## Build the container image that docker-compose.yml runs
	docker compose build

clean: ## Remove the environment, caches and build leftovers
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(bin)/python:
	@[ -w . ] || { echo 'make: nothing can be written in $(CURDIR): copy the folder to one of yours, or mount it for writing' >&2; exit 1; }
	@for python in $(PYTHON); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null && exec "$$python" -m venv $(VENV); \
	    bare="$$python"; \
	done; \
	if [ -n "$$bare" ]; then \
	    echo "make: $$bare has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv)"; \
	else \
	    echo 'make: found no Python 3.11 or newer: install one, or name it with make PYTHON=...'; \
	fi >&2; exit 1

$(for_running): $(bin)/python $(manifests)
	@echo 'Installing Ticket Flow into $(VENV) (some minutes the first time) …'
	@$(pip) install --editable '.[languages]'
	@touch $@

$(for_testing): $(bin)/python $(manifests)
	@echo 'Installing Ticket Flow and its tools into $(VENV) (some minutes the first time) …'
	@$(pip) install --editable '.[test,dev,monitoring,docs]'
	@touch $@ $(for_running)

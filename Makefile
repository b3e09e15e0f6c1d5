# Everything needs only python3 (3.11-3.13), git and make. `make` alone lists the targets.
# ARGS passes arguments on: make test ARGS="-k calendar", make run ARGS="--profile etf_analysis".

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# An environment that forbids bytecode would have every process compile all that it imports: seconds for each command.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
UV := VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/uv
ARGS ?=

# The first of these that is Python 3.11-3.13 creates the environment; make PYTHON=/path/to/python names another.
PYTHON ?= python3
PYTHONS = $(PYTHON) python3.13 python3.12 python3.11

# uv has its own list of certificate authorities; a company's proxy is only in the system's list.
export UV_SYSTEM_CERTS ?= true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

.PHONY: help run dev test test-slow test-days fuzz test-real test-browser test-docker lint bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

run: $(VENV)/.runtime ## load the latest closed session end to end
	@$(BIN)/tickstock run $(ARGS)

dev: $(VENV)/.runtime ## open the Dagster UI
	@exec $(BIN)/tickstock dev $(ARGS)

test: $(VENV)/.dev ## run the default tests, with coverage
	$(BIN)/pytest --numprocesses 2 --dist worksteal -p tickstock_dagster_tests.covered --durations 12 --durations-min 3 $(ARGS)

test-slow: $(VENV)/.dev ## run the long tests
	$(BIN)/pytest -m slow $(ARGS)

test-days: $(VENV)/.dev ## run the default tests as if on other days (holidays, DST nights, years ahead), under Debian's faketime
	@$(BIN)/python .ci/test_days $(ARGS)

fuzz: $(VENV)/.dev ## ask for 3,000 damaged answers of the vendor; ARGS="--seed 5" takes others
	$(BIN)/python -m tickstock_dagster_tests.adapters.sources.massive.fuzzing $(ARGS)

test-real: $(VENV)/.dev ## run the tests on real market data, in the folder TICKSTOCK_REAL_DATA
	@test -d "$${TICKSTOCK_REAL_DATA:-}" || { echo "TICKSTOCK_REAL_DATA does not name a folder" >&2; exit 2; }
	$(BIN)/pytest -m real_data $(ARGS)

test-browser: $(VENV)/.dev ## run the tests of the Dagster UI in Chromium
	$(BIN)/pytest -m browser $(ARGS)

test-docker: $(VENV)/.dev ## run the tests of the containers; needs a Docker engine
	$(BIN)/pytest -m docker $(ARGS)

lint: $(VENV)/.dev ## check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.bench ## run the benchmarks, beside the alternatives
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.uv ## update the lock files after a change of pyproject.toml; UPGRADE=--upgrade takes the newest of everything
	echo uv | $(COMPILE) - --output-file requirements-uv.lock
	printf 'hatchling>=1.27.0\neditables>=0.5\n' | $(COMPILE) pyproject.toml - --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	printf 'hatchling>=1.27.0\neditables>=0.5\n' | $(COMPILE) pyproject.toml - --extra bench --constraint requirements.lock \
		--output-file requirements-bench.lock

clean: ## stop the services; delete them with all their data, the environment and the caches
	@if [ -d .tickstock ]; then \
		if [ -x $(BIN)/tickstock ]; then env -u TICKSTOCK_STATE_DIR $(BIN)/tickstock services down; \
		elif [ -s .tickstock/valkey.pid ] && kill -0 "$$(cat .tickstock/valkey.pid)" 2>/dev/null; then \
			echo "services of .tickstock may be running and $(VENV) is gone: run 'make dev' or stop them first" >&2; exit 1; \
		fi; \
	fi
	@if grep -qs '^# written by tickstock services up' .env; then rm .env; fi
	rm -rf $(VENV) .tickstock .nux .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- The environment. Each stage has a stamp file, so a second `make` installs nothing. ------------------------------

# The build backend is in the lock, too, so that every part of a build is pinned.
define INSTALL
@echo "Installing $(1) into $(VENV) ..."
@$(UV) pip install --quiet --no-build --require-hashes --requirements $(1)
@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
@touch $@
endef

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.uv
	$(call INSTALL,requirements.lock)

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/.uv
	$(call INSTALL,requirements-dev.lock)
	@touch $(VENV)/.runtime

$(VENV)/.bench: requirements-bench.lock pyproject.toml | $(VENV)/.runtime
	$(call INSTALL,requirements-bench.lock)

# Debian's python3 has no ensurepip without the package python3-venv: then its pip, or virtualenv, installs uv.
$(VENV)/.uv: requirements-uv.lock
	@python=; for candidate in $(PYTHONS); do \
		if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
			python="$$candidate"; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "TickStock needs Python 3.11, 3.12 or 3.13; found: $$($(PYTHON) --version 2>&1 || true)." >&2; \
		echo "Name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; fi; \
	echo "Creating $(VENV) with $$("$$python" --version) ..."; \
	rm -rf $(VENV); \
	install="install --quiet --require-hashes --requirement requirements-uv.lock"; \
	if "$$python" -m venv $(VENV) >/dev/null 2>&1; then $(BIN)/python -m pip $$install; \
	elif rm -rf $(VENV) && "$$python" -m venv --without-pip $(VENV) 2>/dev/null \
		&& "$$python" -m pip --python $(BIN)/python $$install; then :; \
	elif "$$python" -m virtualenv --quiet --clear $(VENV) 2>/dev/null; then $(BIN)/python -m pip $$install; \
	else rm -rf $(VENV); \
		echo "$$python cannot create an environment: it has neither ensurepip, nor pip, nor virtualenv." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv. Or name another: make PYTHON=/path/to/python3" >&2; \
		exit 1; fi
	@touch $@

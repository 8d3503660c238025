# All paths are relative to this folder, so that spaces in its path do no harm.
PYTHON ?=
PY := .venv/bin/python
COMPOSE ?= docker compose
PROJECTS := $(wildcard libs/*/pyproject.toml gateway/pyproject.toml services/*/pyproject.toml \
	sandbox/pyproject.toml)
SOURCES := $(patsubst %/pyproject.toml,%/src,$(PROJECTS))
TYPED := $(SOURCES) $(wildcard libs/*/tests gateway/tests services/*/tests sandbox/tests) \
	bench tests deploy conftest.py
# The document of the API, a file of the gateway's package; again only when a source has changed.
OPENAPI := gateway/src/gateway/openapi/openapi.json
CODE := $(shell find $(SOURCES) -name '*.py' -not -path '*/migrations/*')
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run demo test api soak portability scale bench check lint fmt types imports lock docs up down clean

help: ## show this list
	@sed -n 's/^\([a-z -]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; do \
		printf '  make %-13s %s\n' "$$name" "$$what"; done

# The platform and its sandbox; again only after a change of the lock or a pyproject.toml.
.venv/installed: deploy/requirements-sandbox.lock requirements-uv.lock deploy/setup.sh deploy/uv.py \
		deploy/progress.py $(PROJECTS)
	@PYTHON="$(PYTHON)" sh deploy/setup.sh

# The tools for tests, linters and measurements.
.venv/installed-dev: .venv/installed requirements.lock
	@PYTHON="$(PYTHON)" sh deploy/setup.sh dev

$(OPENAPI): .venv/installed $(CODE)
	@$(PY) deploy/progress.py 1/1 "document of the API" $(PY) -m sandbox.openapi

setup: .venv/installed-dev $(OPENAPI) ## make .venv and install everything (PYTHON=python3.12 chooses one)

run: .venv/installed $(OPENAPI) ## start the whole platform on this machine; Ctrl-C stops it
	@$(PY) -m sandbox run $(ARGS)

demo: .venv/installed $(OPENAPI) ## walk the journey from enrolment to commission, checking every step
	@$(PY) -m sandbox demo $(ARGS)

# Compiled files are kept in any case: a run starts about a hundred processes, and each would compile
# everything again.
test: .venv/installed-dev $(OPENAPI) ## run all tests; they bring their own PostgreSQL and ports
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n auto $(ARGS)

# Without Node only the Python client is tried; the output says so.
api: .venv/installed-dev $(OPENAPI) ## lint the document of the API, generate clients and run them
	@sh tests/clients/install.sh
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -q -m clients tests/clients -n 2

soak: .venv/installed-dev $(OPENAPI) ## run what takes long (SOAK_CALLBACKS=10000 and so on: docs/testing.md)
	@status=0; $(PY) -m pytest -q -m soak $(ARGS) || status=1; \
		HYPOTHESIS_PROFILE=soak $(PY) -m pytest -q -m "hypothesis and not soak" -n auto || status=1; exit $$status

# What decides whether another server or engine can carry us: docs/scale.md.
PORTABLE := $(wildcard services/*/tests/*/test_migrations.py gateway/tests/*/test_migrations.py) \
	services/payment-service/tests/payment_service_tests/callbacks \
	services/payment-service/tests/payment_service_tests/bills/test_race.py \
	$(wildcard libs/perisai-kit/tests/*/test_feed*.py) \
	libs/perisai-kit/tests/perisai_kit_tests/test_sequencer.py

portability: .venv/installed-dev ## run the tests that need most of SQL on PERISAI_TEST_POSTGRES_URL
	@[ -n "$$PERISAI_TEST_POSTGRES_URL" ] || { \
		echo "portability: set PERISAI_TEST_POSTGRES_URL to the address of a superuser." >&2; exit 1; }
	@$(PY) -m pytest -q $(PORTABLE) $(ARGS)

scale: .venv/installed-dev $(OPENAPI) ## change the primary of three servers under payments
	@sh tests/scale/install.sh
	@$(PY) -m pytest -q -m soak tests/scale $(ARGS)

bench: .venv/installed-dev $(OPENAPI) ## measure the limits beside their yardsticks (ARGS=callbacks_direct chooses one)
	@$(PY) -m bench $(ARGS)

# The tests of `make api` run among the others, which spares them processes of their own.
check: lint ## what CI runs: lint, imports, types, the API, tests
	@PY="$(PY)" TYPED="$(TYPED)" ARGS="$(ARGS)" sh deploy/check.sh

lint: .venv/installed-dev ## check style and format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

fmt: .venv/installed-dev ## format and fix what can be fixed
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# On a busy machine mypy's workers may not start in time, which ends it with 2: then without them.
types: .venv/installed-dev ## check types
	@$(PY) -m mypy -n 2 $(TYPED) || { [ $$? -eq 2 ] && $(PY) -m mypy $(TYPED); }

imports: .venv/installed-dev ## check who imports whom
	@$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-cache

lock: .venv/installed ## write the lock files anew (ARGS=--upgrade for newer versions)
	@sh deploy/lock.sh $(ARGS)
	@sh tests/clients/lock.sh $(ARGS)
	@sh tests/scale/lock.sh $(ARGS)

docs: .venv/installed ## write the generated documents: problem codes, events, a line per operation
	@$(PY) -m sandbox.documents
	@$(PY) -m bench.report

up: ## start it in containers, as .env tells (docs/deploy.md)
	@test -f .env || { echo "make up: there is no .env; for a first try: python3 deploy/make_env.py --sandbox" >&2; exit 1; }
	@$(COMPOSE) up --detach --build

down: ## stop the containers; their volumes stay
	@$(COMPOSE) --profile sandbox down

clean: ## remove .venv, caches and the sandbox's data
	rm -rf .venv .perisai build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

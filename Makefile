# `make` alone shows the targets. Every target makes the virtual environment first where that is needed; where it is
# whole, nothing is installed and no network is used.

PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
BIN := $(VENV)/bin

# A Python that is named (make PYTHON=…) must be the environment's own; otherwise the one that made it will do.
SAME := $(if $(filter file default undefined,$(origin PYTHON)),,--same-python)
ENVIRONMENT = $(PYTHON) .ci/environment.py
HAVE_PYTHON = command -v "$(PYTHON)" >/dev/null 2>&1 || \
	{ echo 'zscope needs Python 3.11 or newer, and there is no "$(PYTHON)": name one, as in "make PYTHON=python3.12"' >&2; exit 1; }; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo 'zscope needs Python 3.11 or newer, and "$(PYTHON)" is older: name another, as in "make PYTHON=python3.12"' >&2; exit 1; }

.PHONY: help install demo test test-browser lint docs bench bench-peers

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

install:  ## make the virtual environment .venv, every package pinned by constraints.txt
	@$(HAVE_PYTHON)
	@$(ENVIRONMENT) $(VENV) --editable '.[explore,dev]' --constraints constraints.txt --hashed pyproject.toml $(SAME)

demo: install  ## train, measure and report on the embedded digits: runs/digits/report.html
	$(BIN)/zscope study studies/digits.yaml --out runs/digits --force

# One thread: the tests' models are small, and threads that wait for each other on a busy machine take far longer.
test: install  ## run all tests but those in a browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test-browser: install  ## run the explorer's tests in a real browser, which is installed where there is none
	.ci/browser.sh
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser tests/browser

lint: install  ## check style, types and the import rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install  ## build the documentation into site/
	$(BIN)/python -m zscope.cli.reference docs/reference/cli.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: install  ## run every benchmark of zscope alone
	@set -e; for script in benchmarks/*.py; do \
		[ -e "$$script" ] || { echo 'there are no benchmarks yet'; break; }; \
		echo "== $$script"; $(BIN)/python "$$script"; done

bench-peers:  ## make the second environment .venv-peers with the peers that benchmarks compare with
	@$(HAVE_PYTHON)
	@$(ENVIRONMENT) $(PEERS) --file benchmarks/peers.txt --constraints benchmarks/peers.txt $(SAME)

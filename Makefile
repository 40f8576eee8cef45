# Four words: demo, test, check, bench. Each sets up what it needs in .venv, and only when it has to:
# `.venv/.base` marks the plain install, `.venv/.full` the install with every extra and test tool.
# uv does the work when it is there; otherwise Python's own venv and pip do.

VENV := .venv
BIN := $(VENV)/bin
EXTRAS := ai,postgres,test

# uv would otherwise follow the caller's setting to another place, and the words below look here.
export UV_PROJECT_ENVIRONMENT := $(VENV)
# A newer pip is no news that matters here.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check bench

demo: $(VENV)/.base
	@$(BIN)/tollkeeper demo

test: check
	$(BIN)/pytest --numprocesses=logical --dist=worksteal

check: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests $(wildcard bench)
	$(BIN)/lint-imports

bench: $(VENV)/.full
	$(BIN)/python bench/run.py

# `--frozen` takes the lock as it stands, so that a private package index never rewrites it; a test sees
# to it that the lock and pyproject.toml agree. `--inexact` leaves in place what `.full` has added.
$(VENV)/.base: pyproject.toml $(wildcard uv.lock)
	@echo "Setting up $(VENV) with the base install."
	@$(find_python); \
	if [ "$$python" = uv ]; then uv sync --quiet --frozen --inexact --no-default-groups; \
	else "$$python" -m venv $(VENV) && $(BIN)/python -m pip install --quiet --editable .; fi
	@touch $@

$(VENV)/.full: pyproject.toml $(wildcard uv.lock)
	@echo "Setting up $(VENV) with every extra and the test tools; the first time takes a minute."
	@$(find_python); \
	if [ "$$python" = uv ]; then uv sync --quiet --frozen --all-extras; \
	else "$$python" -m venv $(VENV) && $(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'; fi
	@touch $(VENV)/.base $@

# Sets `python` to "uv" or to a Python that can make the environment, or says what is missing and stops.
define find_python
python=; \
if command -v uv >/dev/null 2>&1; then python=uv; else \
	for name in python3 python3.14 python3.13 python3.12 python3.11; do \
		"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
		python="$$name"; break; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Tollkeeper needs Python 3.11 or newer, and found none. Install one (or uv) and try again." >&2; exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip' >/dev/null 2>&1; then \
		echo "$$python cannot make a virtual environment: it has no ensurepip." >&2; \
		echo "On Debian or Ubuntu run: sudo apt-get install python3-venv (or install uv), and try again." >&2; exit 1; \
	fi; \
fi
endef

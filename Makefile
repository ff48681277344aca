# make demo   the whole thing once: lab, engine, a call, the code, the message in the mailbox
# make test   every test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check venv lock format lab-up lab-down bench-drop bench-unattended bench-taps bench-lossy bench-detection bench-verdict bench-api bench-suppression lint

demo: venv
	$(BIN)/python -m voicedrop demo

test: venv
	$(BIN)/python -m pytest

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest -q tests/unit

venv: $(STAMP)

# A minimal Debian has python3 without venv: as root it is installed, otherwise the command is named.
$(STAMP): requirements.lock pyproject.toml
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing python3-venv"; \
	    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv >/dev/null; \
	  else \
	    echo "Python's venv module is missing. Install it: sudo apt-get install -y python3-venv" >&2; exit 1; \
	  fi; \
	fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# After a change of the dependencies in pyproject.toml.
lock: venv
	$(BIN)/pip-compile -q --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --strip-extras --allow-unsafe --extra dev -o requirements.lock pyproject.toml

format: venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lab-up: venv
	$(BIN)/python -m voicedrop lab up

lab-down: venv
	$(BIN)/python -m voicedrop lab down

bench-drop: venv
	$(BIN)/python tests/bench/drop.py

# The same over 5 % packet loss and 30 ms jitter, and over neither: about 8 minutes.
bench-lossy: venv
	$(BIN)/python -m tests.bench.lossy

# 200 unattended drops on a mixed zoo, 20 at a time, judged by the carrier's recordings: about 4 minutes.
bench-unattended: venv
	$(BIN)/python -m tests.bench.unattended

# The API's list of drops on a million receipts, and from an upload to a message: about 4 minutes.
bench-api: venv
	$(BIN)/python -m tests.bench.api

# A number looked up in a suppression list of a million, in the database and in the engine's memory: about a minute.
bench-suppression: venv
	$(BIN)/python -m tests.bench.suppression

# What 100 live taps cost, ours beside Asterisk's: about 2 minutes.
bench-taps: venv
	$(BIN)/python -m tests.bench.taps

# Our ear and others' on some ten hours of synthetic calls, made once from Debian packages: about 10 minutes,
# and as much again for Asterisk's own detectors where the lab's Debian tree is.
bench-detection: venv
	$(BIN)/python -m tests.bench.detection

# Who answered: our verdict and Asterisk's AMD() over 1,960 synthetic calls. The set is made once, in 2 to 10
# minutes; then about 2 minutes, and half a minute more for AMD() where the lab's Debian tree is.
bench-verdict: venv
	$(BIN)/python -m tests.bench.verdict

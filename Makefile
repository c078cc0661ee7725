# Two commands need nothing but Python 3.11 and this file: `make say TEXT="Hello."` and `make test`.
#
#   PYTHON  the interpreter that makes .venv
#   TORCH   what pip is given for PyTorch. On Linux, PyPI's own build brings several GB of CUDA with it; a machine without a GPU
#           is better served by the CPU build:  make say TORCH="torch --index-url URL"  with the URL that PyTorch's site shows for "CPU".
PYTHON ?= python3
TORCH ?= torch==2.13.0
TEXT ?= Hello! I am a small voice that lives inside this package.
OUT ?= hello.wav

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help say test lint format parity bench speed clients ray clean

help:
	@echo 'make say TEXT="…" OUT=hello.wav [SPEAKER=…] [LANGUAGE=…] [MODEL=…]   speak'
	@echo 'make test     lint, types, imports, tests      make lint     the same without the tests'
	@echo 'make format   put the code in shape            make parity   compare with the official package'
	@echo 'make bench    quality and speed of the built-in voice      make clients  tests with LiveKit, Pipecat and Node'
	@echo 'make ray      tests with replicas behind Ray               make speed    speed beside the official package'
	@echo 'make clean    remove .venv'

# A value as the shell must see it: as it was typed, in single quotes.
quoted = '$(subst ','\'',$(value $(1)))'

say: .venv/.core
	$(BIN)/qwen-tts say -o $(call quoted,OUT) $(if $(SPEAKER),--speaker $(call quoted,SPEAKER)) $(if $(LANGUAGE),--language $(call quoted,LANGUAGE)) $(if $(MODEL),--model $(call quoted,MODEL)) -- $(call quoted,TEXT)

# A process a core, one thread each: the miniature models are too small to share.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --project pyproject.toml
	$(BIN)/lint-imports --no-cache

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

parity: .venv/.dev
	PYTHON=$(BIN)/python TORCH='$(TORCH)' bash parity/run.sh --report benchmarks/results/parity.md

# Tests that need a framework's packages or Node.
clients: .venv/.dev .work/clients/.ready
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/server/test_frameworks.py

# Tests with two replicas behind Ray's proxy, in an environment that adds Ray to this one.
ray: .venv/.dev .work/ray/.ready
	OMP_NUM_THREADS=1 .work/ray/bin/python -m pytest tests/server/test_ray.py

.work/ray/.ready: requirements/ray.txt
	$(PYTHON) -m venv .work/ray
	.work/ray/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/ray.txt
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$(.work/ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/beside.pth"
	@touch $@

.work/clients/.ready: requirements/clients.txt tests/server/clients/openai_client.mjs
	$(PYTHON) -m venv .work/clients
	.work/clients/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/clients.txt
	cp tests/server/clients/openai_client.mjs .work/clients/
	cd .work/clients && npm install --silent --no-fund --no-audit openai@7
	@touch $@

bench: .venv/.bench
	$(BIN)/python benchmarks/tiny_quality.py
	$(BIN)/python benchmarks/tiny_speed.py

# On an idle machine: all that is claimed of speed. `make parity` sets the official package up.
speed: .venv/.bench
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/tiny_speed.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/versus.py --shape 0.6b

clean:
	rm -rf .venv

# What is installed is written down as stamps, so that a second run starts at once and a changed requirement installs again.
.venv/.core: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@echo "Setting up .venv (once; a few minutes)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) $(TORCH)
	$(PIP) --editable .
	@touch $@

.venv/.dev: .venv/.core requirements/test.txt
	$(PIP) --editable ".[dev,eval]"
	$(PIP) --no-deps --requirement requirements/test.txt
	@touch $@

.venv/.bench: .venv/.dev requirements/bench.txt
	$(PIP) --editable ".[bench]"
	$(PIP) --no-deps --requirement requirements/bench.txt
	@touch $@

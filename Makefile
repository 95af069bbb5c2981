# Two commands matter: `make run` starts the dashboard, `make test` checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

# pip's own cache and the pins decide what is installed; the stamps say when it has to be done again
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
DOCS_READY := $(VENV)/.docs-ready

.PHONY: run test check docs figures soak bench mutants browser clean

run: $(RUN_READY)
	$(BIN)/python -m dscale_core run --port $(PORT)

# two processes, a file whole in one of them: files keep what they made for their own tests
test: check browser
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the site, with the API reference; any warning fails
docs: $(DOCS_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "The site is in site/index.html"

# what docs/ shows: the house from its imports, the method's figures and the notebook's outputs from small studies
figures: $(DOCS_READY)
	$(BIN)/python -m docs.tools.draw_house
	$(BIN)/python -m docs.tools.draw_figures
	$(BIN)/python -m docs.tools.run_notebook

soak: $(TEST_READY) browser
	$(BIN)/python -m pytest -m soak

bench: $(TEST_READY)
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.fitting

# plants small faults in the numerics, one at a time, and counts those that no test sees
mutants: $(TEST_READY)
	$(BIN)/python -m benchmarks.mutants

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

$(DOCS_READY): requirements.txt requirements-docs.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-docs.txt
	@touch $@

$(TEST_READY): requirements.txt requirements-docs.txt requirements-test.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis site dist

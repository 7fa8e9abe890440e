# `make train`: from nothing to an agent that balances the pole.  `make test`: every check.
PYTHON ?= python3
VENV   ?= .venv
BENCH  ?= .venv-bench
LOWEST ?= .venv-lowest
THIRD  ?= .venv-third
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: train test lint types unit slow docs bench third-party figures lowest release clean

train: $(READY)
	$(BIN)/drl train dqn

test: lint types unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy
	$(BIN)/mypy examples

unit: $(READY)
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --max-worker-restart 0

slow: $(READY)
	$(BIN)/python -m pytest -m slow

docs: $(READY)  # the tour's pages are made by its code; a warning is an error
	rm -rf site docs/tour/[0-9]*
	$(BIN)/drl tour --all --out docs/tour
	$(BIN)/python -m sphinx -q -W --keep-going docs site
	@echo "open site/index.html"

bench: $(BENCH)/.ready  # a quarter of an hour on a quiet machine
	$(BENCH)/bin/drl bench --all

third-party: $(THIRD)/.ready  # half an hour: docs/environments.md
	$(THIRD)/bin/python benchmarks/third_party.py

figures: $(READY)  # the tables of README and docs, from what the benchmarks wrote
	$(BIN)/python benchmarks/readme.py

lowest:  # the core of the tests on the lowest versions that pyproject.toml allows
	PYTHON=$(PYTHON) VENV=$(LOWEST) bash .ci/lowest

release: $(READY)  # dist/: built, checked, installed in a clean environment, trained
	BIN=$(BIN) PYTHON=$(PYTHON) bash .ci/release

$(BENCH)/.ready: pyproject.toml constraints.txt benchmarks/constraints.txt  # with the peers
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet torch==2.13.0 -c constraints.txt
	$(BENCH)/bin/python -m pip install --quiet -c constraints.txt -c benchmarks/constraints.txt \
		-e '.[plot,fast,box2d,minatar]' scikit-learn stable_baselines3
	touch $(BENCH)/.ready

$(THIRD)/.ready: pyproject.toml benchmarks/third_party.txt  # other packages' environments
	$(PYTHON) -m venv $(THIRD)
	$(THIRD)/bin/python -m pip install --quiet torch==2.13.0 -c constraints.txt
	$(THIRD)/bin/python -m pip install --quiet -c constraints.txt -e '.[box2d,mujoco,minatar,atari,fast]'
	grep -v '^#' benchmarks/third_party.txt | xargs -n 1 \
		$(THIRD)/bin/python -m pip install --quiet -c constraints.txt
	touch $(THIRD)/.ready

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0 -c constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) $(BENCH) $(LOWEST) $(THIRD) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache

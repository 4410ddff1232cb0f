# Two commands do all the set-up:
#   make demo    the runtime only (no torch), then the whole chain on the simulated rig
#   make test    everything the tests need, then ruff, mypy, doctests and pytest
PYTHON ?= python3
PIP_FLAGS := --quiet --disable-pip-version-check -c constraints.txt
SOURCES := rigsight calibration edge training export tests schemas

RUNTIME := .venv
TESTING := .venv-test
OLDEST := .venv-310
OLDEST_PYTHON := $(shell for p in python3.10 "$$HOME"/.pyenv/versions/3.10.*/bin/python; do \
	"$$p" -c 'import sys; assert sys.version_info[:2] == (3, 10); print(sys.executable)' 2>/dev/null && break; done)

# A virtual environment made by another interpreter is made again.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

.PHONY: demo test test-oldest check runtime testing clean

demo: runtime
	$(RUNTIME)/bin/rigsight demo

test: testing check test-oldest

check:
	$(TESTING)/bin/ruff check $(SOURCES)
	$(TESTING)/bin/ruff format --check $(SOURCES)
	$(TESTING)/bin/mypy -p rigsight
	$(TESTING)/bin/python -m pytest -m "not slow"
	$(TESTING)/bin/python -m pytest -m slow

# Jetsons with JetPack 6 have Python 3.10: the runtime rooms are tested there too, where it is found.
ifeq ($(OLDEST_PYTHON),)
test-oldest:
	@echo "no python3.10 found: the runtime tests are not run under Python 3.10"
else
test-oldest: $(OLDEST)/made-with-3.10
	$(OLDEST)/bin/python -m pytest -m "not slow" tests/base tests/calibration tests/edge
endif

runtime: $(RUNTIME)/made-with-$(VERSION)
testing: $(TESTING)/made-with-$(VERSION)

$(RUNTIME)/made-with-$(VERSION): pyproject.toml constraints.txt
	test -e $@ || rm -rf $(RUNTIME)
	$(PYTHON) -m venv $(RUNTIME)
	$(RUNTIME)/bin/python -m pip install $(PIP_FLAGS) -e .
	touch $@

$(TESTING)/made-with-$(VERSION): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make test needs Python 3.11 or newer (the runtime alone runs on 3.10): make test PYTHON=python3.12"; exit 2; }
	test -e $@ || rm -rf $(TESTING)
	$(PYTHON) -m venv $(TESTING)
	$(TESTING)/bin/python -m pip install $(PIP_FLAGS) -e ".[test]"
	touch $@

$(OLDEST)/made-with-3.10: pyproject.toml constraints.txt
	test -e $@ || rm -rf $(OLDEST)
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install $(PIP_FLAGS) -e ".[runtime-test]"
	touch $@

clean:
	rm -rf $(RUNTIME) $(TESTING) $(OLDEST) out build

# make serve   set everything up, start Tramontane, print one address
# make install the set-up alone
# make test    lint, types, arrows between rooms, all tests

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PAGE   := src/tramontane/api/page/index.html

# A machine that has its own build of torch tells pip by PIP_FIND_LINKS; uv is told the same.
# Elsewhere uv chooses the build that fits the machine: no gigabytes of CUDA without a GPU.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifeq ($(strip $(UV_FIND_LINKS)),)
export UV_TORCH_BACKEND ?= auto
endif

.PHONY: serve install install-dev test lint format constraints clean
.DEFAULT_GOAL := serve

serve: install
	$(BIN)/tramontane serve

install: $(VENV)/installed $(PAGE)

test: $(VENV)/installed-dev $(PAGE)
	scripts/test

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	touch $@

$(PAGE): $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null) | $(VENV)/installed
	scripts/build-page

install-dev: $(VENV)/installed-dev

lint: $(VENV)/installed-dev
	scripts/lint

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pins every package but torch, without URLs or hashes.
constraints: | $(BIN)/uv
	$(BIN)/uv pip compile --no-header --no-annotate --no-emit-package torch --extra dev pyproject.toml -o constraints.txt

clean:
	rm -rf $(VENV) web/node_modules $(dir $(PAGE))

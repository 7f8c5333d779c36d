# Everything a person does with a checkout. Each target sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint bench clean

BIN := .venv/bin
PINS := pyproject.toml constraints.txt

help:  ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(MAKEFILE_LIST)

demo: .venv/viewer  ## install, then open the explorer on the built-in phantom
	$(BIN)/vis3d demo

test: .venv/test  ## install, then run the tests
	$(BIN)/pytest -n auto --dist loadfile -m "not slow"

test-slow: .venv/test  ## run the proofs that take minutes
	$(BIN)/pytest -m slow

lint: .venv/test  ## check style, types and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/test  ## time each stage beside other tools
	$(BIN)/python -m benchmarks

clean:  ## remove the environment and all caches
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/viewer: $(PINS)
	@tools/environment viewer libosmesa6
	@touch $@

.venv/test: $(PINS)
	@tools/environment test libosmesa6 chromium libatomic1 xvfb xauth dicom3tools dcmtk openssl
	@touch $@ .venv/viewer

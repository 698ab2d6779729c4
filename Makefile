# Everything a checkout can do. Each target sets up what it needs: a machine with
# Rust, CPython 3.11 or newer (with venv), a C compiler and make is enough.
#
#   make test                 with the newest Python that scripts/find-python finds
#   make test PYTHON=3.11     with another one: a version or a command
#   make bench ARGS=--quick   with arguments for the program it runs
#   make test-python WITHOUT=tests/cli    all Python tests but those of a folder

.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?=
ARGS ?=
CARGO ?= cargo

# Found when first needed, then kept: `make help` must not search.
python = $(eval python := $$(shell scripts/find-python '$(PYTHON)'))$(or $(python),$(error no usable Python))

# The extension for the interpreter that plain `make` uses is built in target/, for
# any other one in a folder of its own in there: going back and forth rebuilds
# nothing. What needs no Python is built in target/ whatever the interpreter.
tag = $(shell $(python) -c 'import sys; print("cp%d%d%s" % (*sys.version_info[:2], sys.abiflags))')
is_default = $(filter $(python),$(if $(PYTHON),$(shell PYTHON= scripts/find-python),$(python)))
target_dir = $(eval target_dir := $$(CURDIR)/target$$(if $$(is_default),,/$$(tag)))$(target_dir)
# PyO3 builds for the interpreter that these name, under maturin and without it.
for_python = CARGO_TARGET_DIR='$(target_dir)' VIRTUAL_ENV='$(CURDIR)/.venv' PYO3_PYTHON='$(CURDIR)/$(in_venv)'

in_venv = .venv/bin/python
prepare = scripts/prepare-venv '$(python)'
# Cargo knows what changed; a build of what is built already takes a moment.
# Locked here and not in pyproject.toml: the source distribution lacks the crates of the
# tools, so cargo has to take their dependencies out of its copy of Cargo.lock.
develop = $(for_python) .venv/bin/maturin develop --locked

.PHONY: help
help: ## Print this list
	@echo 'usage: make TARGET [PYTHON=3.13] [ARGS=...]'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r target purpose; do printf '  %-14s %s\n' "$$target" "$$purpose"; done

.PHONY: demo
demo: ## Fetch 1,000 URLs with aiohttp: on asyncio, on aioxide, natively
	@$(prepare) build demo
	$(develop) --release
	$(in_venv) demo/run.py

.PHONY: test
test: test-rust test-tools test-learn test-extension test-python ## Run every test: the Rust crates, then the Python package

# The binding has no Rust tests of its own: it is tested from Python, and so is aioxide-pyo3.
.PHONY: test-rust
test-rust:
	CARGO_TARGET_DIR='$(CURDIR)/target' $(CARGO) test --locked --workspace --exclude aioxide-python \
		--exclude aioxide-pyo3 --exclude aioxide-pyo3-probe

# The programs that measure and compare, whatever the interpreter.
.PHONY: test-tools
test-tools:
	@$(prepare) build test
	$(develop)
	$(in_venv) scripts/test-in-parallel benches/tests supervision/tests conformance/tests \
		soak/tests compat/tests fuzz/tests scripts/tests

# On aioxide, asyncio, and uvloop where it can be had.
.PHONY: test-extension
test-extension: ## Test Python extensions in Rust on aioxide and on other loops
	@$(prepare) build test extension
	$(develop)
	$(for_python) scripts/test-extension $(in_venv) $(ARGS)

.PHONY: test-python
test-python:
	@$(prepare) build test
	$(develop)
	$(if $(ARGS),$(in_venv) -m pytest tests $(ARGS),$(in_venv) scripts/test-in-parallel $(addprefix --without ,$(WITHOUT)))

# The learning program is a distribution of its own, installed from the checkout as it stands.
install_learn = $(in_venv) -m pip install --quiet --disable-pip-version-check \
	--no-deps --no-build-isolation --editable learn

.PHONY: learn
learn: ## Open the course, flashcards and labs in the browser: make learn ARGS=--no-open
	@$(prepare) build learn
	$(develop)
	$(install_learn)
	.venv/bin/aioxide-learn $(ARGS)

# Without Chromium the tests of the pages in a browser are left out; it is said why. Tests that
# are named (ARGS=learn/tests/content) look for none; CHROMIUM names one.
.PHONY: test-learn
test-learn: ## Test the learning program; screenshots in target/learn-screenshots
	@$(prepare) build test learn $(if $(filter learn/%,$(ARGS)),,learn-test)
	$(develop)
	$(install_learn)
	mkdir -p target/learn-screenshots
	$(if $(filter learn/%,$(ARGS)),,CHROMIUM="$$(scripts/find-chromium || true)") \
		LEARN_SCREENSHOTS='$(CURDIR)/target/learn-screenshots' \
		$(in_venv) $(if $(filter learn/%,$(ARGS)),-m pytest,scripts/test-in-parallel learn/tests) $(ARGS)

# The build that lies in python/aioxide stays as it is: scripts/asan has one of its own. The
# standard library's loop has nothing to be checked.
.PHONY: asan
asan: ## The Python tests with AddressSanitizer: make asan ARGS=tests/tls
	@$(prepare) build test
	AIOXIDE_TEST_LOOPS=aioxide scripts/asan $(in_venv) $(in_venv) \
		$(if $(filter %.py,$(ARGS)),-m pytest,scripts/test-in-parallel) $(ARGS)

.PHONY: asan-extension
asan-extension: ## The tests of Python extensions in Rust with AddressSanitizer
	@$(prepare) build test extension
	scripts/asan --extensions $(in_venv) scripts/test-extension $(in_venv) $(ARGS)

.PHONY: test-pythons
test-pythons: ## The Python tests and conformance on 3.11 to 3.15 and a debug build
	scripts/test-pythons $(ARGS)

.PHONY: wheels
wheels: ## Build wheels for 3.11 to 3.15 and aioxide-console, and the source distribution, in dist/
	@$(prepare) build wheels
	scripts/build-wheels $(ARGS)

.PHONY: crates
crates: ## Pack the Rust crates as for crates.io, and build what was packed
	@$(prepare) build
	$(for_python) $(CARGO) publish --locked --workspace --dry-run

# The tests of the metadata and of the source distribution are in `make test` as well.
.PHONY: test-wheels
test-wheels: ## Build the wheels for one Python; install them and the source distribution
	@$(prepare) build wheels test
	$(develop)
	scripts/build-wheels --here '$(python)'
	AIOXIDE_DIST='$(CURDIR)/dist' $(in_venv) -m pytest tests/distribution $(ARGS)

.PHONY: bench
bench: ## Measure aioxide beside asyncio, uvloop and rloop
	@$(prepare) build bench
	CARGO_TARGET_DIR='$(CURDIR)/target' $(CARGO) build --locked --release --package aioxide-bench-native
	$(develop) --release
	$(in_venv) benches/run.py $(ARGS)

.PHONY: instructions
instructions: ## Count instructions per operation: ARGS="--save FILE", ARGS="--against FILE"
	@$(prepare) build bench
	$(develop) --release
	$(in_venv) benches/instructions.py $(ARGS)

.PHONY: growth
growth: ## Measure how costs grow with tasks, timers, waiters, connections
	@$(prepare) build bench
	CARGO_TARGET_DIR='$(CURDIR)/target' $(CARGO) build --locked --release --package aioxide-bench-native
	$(develop) --release
	$(in_venv) benches/growth.py $(ARGS)

.PHONY: conformance
conformance: ## Run CPython's own asyncio tests on aioxide
	@$(prepare) build test
	$(develop)
	$(in_venv) conformance/run.py $(ARGS)

.PHONY: compat
compat: ## Run real programs and servers on aioxide: make compat ARGS=--quick
	@$(prepare) build test
	$(develop)
	$(in_venv) compat/run.py $(ARGS)

.PHONY: docs
docs: ## Build the documentation as a site in target/docs
	@$(prepare) build docs
	$(develop)
	rm -rf target/docs
	$(in_venv) -m sphinx -W --keep-going -n -q docs target/docs
	@echo 'built: target/docs/index.html'

# Chromium is the system's; where it is missing, scripts/find-chromium installs it or says why not.
.PHONY: test-docs
test-docs: docs ## Run the snippets of the documentation, open its pages in Chromium
	@$(prepare) test docs-test
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && \
		AIOXIDE_DOCS='$(CURDIR)/target/docs' $(in_venv) -m pytest tests/docs $(ARGS)

# The programs' own tests; those in Rust are in `make test-rust`.
.PHONY: test-console
test-console: ## Drive the views of traces in Chromium and in terminals
	@$(prepare) build test console-test
	$(develop)
	CARGO_TARGET_DIR='$(CURDIR)/target' $(CARGO) build --locked --package aioxide-console --bins --examples
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && \
		CARGO_TARGET_DIR='$(CURDIR)/target' $(in_venv) -m pytest crates/aioxide-console/tests/views $(ARGS)

# Made by the commands that the page shows.
.PHONY: pictures
pictures: ## Renew the pictures of docs/seeing.md
	@$(prepare) build console-test
	$(develop)
	CARGO_TARGET_DIR='$(CURDIR)/target' $(CARGO) build --locked --package aioxide-console --bins --examples
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && \
		$(in_venv) scripts/make-pictures target/debug

.PHONY: fmt
fmt: ## Format the Rust and the Python code
	@$(prepare) lint
	$(CARGO) fmt --all
	scripts/lint-extensions --fmt
	.venv/bin/ruff format .

.PHONY: lint
lint: ## Check format, clippy, rustdoc, ruff, workflows, layers, arguments, the count of unsafe blocks
	@$(prepare) lint
	$(CARGO) fmt --all --check
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/zizmor --quiet --offline .github/workflows
	scripts/count-unsafe --check
	scripts/check-layers
	scripts/check-arguments
	$(for_python) $(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(for_python) RUSTDOCFLAGS=--deny=warnings $(CARGO) doc --locked --workspace --all-features --no-deps
	$(for_python) scripts/lint-extensions

.PHONY: typecheck
typecheck: ## Compare the stubs with the package; mypy and pyright on typed programs
	@$(prepare) build test learn typecheck
	$(develop)
	scripts/check-types $(in_venv)

.PHONY: leaks
leaks: ## A million operations of each kind, and what they leave behind
	@$(prepare) build
	$(develop) --release
	$(in_venv) tests/leaks/run.py $(ARGS)

.PHONY: soak
soak: ## Thousands of connections that come and go: make soak ARGS="--seconds 60"
	@$(prepare) build soak
	$(develop) --release
	$(in_venv) soak/run.py $(ARGS)

# A run that fails prints the seed it had, shrinks the case and keeps it in the crate's
# tests/regressions, which `make test` tries from then on.
.PHONY: fuzz
fuzz: ## Random programs on the engine, locks and queues, HTTP: make fuzz ARGS=20000 (cases of each kind)
	@seed="$${PROPTEST_RNG_SEED:-$$(date +%s)}" && echo "PROPTEST_RNG_SEED=$$seed" && \
	PROPTEST_CASES='$(or $(ARGS),20000)' PROPTEST_RNG_SEED="$$seed" CARGO_TARGET_DIR='$(CURDIR)/target' \
		$(CARGO) test --locked --package aioxide-engine --no-fail-fast --lib \
		--test engine_against_model --test timers_against_model --test iterations_against_model \
		-- model sorted_vector && \
	PROPTEST_CASES='$(or $(ARGS),20000)' PROPTEST_RNG_SEED="$$seed" CARGO_TARGET_DIR='$(CURDIR)/target' \
		$(CARGO) test --locked --package aioxide-sync --no-fail-fast --test rules -- models && \
	PROPTEST_CASES='$(or $(ARGS),20000)' PROPTEST_RNG_SEED="$$seed" CARGO_TARGET_DIR='$(CURDIR)/target' \
		$(CARGO) test --locked --package aioxide-http --no-fail-fast \
		--test against_hyper --test hostile --test round_trip --test client

# Guided by coverage, for as long as it is let: libFuzzer's options go into ARGS, the target is TARGET.
.PHONY: fuzz-http
fuzz-http: ## Any bytes as responses or requests of aioxide-http (needs cargo-fuzz and a nightly compiler)
	cd crates/aioxide-http && $(CARGO) +nightly fuzz run $(or $(TARGET),responses) -- $(ARGS)

.PHONY: fuzz-api
fuzz-api: ## Hostile random calls from Python: make fuzz-api ARGS="--seconds 3600"
	@$(prepare) build test
	$(develop)
	$(in_venv) fuzz/run.py $(ARGS)

.PHONY: miri
miri: ## Run tests of engine, locks, queues and Rust tasks under Miri (needs rustup)
	rustup toolchain install nightly --profile minimal --component miri,rust-src --no-self-update
	MIRIFLAGS=-Zmiri-disable-isolation $(CARGO) +nightly miri test --locked \
		--package aioxide-engine --package aioxide-sync
	MIRIFLAGS=-Zmiri-disable-isolation $(CARGO) +nightly miri test --locked \
		--package aioxide --test cancellation --test tasks -- --skip ten_thousand

# Optimised: every order of two threads is some thousand runs.
.PHONY: loom
loom: ## Wakers and inbox of the engine in every order of what threads do (loom)
	RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR='$(CURDIR)/target/loom' \
		$(CARGO) test --locked --package aioxide-engine --lib every_order

.PHONY: check-macos
check-macos: ## Compile engine and binding for macOS, without linking (needs rustup)
	rustup target add aarch64-apple-darwin
	mkdir -p target
	printf '%s\n' implementation=CPython version=3.13 shared=true abi3=false pointer_width=64 \
		suppress_build_script_link_lines=true > target/macos-python.txt
	PYO3_CONFIG_FILE='$(CURDIR)/target/macos-python.txt' CARGO_TARGET_DIR='$(CURDIR)/target' \
		$(CARGO) check --locked --package aioxide-python --target aarch64-apple-darwin

.PHONY: clean
clean: ## Delete everything that was built
	rm -rf target dist .venv .venv-compat .venv-compat-apart python/aioxide/_aioxide.*.so
	rm -rf .ruff_cache .mypy_cache .pytest_cache tests/.pytest_cache soak/.pytest_cache benches/.pytest_cache fuzz/.pytest_cache

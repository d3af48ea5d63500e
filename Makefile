# Sigyn's commands. `make` alone lists them.

CARGO ?= cargo
MB ?= 300
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check fmt codegen chart conformance oracle bench bench-remote bench-visibility compiler

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: compiler ## Build (release) and serve on 127.0.0.1:3100, data in ./sigyn-data (ARGS=... for flags)
	$(CARGO) run --release --bin sigyn -- $(ARGS)

test: compiler ## All tests, the kill -9 test included (UPDATE=1 rewrites what .test files expect)
	$(CARGO) test --workspace --no-fail-fast

check: compiler ## What CI runs: format, lints, tests, tidy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) test --workspace
	$(CARGO) run --quiet -p xtask -- tidy

fmt: ## Format the code
	$(CARGO) fmt --all

codegen: ## Write the files that come from the code (docs/configuration.md, the chart's schema)
	$(CARGO) run --quiet -p xtask -- codegen

chart: ## Lint the Helm chart, render it over its test values, check every object (helm, or Go to build it)
	$(CARGO) run --quiet -p xtask -- chart

conformance: compiler ## Compare answers with a recorded conformance set (SIGYN_CONFORMANCE=DIR)
	$(CARGO) build --bin sigyn
	$(CARGO) run --quiet -p xtask -- conformance $(ARGS)

oracle: compiler ## Ask another server of the Loki API what testdata/logql asks (URL=http://host:3100)
	$(CARGO) run --quiet -p xtask -- oracle --url $(or $(URL),$(error give the server: make oracle URL=http://host:3100)) $(ARGS)

bench: compiler ## Push 300 MB, time the queries, write .bench/report.md (MB=3000, URL=... for another server)
	$(CARGO) build --release --bin sigyn --bin xtask
	target/release/xtask bench --mb $(MB) $(if $(URL),--url $(URL)) $(ARGS)

bench-remote: compiler ## On an S3 and a DynamoDB in this process: units, requests and bytes of a load and of cold queries; acknowledgements
	$(CARGO) build --release --bin sigyn --bin xtask
	target/release/xtask remote cost --mb $(MB) $(ARGS)
	target/release/xtask remote ack

bench-visibility: compiler ## From a push's answer to the line on another process, in a query and in a tail
	$(CARGO) build --release --bin sigyn --bin xtask
	target/release/xtask remote visibility $(ARGS)

compiler:
	@command -v $(or $(CC),cc) >/dev/null || { echo "no C compiler: zstd and jemalloc are built from C; install gcc or clang (Debian: apt install build-essential)" >&2; exit 1; }

# make               build/wash and build/tests/wast
# make demo          all the set-up, then serves examples/http-hello-world (DEMO_CHECK=1: asks it once and stops)
# make test          all the set-up, all tests; ends with "N passed, N failed, N skipped"
# make test-asan     the same with AddressSanitizer and UndefinedBehaviorSanitizer
# make test-tsan     io, engine and host with ThreadSanitizer
# make fuzz          every fuzz target, FUZZ_SECONDS each (60 unless given), or FUZZ_TARGETS="..."
# make bench         bench/README.md says what is measured beside what
# make guests        the test guests, into build/guests
# make docs          docs/cli.md and docs/config.schema.json, from the tables of build/wash
# make format        formats the C sources; format-check only says which are not
# As root the set-up installs missing packages, otherwise it names them; HACKING.md has more.

BUILD ?= build
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
# The reference printer of `wash inspect`'s tests, if it was ever built (tools/cargo-tool.sh wasm-tools).
ifndef COMPONENT_WIT
export COMPONENT_WIT := $(addsuffix $() component wit,$(shell tools/cargo-tool.sh --cached wasm-tools 2>/dev/null))
endif
DEMO = examples/http-hello-world
sources = $(shell git ls-files '*.c' '*.h')

.DEFAULT_GOAL := all
.PHONY: all demo test test-asan test-tsan fuzz bench guests docs format format-check clean setup-%

# $(call build,FOLDER,OPTIONS): configures once, then builds.
define build
	[ -f $(1)/build.ninja ] || meson setup $(1) $(2)
	ninja -C $(1) -j $(JOBS)
	ln -sfn src/cli/wash $(1)/wash
endef

all:
	$(call build,$(BUILD))

setup-%:
	@tools/setup.sh $*

demo: setup-demo
	$(MAKE) all
	tools/demo.sh $(BUILD)/wash $(DEMO)

guests: all
	WASH=$(abspath $(BUILD)/wash) tests/guests/build.sh -o $(BUILD)/guests

test: setup-demo setup-test
	$(MAKE) guests
	tools/run-tests.py $(BUILD)

test-asan: BUILD = build-asan
test-asan: setup-demo setup-test
	$(call build,$(BUILD),-Db_sanitize=address$(comma)undefined -Db_lundef=false -Dbuildtype=debugoptimized)
	WASH=$(abspath $(BUILD)/wash) tests/guests/build.sh -o $(BUILD)/guests
	SLOW=1 ASAN_OPTIONS=detect_stack_use_after_return=0:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
		tools/run-tests.py $(BUILD) --slow 5

# No address space randomization: ThreadSanitizer of this compiler knows fewer layouts than newer kernels use.
test-tsan: BUILD = build-tsan
test-tsan: setup-demo setup-test
	$(call build,$(BUILD),-Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized)
	SLOW=1 TSAN_OPTIONS=halt_on_error=1 setarch -R tools/run-tests.py $(BUILD) --slow 10 io engine host

fuzz: setup-demo setup-test setup-develop
	tools/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: setup-demo setup-test setup-bench
	$(MAKE) guests
	bench/serve.py --wash $(BUILD)/wash --guests $(BUILD)/guests --wasmtime "$$(tools/cargo-tool.sh wasmtime)"
	bench/cli.py --wash $(BUILD)/wash --guests $(BUILD)/guests --wasm-tools "$$(tools/cargo-tool.sh wasm-tools)"
	ninja -C $(BUILD) bench/bench-component
	$(BUILD)/bench/bench-component $(addprefix $(BUILD)/guests/,hello.wasm c-hello.wasm js-hello.wasm py-hello.wasm)
	$(if $(wildcard bench/abi.c),$(BUILD)/bench/abi)

docs: all
	$(BUILD)/wash --help-markdown > docs/cli.md
	$(BUILD)/wash config schema > docs/config.schema.json

format:
	clang-format-14 -i $(sources)

format-check:
	clang-format-14 --dry-run -Werror $(sources)

clean:
	rm -rf build build-asan build-tsan build-fuzz

comma := ,

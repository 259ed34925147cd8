# make run    install what is missing, build, and start a sandbox with a guided tour
# make test   build, check and test
# make libwrit, make install-libwrit PREFIX=/usr/local    the engine as a library
PREFIX ?= /usr/local
.PHONY: run test configure build libwrit install-libwrit bench bench-peers check lint format clean

build: configure
	@ninja -C build/release writ

configure:
	@scripts/setup
	@mkdir -p build
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }

libwrit: configure
	@ninja -C build/release libwrit

install-libwrit: libwrit
	@cmake --install build/release --component libwrit --prefix $(PREFIX)

run: build
	@scripts/sandbox $(if $(TOUR),--tour=$(TOUR))

test:
	@scripts/setup --tests
	@scripts/test

bench: build
	@scripts/setup --tests
	@scripts/bench

bench-peers: build
	@scripts/setup --tests
	@scripts/bench-peers

check:
	@scripts/test check

lint:
	@scripts/setup --tests
	@scripts/test lint

format:
	@scripts/format

clean:
	rm -rf build sandbox

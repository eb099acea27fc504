# The entries for people. Each one first sets up what it needs (tools/setup.mjs), which takes no time when nothing has changed.

bin       := node_modules/.bin
reference := $(or $(RFMEDSAM_SHARED),../shared)

# Results for machines: `make test RESULTS=folder` also writes folder/test.json, and so do `reference` and `check`.
report = --reporter=default $(if $(RESULTS),--reporter=json --outputFile.json="$(RESULTS)/$@.json")

.PHONY: help demo test reference bench bench-images full-size fuzz check clean setup operators

help:
	@echo 'make demo       phantoms are made, a model is trained on them, held-out ones are segmented: a report in demo-output/'
	@echo 'make test       all tests that need nothing outside this folder'
	@echo 'make reference  all comparisons with the reference results in $(reference) (RFMEDSAM_SHARED says where else)'
	@echo 'make bench      speed and memory beside the same work in Python: a table here, JSON in bench-output/'
	@echo 'make full-size  every official model at its official size: built, saved, loaded, used once; memory of long volumes'
	@echo 'make bench-images  resampling, regions and the memory of converting, without any network'
	@echo 'make fuzz       changed files for every parser, 10 minutes; failures are kept in fuzz/regressions/'
	@echo 'make check      types, lint and import boundaries'
	@echo 'make clean      removes everything that was built or installed here'

demo: setup
	@node tools/setup.mjs --compile packages/cli
	@node packages/cli/dist/main.js demo $(ARGS)

test: setup
	@$(bin)/vitest run --project unit $(report) $(ARGS)

reference: setup
	@test -d '$(reference)' || { printf '%s\n' \
	  'The reference results are missing: there is no folder $(reference).' \
	  'Put it beside this one, or set RFMEDSAM_SHARED to where it is. `make test` needs none of it.' >&2; exit 2; }
	@$(bin)/vitest run --project reference $(report) --reporter=./tools/vitest/reference-table.mjs $(ARGS)

bench: setup
	@node tools/setup.mjs --compile bench
	@node bench/dist/main.js $(ARGS)

full-size: setup
	@node tools/setup.mjs --compile bench
	@node bench/dist/full-size.js $(ARGS)
	@node bench/dist/tracking-memory.js

bench-images: setup
	@node tools/setup.mjs --compile bench
	@node bench/dist/imaging.js $(ARGS)
	@node bench/dist/converting-memory.js

fuzz: setup
	@node tools/setup.mjs --compile fuzz
	@node fuzz/dist/fuzz/src/main.js $(ARGS)

check: setup
	@node tools/check.mjs $(if $(RESULTS),--results "$(RESULTS)/$@.json")

clean:
	rm -rf node_modules .venv packages/*/dist packages/*/build packages/*/*.tsbuildinfo \
	  bench/dist bench/*.tsbuildinfo fuzz/dist fuzz/*.tsbuildinfo demo-output bench-output setup.log

# ---- Internal

setup:
	@command -v node > /dev/null || { printf '%s\n' \
	  'Node.js is missing: install version 20.19 or newer (https://nodejs.org, or the package `nodejs` of your system).' >&2; exit 2; }
	@node tools/setup.mjs

operators: setup
	@node packages/torch/tools/generate-operators.mjs

# Chores by name. `make run` and `make test` do everything that they need by themselves.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$p" && break; done)
VENV := .venv/bin
# Node comes with the environment where the machine has none that is new enough.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# The order in which the suite runs: what is quick and close to the ground first, browsers last.
SUITE := $(wildcard $(addprefix tests/,media signaling directory scheduler web fuzz e2e load conformance))

.DEFAULT_GOAL := help
.PHONY: help run install install-dev test check docs format lock clean

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22
	@printf '%s\n' $(CHORES) | expand -t 22

run: install ## Install, start the service with six simulated sites, print the address to join
	@exec $(VENV)/diemcau demo

install: python ## Prepare the environment and the built pages
	@$(PYTHON) tools/install.py

install-dev: python
	@$(PYTHON) tools/install.py --dev

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or say make PYTHON=/path/to/python"; exit 1; }

test: install-dev ## Everything: checks, unit tests, browsers, conformance
	@$(PYTHON) tools/system.py
	@$(MAKE) --no-print-directory check
	@cd web/frontend && npm run --silent test
	$(VENV)/python -m pytest -p no:cacheprovider $(SUITE)

check: install-dev ## Formats, types, linters, links, import directions, traces
	@$(MAKE) --no-print-directory -k check-format check-lint check-types check-pages check-tree

.PHONY: check-format check-lint check-types check-pages check-tree
check-format:
	$(VENV)/ruff format --check .
check-lint:
	$(VENV)/ruff check .
check-types:
	$(VENV)/mypy
	$(VENV)/mypy tools
	for part in web directory scheduler conformance; do MYPYPATH=tests $(VENV)/mypy tests/$$part || exit 1; done
check-pages:
	cd web/frontend && npm run --silent check && npm run --silent size
check-tree:
	$(VENV)/python -m tools.checks

docs: install ## Write the documents that are made from code
	@$(VENV)/diemcau settings --markdown > docs/settings.md

format: install-dev ## Format the Python code
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

lock: python ## Choose the newest allowed versions of all packages anew
	@$(PYTHON) tools/lock.py

clean: ## Remove what was built, but not the environment
	rm -rf build dist *.egg-info web/static/app .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: bench
bench: install-dev ## The figures of docs/benchmarks.md: each tests/load/bench_*.py, one after the other
	@failed=; for script in $(wildcard tests/load/bench_*.py); do \
		echo "$$script"; $(VENV)/python $$script || failed="$$failed $$script"; \
	done; test -z "$$failed" || { echo "missed or failed:$$failed"; exit 1; }

# Longer measurements, proofs and pictures, each by a script of its own; a script that is not there has no target.
define chore
ifneq ($$(wildcard $(2)),)
.PHONY: $(1)
$(1): install-dev
	$$(VENV)/python $$(firstword $$(wildcard $(2))) $$(ARGS)
CHORES += "$(1)	$(3)"
endif
endef
$(eval $(call chore,pictures,tests/e2e/pictures.py,Pictures of all pages into build/pictures, a few into docs/pictures))
$(eval $(call chore,conformance-livekit,tests/conformance/livekit_server.py,The conformance suite against LiveKit's own server (needs Go)))
$(eval $(call chore,show-loss,tests/load/show_loss.py,Five per cent loss each way is survived))
$(eval $(call chore,show-recovery,tests/load/show_recovery.py,WebSocket cut; port changed; server killed and started again))
$(eval $(call chore,show-lipsync,tests/load/show_lipsync.py,Picture and sound less than 45 ms apart))
$(eval $(call chore,show-bad-input,tests/load/show_bad_input.py,Ten thousand malformed inputs of each kind))
$(eval $(call chore,show-double-booking,tests/load/show_double_booking.py,Two secretaries save 500 overlapping bookings at once))
$(eval $(call chore,show-churn,tests/load/show_churn.py,Two hundred joins and leaves in a minute))
$(eval $(call chore,show-forty,tests/load/show_forty.py,Forty sites publish and forty watch))
$(eval $(call chore,show-api,tests/load/show_api.py,Thousands of calls of the REST API made up from its document))
$(eval $(call chore,show-meeting,tests/load/show_meeting.py,A meeting of the demonstration in browsers: booked, refused, opened, led, on record))
$(eval $(call chore,show-kill,tests/load/show_kill.py,Kill -9 at two hundred moments: nothing lost or doubled (needs PostgreSQL)))

# lib-rdv: two commands to know, `make demo` and `make test`. They need Python 3.11 or newer and make.

# The embedded Redis has wheels for Python 3.11 and 3.12, so these come first.
PYTHON ?= $(shell for name in python3.12 python3.11 python3 python3.13 python3.14 python; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$name; break; fi; done)
RUN := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help ready demo demo-reset format check test guards ci bench prove lock wheels migrations template screenshots

help:
	@echo 'make demo          three practices to try, on http://lib-rdv.localhost:8000/ (Ctrl-C stops all)'
	@echo 'make demo-reset    forget what the demonstration holds'
	@echo 'make check         format, lint, types, import contracts, templates, tests without servers (one minute)'
	@echo 'make test          make check, then the tests with servers, the journeys and the short proofs (ten minutes)'
	@echo 'make guards        each proof must fail when one of its guards is removed'
	@echo 'make ci            make test, then make guards, with one closing line'
	@echo 'make format        write Python and templates as the checks want them'
	@echo 'make prove         the proofs in full; PROOF=race for one, SABOTAGE=guard to remove a guard'
	@echo 'make bench         the figures beside their peers; BENCH=slots for one'
	@echo 'make lock          resolve the dependencies again (UPGRADE=1 takes newer versions)'
	@echo 'make wheels        check that the lock resolves to wheels for each Python'
	@echo 'make migrations    write the migrations and the template of a practice again'
	@echo 'make screenshots   pictures of every screen at three widths'

ready:
	@if [ -z "$(PYTHON)" ]; then \
		echo 'lib-rdv needs Python 3.11 or newer, and none was found (PYTHON=/path/to/python names one).' >&2; \
		exit 1; fi
	@$(PYTHON) config/devtools/bootstrap.py

demo: ready
	@$(RUN) -m config.devtools.demo --with-parent

demo-reset: ready
	@$(RUN) -m config.devtools.demo --reset

check: ready
	@$(RUN) -m tests.run check

test: ready
	@$(RUN) -m tests.run check tests

guards: ready
	@$(RUN) -m tests.run guards

ci: ready
	@$(RUN) -m tests.run check tests guards

format: ready
	@$(RUN) -m tests.run format

prove: ready
	@$(RUN) -m tests.proofs $(PROOF) $(if $(SABOTAGE),--sabotage $(SABOTAGE)) $(if $(SHORT),--short)

bench: ready
	@$(RUN) -m tests.bench $(BENCH) $(if $(SHORT),--short)

lock: ready
	@$(RUN) -m config.devtools.lockfile $(if $(UPGRADE),--upgrade)

wheels: ready
	@$(RUN) -m config.devtools.lockfile --check-wheels

migrations: ready
	@LIBRDV_TESTING=1 $(RUN) -W ignore manage.py makemigrations
	@$(RUN) -m ruff format --quiet */*/migrations booking/migrations tenants/migrations
	@$(RUN) -m tests.run template

screenshots: ready
	@$(RUN) -m tests.screenshots

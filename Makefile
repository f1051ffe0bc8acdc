# Every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
DATA ?=
P ?= hospital_costs
STUDIO ?= $(HOME)/.clary
BIN := .venv/bin
QUICK ?=

.DEFAULT_GOAL := help
.PHONY: help setup run project test test-quick check format bench docs lock sbom clean clean-project

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
	@echo
	@echo "  make run DATA=path/to/cms.csv    use the real file; without DATA it is downloaded, else a sample is made"

setup: $(BIN)/clary  ## put the command at .venv/bin/clary

$(BIN)/clary: pyproject.toml requirements.lock
	@echo "Setting up .venv: the server and its libraries, about 60 MB from the package index, once."
	$(PYTHON) scripts/setup.py .venv requirements.lock
	@touch $@

$(BIN)/pytest: $(BIN)/clary requirements-dev.lock
	@echo "Adding the tools of development: about 60 MB, once."
	$(PYTHON) scripts/setup.py .venv requirements-dev.lock
	@touch $@

run: setup  ## hospital costs, from the raw file to a deployed and explained model
	@$(BIN)/clary up --detach --data "$(STUDIO)"
	@$(BIN)/clary project run hospital_costs --data "$(STUDIO)" $(if $(DATA),--input "$(DATA)")

project: setup  ## a project by its name, end to end: make project P=chest_xrays
	@$(BIN)/clary up --detach --data "$(STUDIO)"
	@$(BIN)/clary project run $(P) --data "$(STUDIO)" $(if $(DATA),--input "$(DATA)")

test: $(BIN)/pytest  ## the whole suite: unit, API, SDK, end to end, projects
	$(BIN)/python scripts/run_tests.py

test-quick: $(BIN)/pytest  ## only what needs no image and no SDK: under a minute
	$(BIN)/pytest -q -m "not slow"

check: $(BIN)/pytest  ## ruff, mypy --strict, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(BIN)/pytest  ## let ruff put the code in form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BIN)/pytest  ## the figures of docs/reference/figures.md, measured here
	$(BIN)/python bench/all.py

docs: $(BIN)/clary  ## the documentation site, in build/site; runs the projects' solutions, 10 to 20 minutes, and shows what they print
	$(BIN)/python scripts/tell_solution.py first_lab
	$(BIN)/python scripts/tell_solution.py hospital_costs $(if $(DATA),--input "$(abspath $(DATA))")
	$(BIN)/python scripts/tell_solution.py chest_xrays
	$(BIN)/python scripts/site.py
	@echo "build/site/index.html (its search wants a server: python3 -m http.server -d build/site)"

lock: $(BIN)/pytest  ## renew the locks of the server and of development
	$(BIN)/python scripts/lock.py

sbom: $(BIN)/clary  ## the bill of materials of the server, the images and the projects (CycloneDX, in sbom/)
	$(BIN)/python scripts/sbom.py

clean-project:  ## remove what `make run` or `make project P=...` made: endpoint, models, files; keep the server
	@$(BIN)/clary project clean $(P) --data "$(STUDIO)"

clean:  ## stop the server and remove .venv (the data folder stays)
	-@[ -x $(BIN)/clary ] && $(BIN)/clary down --data "$(STUDIO)"
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# What a developer does with this repository; `make help` lists it.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help setup run status logs down clean test attack chaos examples faults fuzz lint docs bench bench-peers example format imports
.PHONY: constraints containers engines engines-athena engines-spark golden infra locks readout-peers sbom tpcds trino
.PHONY: lint-docs lint-infra lint-rules lint-sql lint-types lint-yaml

# Without compiled modules each process compiles Airflow anew, which takes longer than to start it.
export PYTHONDONTWRITEBYTECODE :=
# As for the processes of an installation: plugins/headline/local/environment.py.
export GLIBC_TUNABLES := glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=4096

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SET_UP := $(VENV)/.set-up
CHECKOV := $(VENV)-checkov
LOCKS := requirements.lock requirements-dev.lock
ENGINES := $(VENV)/engines
SPARK := $(VENV)/spark
TRINO := $(VENV)/trino
UV := $(BIN)/uv --system-certs
RESOLVE := $(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate
HEADLINE := $(BIN)/headline
DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
# What tests write is thrown away: it stays in memory where that has 8 GB for it.
IN_MEMORY := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 8000000 ] 2>/dev/null && echo TMPDIR=/dev/shm)
PYTEST := $(IN_MEMORY) $(BIN)/python -m pytest -q
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SET_UP) ## Make the virtual environment that constraints.txt pins.

# Every file is compared with its hash, those that bring uv too; nothing is built but this project, and nothing is looked for that
# the locks do not name: they are whole. uv takes seconds; pip, which takes a minute, steps in where uv cannot reach the packages.
$(SET_UP): pyproject.toml $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one that you have: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing the packages of $(LOCKS) into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@awk '/^[^ ]/ {keep = /^(setuptools|uv)==/} keep' $(LOCKS) > $(VENV)/first.lock
	@$(BIN)/python -m pip install --quiet --quiet --require-hashes --requirement $(VENV)/first.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-build --no-deps --require-hashes $(LOCKS:%=--requirement %) \
	  || { echo "uv could not; now pip tries, which takes a minute or two"; \
	       $(BIN)/python -m pip install --quiet --quiet --only-binary :all: --no-deps --require-hashes $(LOCKS:%=--requirement %); }
	@$(UV) pip install --quiet --offline --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@touch $@

run: $(SET_UP) ## Start everything, compute the demo company's last 60 days and yesterday, show the figures.
	@$(HEADLINE) run

status: $(SET_UP) ## Show whether Airflow is healthy and how the last run of each DAG went.
	@$(HEADLINE) status

logs: $(SET_UP) ## Follow what Airflow's processes print.
	@$(HEADLINE) logs

down: $(SET_UP) ## Stop Airflow's processes and PostgreSQL; data stay.
	@$(HEADLINE) down

clean: $(SET_UP) ## Stop everything and remove all data of the runs (HEADLINE_HOME).
	@$(HEADLINE) clean

example: $(SET_UP) ## Compute an example on real data: make example name=online_retail data=<file or folder>
	@$(HEADLINE) example "$(name)" "$(data)"

# Two of the four processes mostly wait for an Airflow of their own.
test: $(SET_UP) ## Run all tests but the rules of the repository, which `make lint` checks.
	@$(PYTEST) --numprocesses 4 --dist loadfile --no-loadscope-reorder -m "not attack_long and not engines" \
	  $(filter-out tests/repository/ tests/__pycache__/,$(wildcard tests/*/))

# In a folder of their own, since nothing but these tests needs them: half a gigabyte, and a pandas that others would import.
$(ENGINES)/.set-up: requirements-engines.lock | $(SET_UP)
	@$(UV) pip install --quiet --python $(BIN)/python --target $(ENGINES) --no-deps --no-build-isolation --require-hashes \
	  --requirement requirements-engines.lock
	@touch $@

# Apache Spark as its archive has it, a folder of jars; they stay where Maven keeps them.
$(SPARK)/.set-up: tests/engines/spark/pom.xml | $(SET_UP)
	@rm -rf $(SPARK)/jars && mkdir -p $(SPARK)/jars
	@mvn --quiet --batch-mode --file $< -Dmdep.outputFile=$(abspath $(SPARK))/classpath \
	  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath
	@tr : '\n' < $(SPARK)/classpath | xargs ln -s -t $(SPARK)/jars
	@touch $@

# One process for Spark alone: its client takes those of pytest-xdist for its own doctests, and gets on with no tests of Athena.
engines: $(ENGINES)/.set-up ## Compute on Apache Spark, Sail and a stand-in for Athena, on Iceberg; compare every row with DuckDB's.
engines: $(if $(findstring sail,$(only)),,$(if $(shell command -v java > /dev/null && command -v mvn),$(SPARK)/.set-up))
	@$(MAKE) --no-print-directory --jobs 2 engines-athena engines-spark

engines-athena:
	@HEADLINE_TEST_DAYS=$(days) $(PYTEST) -m engines --ignore tests/engines/spark tests/engines

engines-spark:
	@PYTHONPATH=$(CURDIR)/$(ENGINES) HEADLINE_TEST_ALL_ENGINES=$(all) HEADLINE_TEST_DAYS=$(days) \
	  HEADLINE_TEST_SPARK=$$(test -e $(SPARK)/.set-up && echo $(abspath $(SPARK))) \
	  $(PYTEST) --show-capture=no -rs --timeout $(if $(all),3600,900) $(if $(only),-k '$(only)') tests/engines/spark

golden: $(SET_UP) ## Save the rows of the demo company as fingerprints, for all engines to compare.
	@HEADLINE_TEST_GOLDEN=save $(PYTEST) tests/engines/test_golden.py

# JAVA_HOME is that of a JDK 25, which Trino needs.
$(TRINO)/.set-up: tests/engines/trino/pom.xml tests/engines/trino/Server.java | $(SET_UP)
	@mkdir -p $(TRINO)
	@mvn --quiet --batch-mode --file tests/engines/trino/pom.xml -Dmdep.outputFile=$(abspath $(TRINO))/classpath \
	  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath
	@$(JAVA_HOME)/bin/javac -cp "$$(cat $(TRINO)/classpath)" -d $(TRINO) tests/engines/trino/Server.java
	@touch $@

trino: $(TRINO)/.set-up ## Compute all pipelines on a real Trino as on Athena, and compare every row with DuckDB's; JAVA_HOME leads to a JDK 25.
	@HEADLINE_TEST_DAYS=$(days) HEADLINE_TEST_TRINO="$(abspath $(TRINO)):$$(cat $(TRINO)/classpath)" \
	  $(PYTEST) --timeout $(if $(days),3600,900) tests/engines/trino

tpcds: $(ENGINES)/.set-up $(SPARK)/.set-up ## Compute TPC-DS on DuckDB and on Apache Spark with two workers: make tpcds scale=0.1
	@PYTHONPATH=$(CURDIR)/$(ENGINES) HEADLINE_TEST_SPARK=$(abspath $(SPARK)) \
	  $(BIN)/python -m benchmarks.tpcds --scale $(or $(scale),0.1) $(days:%=--days %) $(at_once:%=--at-once %) --run --spark

attack: $(SET_UP) ## Attack warehouse, files, processes and pages in every way there is a test of; the results go to docs/security.md.
	@HEADLINE_TEST_ATTACK_TABLE=docs/security.md $(PYTEST) --timeout 1800 tests/attacks/$(file)

faults: $(SET_UP) ## Inject every fault and every pair of faults there is into the demo company.
	@HEADLINE_TEST_ALL_PAIRS=1 $(PYTEST) --numprocesses auto tests/faults/test_injected.py

examples: $(SET_UP) ## Compute the examples over all of their data, and hold every figure against the files.
	@HEADLINE_TEST_WHOLE_EXAMPLES=1 $(PYTEST) --numprocesses auto --dist loadfile tests/examples

chaos: $(SET_UP) ## Kill tasks, the scheduler and PostgreSQL at random for minutes: make chaos seconds=600 seed=1
	@HEADLINE_TEST_CHAOS_SECONDS=$(or $(seconds),600) HEADLINE_TEST_CHAOS_SEED=$(or $(seed),1) \
	  $(PYTEST) tests/airflow/test_chaos.py

fuzz: $(SET_UP) ## Feed random bytes to every reader of sources, for minutes.
	@$(PYTEST) --numprocesses auto --hypothesis-profile=fuzz --show-capture=no --timeout 3600 tests/cases/test_fuzz.py

# The longest first, two at a time; what each of them prints stays together where make can see to it.
lint: $(SET_UP) ## Check style, types, SQL, YAML and the rules of the repository.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync) lint-rules lint-sql \
	  lint-types lint-docs lint-yaml

lint-rules:
	$(PYTEST) tests/repository

imports: $(SET_UP) ## Print which folder of plugins/headline imports which.
	@$(PYTEST) -s -k import_graph tests/repository/test_code.py

lint-sql:
	$(BIN)/python -m headline.rules.style $(wildcard include examples)

lint-types:
	$(BIN)/mypy

lint-docs:
	$(DOCS) --quiet

lint-yaml:
	$(BIN)/yamllint --strict .

# checkov and its parser of Terraform's language get along with few others: an environment of their own.
$(CHECKOV)/.set-up: requirements-checkov.lock $(SET_UP)
	@$(UV) venv --quiet --clear --python $(BIN)/python $(CHECKOV)
	@$(UV) pip install --quiet --python $(CHECKOV)/bin/python --no-build --require-hashes --requirement $<
	@touch $@

# Where its provider is a folder of this machine: make lint-infra TERRAFORM_PLUGINS=<folder>
lint-infra: $(CHECKOV)/.set-up ## Check infra/terraform: its form and what it means, where Terraform is there, and its security.
	@if ! command -v terraform > /dev/null; then echo "no terraform here: form and meaning are not checked" >&2; else \
	  terraform -chdir=infra/terraform fmt -check -diff -recursive; \
	  if terraform -chdir=infra/terraform init -backend=false -input=false -upgrade $(TERRAFORM_PLUGINS:%=-plugin-dir=%) > /dev/null 2>&1; \
	  then terraform -chdir=infra/terraform validate -no-color; \
	  else echo "the provider of infra/terraform cannot be had here: what it means is not checked" >&2; fi; fi
	@$(CHECKOV)/bin/checkov --directory infra/terraform --framework terraform --compact --quiet --skip-download

containers: $(SET_UP) ## Build the images, start docker-compose.yaml with the demo company, and look whether all of it works: minutes.
	@$(BIN)/python -m tests.containers.images
	@HEADLINE_TEST_CONTAINERS=1 $(PYTEST) tests/containers

infra: $(SET_UP) ## Apply infra/terraform to moto, and compare what each role may do with access.yml: minutes.
	@HEADLINE_TEST_TERRAFORM=1 TERRAFORM_PLUGINS=$(TERRAFORM_PLUGINS) $(PYTEST) tests/infrastructure

docs: $(SET_UP) ## Build the documentation as a site in .site.
	@$(DOCS)

format: $(SET_UP) ## Put Python and SQL into the agreed form.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --processes 0 --disable-progress-bar $(wildcard include examples)

bench: $(SET_UP) ## Measure parse time, tasks and the ranged run, as ratios.
	@$(BIN)/python -m benchmarks

bench-peers: $(SET_UP) ## Measure our SELECTs and checks beside dbt-core and SQLMesh, and compare all rows.
	@$(BIN)/python -m benchmarks.peers

readout-peers: $(SET_UP) ## Compare the readout of experiments with tea-tasting's, on simulated ones.
	@$(BIN)/python -m benchmarks.readout

constraints: $(SET_UP) ## Resolve the newest versions of all packages into constraints.txt.
	$(RESOLVE) --upgrade --extra dev --extra engines --output-file constraints.txt pyproject.toml
	printf 'checkov\n' | $(RESOLVE) --upgrade --generate-hashes --output-file requirements-checkov.lock -
	$(MAKE) locks

# The hashes of what constraints.txt pins: what runs needs, and apart from it what only development does.
locks: $(SET_UP) ## Write the locks, with a hash for every file of every package that constraints.txt pins.
	$(RESOLVE) --generate-hashes --constraint constraints.txt --output-file requirements.lock pyproject.toml
	$(RESOLVE) --generate-hashes --constraint constraints.txt --extra dev --output-file $(VENV)/all.lock pyproject.toml
	awk 'NR == FNR {if (/^[^ ]/) known[$$1]; next} /^[^ ]/ {keep = !($$1 in known)} keep' requirements.lock $(VENV)/all.lock \
	  > requirements-dev.lock
	$(RESOLVE) --generate-hashes --constraint constraints.txt --extra dev --extra engines --output-file $(VENV)/all.lock \
	  pyproject.toml
	awk 'FILENAME != "$(VENV)/all.lock" {if (/^[^ ]/) known[$$1]; next} /^[^ ]/ {keep = !($$1 in known)} keep' \
	  $(LOCKS) $(VENV)/all.lock > requirements-engines.lock
	printf 'aiosmtpd\nmoto[server]\n' | $(RESOLVE) --generate-hashes --constraint constraints.txt --output-file requirements-doubles.lock -
	printf 'duckdb==1.5.5\nduckdb-extension-tpcds==1.5.5\n' | $(RESOLVE) --generate-hashes --output-file requirements-tpcds.lock -
	printf 'tea-tasting\n' | $(RESOLVE) --generate-hashes --output-file requirements-readout.lock -

sbom: $(SET_UP) ## Write what an installation consists of to sbom.cdx.json, in CycloneDX's form.
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.cdx.json requirements.lock

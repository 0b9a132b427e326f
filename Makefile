# `make help` lists what can be asked for. Every target sets up what it needs.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# samconfig.toml's environment to build and deploy, and the processor that it names
ENV ?= default
ARCHITECTURE ?= $(shell sed -n '/^\[$(ENV)\.deploy/,/^\[/s/.*Architecture=\([a-z0-9_]*\).*/\1/p' samconfig.toml)

HOST := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)

PORT ?= 8700
DATA_DIR ?= .usance
# processes that run tests; the tests of a file, which may share a stack, stay together
WORKERS ?= 2

# least share of lines and branches that tests reach
COVERED_PERCENT := 95
DOMAIN_COVERED_PERCENT := 99

BIN := .venv/bin
SAM := .venv-sam/bin/sam
PIP := -m pip --disable-pip-version-check --no-input install --quiet
DEV := .venv/.installed
MINISTACK := .venv-ministack/.installed
SAM_READY := .venv-sam/.installed
DYNAMODB_LOCAL := .cache/dynamodb-local

export SAM_CLI_TELEMETRY := 0
export PIP_REQUIRE_VIRTUALENV := 0
# hundreds of processes start in the tests and in the embedded stack: bytecode is compiled once for all of them
unexport PYTHONDONTWRITEBYTECODE

help: ## what can be asked for
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' Makefile | while IFS='	' read -r name does; do printf '  make %-16s %s\n' "$$name" "$$does"; done

# --- environments ---

# The first Python on PATH that is new enough; a shim may be there without its Python.
define python
$$(for name in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo "$$name"; exit; fi; done; \
  echo 'no Python 3.11 or newer on PATH' >&2; echo false)
endef

define environment
@echo "making $(@D)"
@test -x $(@D)/bin/python || "$(python)" -m venv $(@D)
@$(@D)/bin/python $(PIP) --require-hashes --requirement $< --constraint $< # the latter also pins what others ask for with extras
endef

$(DEV): requirements/dev.txt layers/shared/pyproject.toml
	$(environment)
	@$(@D)/bin/python $(PIP) --no-deps --no-index --no-build-isolation --editable layers/shared
	@touch $@

$(MINISTACK): requirements/ministack.txt
	$(environment)
	@touch $@

$(SAM_READY): requirements/sam.txt
	$(environment)
	@touch $@

install: $(DEV) $(MINISTACK) ## the environments of the tests and of the embedded stack

# --- use ---

demo: $(DEV) $(MINISTACK) ## bill a sample of usage end to end (USAGE=file.csv OUT=folder)
	@$(BIN)/python -m demo $(if $(USAGE),--usage "$(USAGE)") $(if $(OUT),--out "$(OUT)")

serve: $(DEV) $(MINISTACK) ## the embedded stack (PORT=8700 DATA_DIR=.usance; WEBHOOK_HOSTS=127.0.0.1:9000 are private hosts that webhooks may reach)
	@exec $(BIN)/python -m local serve --port $(PORT) --data-dir "$(DATA_DIR)" --credentials "$(DATA_DIR)/credentials.json" \
	  $(if $(WEBHOOK_HOSTS),--parameter "WebhookAllowedHosts=$(WEBHOOK_HOSTS)")

bench: $(DEV) $(MINISTACK) ## figures, each beside a rival or a floor of the same run
	@$(BIN)/python -m benchmarks

soak: $(DEV) $(MINISTACK) ## millions of events while the store disturbs and processes are killed, reconciled (EVENTS=5000000 ACCOUNTS=2000)
	@$(BIN)/python -m benchmarks --suite soak --out build/soak.json $(if $(EVENTS),--events $(EVENTS)) $(if $(ACCOUNTS),--accounts $(ACCOUNTS))

openapi: $(DEV) ## write docs/openapi.json anew
	@$(BIN)/python tools/openapi.py

compatibility: $(DEV) ## write docs/compatibility.md anew
	@$(BIN)/python -m tools.compatibility

# --- checks and tests ---

check: $(DEV) $(SAM_READY) ## format, lint, types, import rules, template, API description
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(BIN)/python tools/openapi.py --check
	$(BIN)/python -m tools.compatibility --check

fix: $(DEV) ## format, and correct what can be corrected
	$(BIN)/ruff format --quiet
	$(BIN)/ruff check --fix --quiet

test: $(DEV) $(MINISTACK) ## the everyday tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not sam and not crash and not async_client and not dynamodb_local" $(ARGS)

test-async: $(DEV) $(MINISTACK) ## the tests against the official SDK once more, by its asynchronous client
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m async_client tests/conformance $(ARGS)

test-crash: $(DEV) $(MINISTACK) ## processes killed in the middle, stores that refuse, a small soak
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m crash $(ARGS)

coverage: $(DEV) $(MINISTACK) ## what the tests within one process reach
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests/unit tests/contract tests/component --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --include='*/usance/domain/*' --fail-under=$(DOMAIN_COVERED_PERCENT)
	$(BIN)/coverage report --fail-under=$(COVERED_PERCENT)

test-sam: $(DEV) $(MINISTACK) $(SAM_READY) ## build, `sam local invoke` and deploy (needs a Docker engine)
	$(BIN)/python -m pytest -m sam $(ARGS)

test-dynamodb-local: $(DEV) $(MINISTACK) dynamodb-local ## the store's contract, on AWS's own engine (needs Java 17)
	$(BIN)/python -m pytest -m dynamodb_local $(ARGS)

dynamodb-local: $(DYNAMODB_LOCAL)/.fetched ## AWS's own DynamoDB engine, into .cache (needs Maven)
$(DYNAMODB_LOCAL)/.fetched: tests/contract/dynamodb-local/pom.xml
	@rm -rf $(@D)
	mvn --quiet --batch-mode --file $< org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
	  -DoutputDirectory=$(CURDIR)/$(@D)
	@touch $@

# --- deployment ---

build: $(DEV) $(SAM_READY) ## the SAM application (ENV=default ARCHITECTURE=arm64)
	ARCHITECTURE=$(ARCHITECTURE) PYTHON=$(CURDIR)/$(BIN)/python $(SAM) build --config-env $(ENV) \
	  --parameter-overrides Architecture=$(ARCHITECTURE)

invoke: $(DEV) $(SAM_READY) ## a function as Lambda runs it (FUNCTION=EntitiesFunction EVENT=events/entities_list_products.json)
	@$(MAKE) --no-print-directory build ARCHITECTURE=$(HOST) >/dev/null
	@$(BIN)/python -m tools.sam_local "$(FUNCTION)" "$(EVENT)" --data-dir "$(DATA_DIR)"

deploy: build ## build and deploy to AWS (ENV=default)
	$(SAM) deploy --config-env $(ENV)

# --- upkeep ---

lock: $(DEV) ## write the requirement files anew (ARGS="--upgrade" for newer versions)
	requirements/compile $(ARGS)

clean: ## forget caches and builds; environments and data stay
	rm -rf .aws-sam .cache .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache out
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

.PHONY: help install demo serve bench soak openapi compatibility check fix test test-async test-crash coverage test-sam test-dynamodb-local dynamodb-local \
  build invoke deploy lock clean

# The only task runner. Debian 12 or Ubuntu, as root or with sudo; `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup ahead image mysql-image jars jars-lock build check install generate bless shop test soak fuzz demo \
        bench bench-quick callgrind callgrind-bless \
        stack-up stack-down stack-reset stack-status stack-logs beeline hdfs hbase

BIN := docker/bin
TIMED := $(BIN)/timed
SECURE_ENV := $(CURDIR)/docker/secure.env
ARGS ?=
ROLE ?=
KILLS ?= 1000
SECONDS ?= 60
PREFIX ?= /usr/local
# SECURE=1: the stack-..., beeline, hdfs and hbase targets mean the secured stack, which runs beside the plain one.
ifdef SECURE
export STACK_ENV := $(SECURE_ENV)
endif

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what this machine lacks (says what first; NO_INSTALL=1 only says)
	@$(BIN)/setup

image: setup ## make the stack's image, if it is not there
	@$(BIN)/engine
	@$(BIN)/image

mysql-image: setup ## make the image of a MySQL server that the cluster tests start, if it is not there
	@$(BIN)/engine
	@$(BIN)/image mysql

jars: setup ## fetch the stack's jars and compare them with docker/jars/jars.lock
	@$(BIN)/jars

jars-lock: setup ## write docker/jars/jars.lock anew from docker/jars/*.pom.xml
	@$(BIN)/jars lock

stack-up: setup ## start the test stack and wait until every role answers (SECURE=1: the secured one beside it)
	@$(TIMED) "stack" $(BIN)/stack up

stack-down: ## stop the stack, keep its data
	@$(BIN)/stack down

stack-reset: ## stop the stack, drop its data
	@$(BIN)/stack reset

stack-status: ## one line a role: state, port, memory
	@$(BIN)/stack status

stack-logs: ## the end of a role's log: make stack-logs ROLE=hiveserver2
	@$(BIN)/stack logs $(ROLE)

beeline: ## the stock beeline: make beeline [ARGS='-e "show databases"']
	@$(BIN)/tool beeline $(ARGS)

hdfs: ## Hadoop's own shell: make hdfs ARGS='dfs -ls /'
	@$(BIN)/tool hdfs $(ARGS)

hbase: ## HBase's own shell: make hbase, or echo list | make hbase
	@$(BIN)/tool hbase $(ARGS)

build: ## build sakia and the click log's generator for development
	@echo "sakia: compiling sakia and what it is made of, for development; the first time takes some ten minutes on 2 cores"
	cargo build --locked --workspace --bins

install: ## build the release binary and put it into PREFIX (/usr/local), with manual pages and completions
	cargo build --locked --release --bin sakia
	@docker/bin/install "$${CARGO_TARGET_DIR:-target}/release/sakia" "$(DESTDIR)$(PREFIX)"

check: ## formatting, lints, unit and offline tests, documentation
	cargo fmt --check
	@$(TIMED) lints cargo clippy --locked --workspace --exclude encode-fixed --all-targets -- -D warnings
	@$(TIMED) "lints of the tests on servers" cargo clippy --locked --test cluster --test faults --test secure -- -D warnings
	@# Without what tests bring along: a feature that only they ask for would be missing.
	@$(TIMED) "the binary alone" cargo check --locked --bin sakia
	@$(TIMED) "unit and offline tests" cargo test --locked --workspace
	@$(TIMED) "instruction count" bench/callgrind.sh check
	@RUSTDOCFLAGS="-D warnings" $(TIMED) documentation \
	  cargo doc --locked --workspace --exclude encode-fixed --no-deps --lib --examples

shop: stack-up ## load the example shop into MariaDB and make its click log
	@examples/shop/load.sh
	@examples/shop/clicks.sh

generate: ## write the Thrift code anew from the IDLs (needs the package thrift-compiler)
	cd src/hiveserver2/thrift && thrift --gen rs -out . TCLIService.thrift && mv t_c_l_i_service.rs tcli_service.rs
	cd src/metastore/thrift && thrift --gen rs -out . ThriftHiveMetastore.thrift && mv thrift_hive_metastore.rs hive_metastore.rs
	cd src/hbase/thrift && thrift --gen rs -out . Hbase.thrift && mv hbase.rs thrift1.rs

bless: ## write the golden files anew; read the difference before committing it
	INSTA_UPDATE=always cargo test --locked --workspace

callgrind: ## count the instructions of encoding, compare with bench/callgrind.baseline (part of check)
	@bench/callgrind.sh check

callgrind-bless: ## write bench/callgrind.baseline anew
	@bench/callgrind.sh bless

ahead: setup
	@$(BIN)/ahead

test: ahead check stack-up mysql-image shop ## everything: check, then the tests against the real stack
	@# A red part does not keep the next ones from being run.
	@failed=; \
	SAKIA_TEST_PYTHON=$$($(BIN)/test-python) RUST_TEST_THREADS=$$((2 * $$(nproc))) $(TIMED) "tests on the stack" \
	  cargo test --locked --workspace --test cluster || { $(BIN)/stack deaths; failed=1; }; \
	$(BIN)/stack up && $(TIMED) "tests of faults" cargo test --locked --workspace --test faults -- --test-threads=1 \
	  || { $(BIN)/stack deaths; failed=1; }; \
	export STACK_ENV="$(SECURE_ENV)"; \
	$(TIMED) "secured stack" $(BIN)/stack up && RUST_TEST_THREADS=$$(($$(nproc) + 1)) \
	  $(TIMED) "tests on the secured stack" cargo test --locked --workspace --test secure \
	  || { $(BIN)/stack deaths; failed=1; }; \
	test -z "$$failed"

soak: stack-up ## kill an agent under load a thousand times (KILLS=1000); some twenty minutes
	@SAKIA_KILLS=$(KILLS) $(TIMED) soak cargo test --locked --test cluster killed_at_random -- --nocapture \
	  || { $(BIN)/stack deaths; exit 1; }

fuzz: ## search each fuzz target for SECONDS (60) by coverage (TARGET=json: one of them); compiles ten minutes at first
	@fuzz/run.sh $(SECONDS) $(TARGET)

demo: setup build stack-up shop ## the shop, from MariaDB and a click log to HDFS, Hive and HBase
	@examples/shop/demo.sh || { $(BIN)/stack deaths; exit 1; }

bench: stack-up ## measure beside Sqoop and others, write bench/RESULTS.md (BENCH_YARN=1 BENCH_SPARK=1 ROUNDS=5); leave the machine alone
	@bench/run.sh

bench-quick: stack-up ## the same with small tables, to try it out; writes to the cache
	@bench/run.sh --quick

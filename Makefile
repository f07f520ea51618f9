# The only task runner. Debian 12 or Ubuntu, as root or with sudo; `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup image mysql-image jars jars-lock build check install generate bless shop test demo \
        bench bench-quick callgrind callgrind-bless \
        stack-up stack-down stack-reset stack-status stack-logs beeline hdfs hbase

BIN := docker/bin
ARGS ?=
ROLE ?=
PREFIX ?= /usr/local

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

stack-up: setup ## start the test stack and wait until every role answers
	@$(BIN)/stack up

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
	cargo clippy --locked --workspace --exclude encode-fixed --all-targets -- -D warnings
	cargo clippy --locked --test cluster --test faults -- -D warnings
	cargo test --locked --workspace
	bench/callgrind.sh check
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --exclude encode-fixed --no-deps --lib --examples

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

test: setup check stack-up mysql-image shop ## everything: check, then the tests against the real stack
	@SAKIA_TEST_PYTHON=$$($(BIN)/test-python) RUST_TEST_THREADS=$$((2 * $$(nproc))) \
	  cargo test --locked --workspace --test cluster || { $(BIN)/stack deaths; exit 1; }
	@$(BIN)/stack up
	@cargo test --locked --workspace --test faults -- --test-threads=1 || { $(BIN)/stack deaths; exit 1; }

demo: setup build stack-up shop ## the shop, from MariaDB and a click log to HDFS, Hive and HBase
	@examples/shop/demo.sh || { $(BIN)/stack deaths; exit 1; }

bench: stack-up ## measure beside Sqoop and others, write bench/RESULTS.md (BENCH_YARN=1 BENCH_SPARK=1 ROUNDS=5); leave the machine alone
	@bench/run.sh

bench-quick: stack-up ## the same with small tables, to try it out; writes to the cache
	@bench/run.sh --quick

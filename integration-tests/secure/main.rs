//! The binary against the secured stack: `make stack-up SECURE=1` first; part of `make test`. What it wrote is read back
//! by the stock clients with the tickets of another user.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod addresses;
mod agent;
mod damage;
mod doctor;
mod failover;
#[allow(dead_code, reason = "shared with the tests of the plain stack, which lose answers by it")]
mod gate;
mod hbase;
mod hdfs;
mod hive;
mod kafka;
mod killed;
mod levels;
mod logins;
mod own;
mod policy;
mod quotas;
mod realms;
mod rights;
mod several;
mod shop;
mod small;
mod stack;
#[path = "../steady.rs"]
mod steady;
mod tls;
mod tokens;
mod told;
mod trash;
mod untold;
mod ways;
mod zones;

//! Reconciliation: the same rows counted and summed up by day (or another key) in MySQL, in Hive, in the files of HDFS, and
//! wherever else a query reaches, such as the orders that a click log shows; what differs is listed.
//!
//! Unlike [`verify`](super::verify), which holds each value of a table against its copy, this compares a few numbers a day,
//! and what it compares need not be copies of each other. The places are asked one after the other: rows that arrive
//! meanwhile show as differences of the last days, so a condition ends before them.
//!
//! A key that a place does not give counts as 0 there. Numbers are compared as the digits that they are; sums of floating
//! point columns hang on the order of the rows and may differ in the last digits: cast them to a decimal.
//!
//! A difference is an error of kind Data, and so ends with exit code 1.

mod files;
mod report;
mod servers;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use crate::error::{self, Result};
use crate::hiveserver2::HiveServer2Options;
use crate::load::Cluster;
use crate::mysql::MySqlClient;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary};
use crate::transfer::args::{Place, ReconcileArgs, SideArgs};

pub use self::report::{Difference, Reconciliation};

/// What a place holds: the measures of each key, as plain numbers; `None` is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    /// Names of the measures, in order.
    measures: Vec<String>,
    /// By key; `None` is the NULL of a server.
    rows: BTreeMap<Option<String>, Vec<Option<String>>>,
}

/// The servers that the places are asked of; those that no place names are not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The database.
    pub mysql: Option<&'a MySqlClient>,
    /// HDFS.
    pub cluster: Option<&'a Cluster>,
    /// HiveServer2.
    pub hiveserver2: Option<&'a HiveServer2Options>,
}

/// What was found, equal or not: [`Reconciliation::verdict`] makes an error of a difference.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// For the closing summary.
    pub summary: StepSummary,
    /// All places side by side.
    pub report: Reconciliation,
}

/// Asks all places and compares what they hold; writes nothing anywhere.
///
/// # Errors
/// Data: a place gives a key twice. Config: places have no measure in common, or a server is missing. Those of the servers;
/// Stopped. Not that the places differ.
pub async fn run(args: &ReconcileArgs, asked: &Asked<'_>, stop: &Stop) -> Result<Reconciled> {
    let started = Instant::now();
    let mut found = Vec::new();
    for side in &args.sides {
        let what = ask(side, asked, stop).await;
        found.push((side.name.as_str(), what.map_err(|e| e.context(format!("side {}", side.name)))?));
    }
    let report = report::compare(&found, args.show as usize)?;
    let mut summary = StepSummary::new("reconcile");
    summary.rows_in = found.iter().map(|(_, found)| found.rows.len() as u64).sum();
    summary.elapsed = started.elapsed();
    summary.outcome = if report.equal { Outcome::Equal } else { Outcome::Different };
    summary.detail = report.in_words();
    Ok(Reconciled { summary, report })
}

async fn ask(side: &SideArgs, asked: &Asked<'_>, stop: &Stop) -> Result<Found> {
    let missing = |what: &str| error::config(format!("no {what} is configured")).hint("say where it is");
    match side.place {
        Place::Mysql => servers::of_mysql(side, asked.mysql.ok_or_else(|| missing("mysql"))?, stop).await,
        Place::Hive => servers::of_hive(side, asked.hiveserver2.ok_or_else(|| missing("hiveserver2"))?, stop).await,
        Place::Files => stop.or(files::of_files(side, asked.cluster.ok_or_else(|| missing("hdfs"))?)).await,
    }
}

/// What would be asked, in words; nothing is.
pub fn plan(args: &ReconcileArgs) -> String {
    let mut text = String::from("  compares, by key");
    for side in &args.sides {
        let asked = match side.place {
            Place::Files => {
                let measures: Vec<&str> = side.measures.values().map(String::as_str).collect();
                let of = side.target_dir.as_deref().unwrap_or_default();
                format!("read {of}: {} by {}", measures.join(", "), side.by)
            }
            Place::Mysql | Place::Hive => servers::statement(side),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {:<11} {}", side.name, asked.trim().replace('\n', "\n              "));
    }
    text
}

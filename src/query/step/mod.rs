//! A step of a team's own statements: a file of HiveQL that is run once a run, or once for each partition of a table that is
//! new or was written to since, with what was done kept beside its lease.
//!
//! ```text
//! <state-dir>/state.json    the partitions that the statements were run for, and by what each is told from a later state
//! <state-dir>/lock/         who is at it now
//! ```
//!
//! One file for one partition, or for all that changed, is what is done or not: after its last statement it is noted. A run
//! that ends in between has the next one begin with the first statement again, so statements have to be such that running
//! them twice is as good as once (`INSERT OVERWRITE`, `CREATE TABLE IF NOT EXISTS`, `MERGE`). The stamps are read before the
//! first statement: what is written to a partition while it is read has the statements run again.
//!
//! Each run of the file has a session of its own: settings, variables and temporary tables of one partition are not those of
//! the next. No statement is run again by itself.

mod args;
mod changed;
mod state;
mod variables;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use self::args::Variables;
pub(crate) use self::args::{Each, HiveqlArgs};
use self::changed::{Changed, Stamped};
use self::state::State;
use super::run::placed;
use super::script::{Act, Source, Statement, acts_below};
use crate::error::{self, Error, Result};
use crate::hiveserver2::{HiveServer2Options, Session, quote};
use crate::lease::Lease;
use crate::load::Cluster;
use crate::shutdown::Stop;
use crate::storage::DirectoryLease;
use crate::telemetry::summary::{Outcome, StepSummary, counted};

/// What is wrong with a step, each with its key; reads its file, asks no server.
pub(crate) fn check(args: &HiveqlArgs, base: &Path) -> Vec<(&'static str, Error)> {
    let mut wrong = args.wrong();
    wrong.extend(statements(args, base).err().map(|e| ("file", e)));
    wrong
}

/// Reads and cuts the file.
fn statements(args: &HiveqlArgs, base: &Path) -> Result<Vec<Act>> {
    let mut acts = acts_below(base, &[Source::File(args.file.clone())], ";")?;
    if let Some(end) = acts.iter().position(|act| *act == Act::Quit) {
        acts.truncate(end);
    }
    if acts.is_empty() {
        return Err(error::config(format!("{} holds no statement", args.file.display())).hint("write some"));
    }
    Ok(acts)
}

/// A run of the file.
struct Unit {
    /// What it is for, as errors name it.
    of: Option<String>,
    variables: Variables,
    /// What is noted when it is done.
    stamps: Vec<(String, String)>,
}

/// What is decided before the first statement is run.
struct Plan {
    acts: Vec<Act>,
    /// SHA-256 of statements and variables.
    fingerprint: String,
    state: State,
    changed: Option<Changed>,
    units: Vec<Unit>,
}

impl Plan {
    /// Reads the file, what was done, and the source as it is.
    async fn new(args: &HiveqlArgs, step: &str, base: &Path, cluster: &Cluster, run_id: &str) -> Result<Self> {
        let acts = statements(args, base)?;
        let fingerprint = fingerprint(&acts, &args.variables);
        let mut state = State::read(cluster.fs.as_ref(), &args.state_dir).await?;
        if !state.statements.is_empty() && state.statements != fingerprint && args.source.is_some() {
            let again =
                if args.rerun_on_change { "run for all partitions again" } else { "run for new partitions only" };
            tracing::warn!(step, "the statements or variables are not those of the last run: {again}");
            if args.rerun_on_change {
                state.partitions.clear();
            }
        }
        let run = variables::of_run(&args.variables, step, run_id, Timestamp::now());
        let changed = match args.source() {
            Some(source) => Some(changed::look(cluster, source, &state).await?),
            None => None,
        };
        let units = units(args.each, &run, changed.as_ref())?;
        for unit in &units {
            variables::check_named(&acts, &unit.variables)?;
        }
        Ok(Self { acts, fingerprint, state, changed, units })
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.acts.iter().filter_map(|act| match act {
            Act::Run(statement) => Some(statement),
            Act::Quit => None,
        })
    }
}

/// What is to be run, in order.
fn units(each: Each, run: &Variables, changed: Option<&Changed>) -> Result<Vec<Unit>> {
    let Some(changed) = changed else {
        return Ok(vec![Unit { of: None, variables: run.clone(), stamps: Vec::new() }]);
    };
    let stamp = |Stamped { partition, stamp }: &Stamped| (partition.path(), stamp.clone());
    match each {
        Each::Run if changed.pending.is_empty() => Ok(Vec::new()),
        Each::Run => {
            let variables = variables::of_changed(run, changed);
            Ok(vec![Unit { of: None, variables, stamps: changed.pending.iter().map(stamp).collect() }])
        }
        Each::Partition => {
            let unit = |pending: &Stamped| {
                let variables = variables::of_partition(run, &pending.partition)?;
                Ok(Unit { of: Some(pending.partition.path()), variables, stamps: vec![stamp(pending)] })
            };
            changed.pending.iter().map(unit).collect()
        }
    }
}

fn fingerprint(acts: &[Act], own: &Variables) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for act in acts {
        if let Act::Run(statement) = act {
            add(&statement.text);
        }
    }
    own.iter().for_each(|(name, value)| [name, value].into_iter().for_each(|text| add(text)));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a step would do, in words: for which partitions, with which variables, which statements. Nothing is run or changed.
///
/// # Errors
/// Those of [`run`] that come before the first statement.
pub(crate) async fn plan(
    args: &HiveqlArgs,
    step: &str,
    base: &Path,
    cluster: &Cluster,
    run_id: &str,
    stop: &Stop,
) -> Result<String> {
    let plan = stop.or(Plan::new(args, step, base, cluster, run_id)).await?;
    let mut text = format!("file        {}", args.file.display());
    if let (Some(changed), Some(source)) = (&plan.changed, &args.source) {
        let pending = counted(changed.pending.len() as u64, "partition", "partitions");
        text.push_str(&format!("\nsource      {source}: {pending} new or changed, {} done", changed.done));
        for name in &changed.gone {
            text.push_str(&format!("\ngone        {name}"));
        }
    }
    for unit in &plan.units {
        let of = unit.of.as_deref().unwrap_or(if plan.changed.is_some() { "all that changed" } else { "the run" });
        text.push_str(&format!("\nfor         {of}"));
    }
    if let Some(unit) = plan.units.first() {
        for (name, value) in &unit.variables {
            text.push_str(&format!("\nvariable    {name} = {value}"));
        }
        for Statement { number, text: statement, .. } in plan.statements() {
            text.push_str(&format!("\nstatement {number:<2}{}", statement.replace('\n', "\n            ")));
        }
    }
    Ok(text)
}

/// Runs the statements for what is new.
///
/// # Errors
/// Config, Usage: the file, a variable. NotFound: no such source. Busy: somebody else is at it. What Hive says of a statement,
/// with its file, line and number, and the partition that it was run for. What was noted before stays done.
///
/// # Cancel safety
/// A statement that is stopped is cancelled on the server; its file is run again from the first statement by the next run.
pub(crate) async fn run(
    args: &HiveqlArgs,
    step: &str,
    base: &Path,
    cluster: &Cluster,
    hive: &HiveServer2Options,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let place = DirectoryLease::new(cluster.fs.clone(), format!("{}/lock", args.state_dir)).of(format!("step {step}"));
    stop.or(cluster.fs.mkdirs(&args.state_dir)).await?;
    let lease = Lease::acquire(Arc::new(place), &format!("run {run_id}")).await?;
    let done = async {
        let plan = stop.or(Plan::new(args, step, base, cluster, run_id)).await?;
        Runner { args, cluster, hive, run_id, stop, lease: &lease }.all(plan).await
    };
    let done = done.await;
    // What was done is done; a lease that cannot be removed dies with this process.
    if let Err(error) = lease.release().await {
        tracing::warn!(%error, step, "cannot give back the lease");
    }
    done
}

struct Runner<'r> {
    args: &'r HiveqlArgs,
    cluster: &'r Cluster,
    hive: &'r HiveServer2Options,
    run_id: &'r str,
    stop: &'r Stop,
    lease: &'r Lease,
}

impl Runner<'_> {
    async fn all(&self, mut plan: Plan) -> Result<StepSummary> {
        let mut summary = StepSummary::new("");
        let (began, mut ran) = (Instant::now(), 0);
        let units = std::mem::take(&mut plan.units);
        let mut state = std::mem::take(&mut plan.state);
        for name in plan.changed.iter().flat_map(|changed| &changed.gone) {
            state.partitions.remove(name);
        }
        for unit in &units {
            self.stop.check()?;
            self.lease.check().await?;
            let changed = self.one(&plan, unit).await.map_err(|e| match &unit.of {
                Some(partition) => e.context(format!("partition {partition}")),
                None => e,
            })?;
            summary.outcome = Outcome::Done;
            summary.rows_out += changed;
            ran += plan.acts.len() as u64;
            state.statements.clone_from(&plan.fingerprint);
            self.run_id.clone_into(&mut state.run_id);
            state.partitions.extend(unit.stamps.iter().cloned());
            self.lease.check().await?;
            state.write(self.cluster.fs.as_ref(), &self.args.state_dir).await?;
        }
        summary.statements = Some(ran);
        summary.detail = detail(&plan, units.len(), ran, began);
        Ok(summary)
    }

    /// Runs the file once; the rows changed, where the server counts them.
    async fn one(&self, plan: &Plan, unit: &Unit) -> Result<u64> {
        let (began, mut rows) = (Instant::now(), 0);
        let hive = self.hive.clone().with_variables(unit.variables.clone())?;
        let session = self.stop.or(Session::open_exact(&hive)).await?;
        if let Some(database) = &self.args.database {
            session.execute(&format!("USE {}", quote::name(database)), self.stop).await?;
        }
        for statement in plan.statements() {
            let executed = session.execute(&statement.text, self.stop).await.map_err(|e| placed(e, statement))?;
            rows += executed.modified_rows.unwrap_or(0);
        }
        // All that was asked for is done.
        session.close().await.unwrap_or_else(|error| tracing::debug!(%error, "the session was not closed"));
        let seconds = began.elapsed().as_secs_f64();
        tracing::info!(partition = unit.of, rows, "ran {} statements in {seconds:.1} s", plan.acts.len());
        Ok(rows)
    }
}

/// What was run, in words.
fn detail(plan: &Plan, units: usize, statements: u64, began: Instant) -> String {
    let Some(changed) = &plan.changed else { return timed(statements, began) };
    let gone = match changed.gone.len() as u64 {
        0 => String::new(),
        gone => format!("; {} not there any more", counted(gone, "partition is", "partitions are")),
    };
    if units == 0 {
        return format!("no partition is new{gone}");
    }
    let partitions = counted(changed.pending.len() as u64, "partition", "partitions");
    format!("{partitions}; {}{gone}", timed(statements, began))
}

fn timed(statements: u64, began: Instant) -> String {
    format!("{} in {:.1} s", counted(statements, "statement", "statements"), began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Partition;

    fn args(keys: &str) -> HiveqlArgs {
        toml::from_str(&format!("file = 'a.hql'\nstate-dir = '/lake/state/a'\n{keys}")).unwrap()
    }

    fn changed(days: &[&str]) -> Changed {
        let stamped =
            |day: &&str| Stamped { partition: Partition::new([("dt", *day)]), stamp: format!("load of {day}") };
        Changed {
            columns: vec!["dt".into()],
            pending: days.iter().map(stamped).collect(),
            done: 3,
            ..Changed::default()
        }
    }

    #[test]
    fn a_partition_is_a_run_of_the_file_or_all_of_them_are() {
        let run = variables::of_run(&Variables::new(), "a", "r", Timestamp::UNIX_EPOCH);
        let days = changed(&["2024-01-01", "2024-01-02"]);
        let each = units(Each::Partition, &run, Some(&days)).unwrap();
        let of: Vec<&str> = each.iter().filter_map(|unit| unit.of.as_deref()).collect();
        assert_eq!(of, ["dt=2024-01-01", "dt=2024-01-02"]);
        assert_eq!(each[1].variables["dt"], "2024-01-02");
        assert_eq!(each[1].stamps, [("dt=2024-01-02".to_owned(), "load of 2024-01-02".to_owned())]);

        let all = units(Each::Run, &run, Some(&days)).unwrap();
        assert_eq!((all.len(), all[0].stamps.len(), all[0].variables["changed_count"].as_str()), (1, 2, "2"));
        for each in [Each::Run, Each::Partition] {
            assert!(units(each, &run, Some(&changed(&[]))).unwrap().is_empty(), "nothing is new");
        }
        assert_eq!(units(Each::Run, &run, None).unwrap().len(), 1, "without a source it runs each time");
    }

    #[test]
    fn another_statement_or_variable_is_another_fingerprint() {
        let of = |text: &str, pairs: &[(&str, &str)]| {
            let acts = acts_below(Path::new(""), &[Source::Text(text.to_owned())], ";").unwrap();
            fingerprint(&acts, &pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let same = of("select 1; select 2", &[("a", "b")]);
        assert_eq!(same, of("-- said\nselect 1;\n\nselect 2;", &[("a", "b")]), "comments are not statements");
        assert_ne!(same, of("select 1; select 3", &[("a", "b")]));
        assert_ne!(same, of("select 1; select 2", &[("ab", "")]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.hql"), "select 1;\n!quit\nselect 2;").unwrap();
        std::fs::write(dir.path().join("empty.hql"), "-- nothing").unwrap();
        let keys = |keys: &str| check(&args(keys), dir.path()).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert!(keys("").is_empty() && keys("source = 'shop.clicks'\neach = 'partition'").is_empty());
        assert_eq!(keys("each = 'partition'"), ["source"]);
        assert_eq!(keys("source = 'a.b.c'"), ["source"]);
        assert_eq!(keys("variables = { run_id = '7' }\nrerun-on-change = true"), ["variables", "rerun-on-change"]);
        let acts = statements(&args(""), dir.path()).unwrap();
        assert_eq!(acts.len(), 1, "nothing behind !quit");
        for file in ["empty.hql", "missing.hql"] {
            let wrong = check(&HiveqlArgs { file: file.into(), state_dir: "state".into(), ..args("") }, dir.path());
            assert_eq!(wrong.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["state-dir", "file"]);
        }
    }
}

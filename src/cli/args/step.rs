//! Arguments of the commands that run steps: a pipeline file, or the flags of one step and of the servers it needs.

use std::path::PathBuf;

use clap::Args;

use crate::access::TlsOptions;
use crate::agent::AgentArgs;
use crate::cli::output::Output;
use crate::config::Timespan;
use crate::hbase::HBaseOptions;
use crate::hiveserver2::HiveServer2Options;
use crate::kerberos::KerberosOptions;
use crate::lookup::LookupArgs;
use crate::metastore::MetastoreOptions;
use crate::mysql::MySqlOptions;
use crate::pipeline::{Servers, Step, StepKind};
use crate::scd2::Scd2Args;
use crate::site::{self, Site};
use crate::storage::hdfs::HdfsOptions;
use crate::transfer::args::{ExportArgs, ImportAllArgs, ImportArgs, MergeArgs, ReconcileArgs, VerifyArgs};
use crate::trigger::TriggerArgs;

/// A command of one type of step.
#[derive(Clone, Debug, Args)]
pub struct StepCommand<T: Args> {
    /// A pipeline file (TOML), instead of flags
    #[arg(value_name = "PIPELINE")]
    pub pipeline: Option<PathBuf>,
    /// Run only this step of the file; may be given several times
    #[arg(long = "step", value_name = "NAME")]
    pub steps: Vec<String>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the pipeline file that says the same, and do nothing
    #[arg(long)]
    pub explain: bool,
    /// How the closing summary, or the plan, is printed
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// What is done.
    #[command(flatten)]
    pub args: T,
    /// Where the servers are.
    #[command(flatten)]
    pub connections: ConnectionArgs,
}

/// Headings of the servers' flags, by the server's table in a pipeline file.
pub(super) const HEADINGS: [(&str, &str); 7] = [
    ("mysql", "MySQL or MariaDB"),
    ("hdfs", "HDFS"),
    ("metastore", "Hive metastore"),
    ("hiveserver2", "HiveServer2"),
    ("hbase", "HBase"),
    ("kerberos", "Kerberos"),
    ("tls", "TLS to the cluster"),
];

/// Where the servers are.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct ConnectionArgs {
    /// How long each server has to accept a connection and give its first answer [default: 20s]
    #[arg(long, value_name = "TIME")]
    pub connect_timeout: Option<Timespan>,
    /// User in whose name all is done in the cluster, which must allow it to who logs in
    #[arg(long, value_name = "USER")]
    pub proxy_user: Option<String>,
    /// The database.
    #[command(flatten, next_help_heading = HEADINGS[0].1)]
    pub mysql: MySqlOptions,
    /// The cluster's filesystem.
    #[command(flatten, next_help_heading = HEADINGS[1].1)]
    pub hdfs: HdfsOptions,
    /// The Hive metastore.
    #[command(flatten, next_help_heading = HEADINGS[2].1)]
    pub metastore: MetastoreOptions,
    /// HiveServer2.
    #[command(flatten, next_help_heading = HEADINGS[3].1)]
    pub hiveserver2: HiveServer2Options,
    /// The HBase Thrift gateway.
    #[command(flatten, next_help_heading = HEADINGS[4].1)]
    pub hbase: HBaseOptions,
    /// Whose tickets are shown.
    #[command(flatten, next_help_heading = HEADINGS[5].1)]
    pub kerberos: KerberosOptions,
    /// What TLS stands on.
    #[command(flatten, next_help_heading = HEADINGS[6].1)]
    pub tls: TlsOptions,
}

impl ConnectionArgs {
    /// All servers that were named, by flags or by the site files.
    pub fn named(self) -> Servers {
        let mut servers = Servers {
            mysql: Some(self.mysql).filter(|m| m.url.is_some() || m.host.is_some()),
            hdfs: Some(self.hdfs).filter(|h| h.url.is_some() || h.configuration().is_some()),
            metastore: Some(self.metastore).filter(|m| !m.urls.is_empty() || site_names("hive.metastore.uris")),
            hiveserver2: Some(self.hiveserver2).filter(|h| !h.urls.is_empty()),
            hbase: Some(self.hbase).filter(|h| !h.urls.is_empty()),
            kerberos: Some(self.kerberos).filter(|given| *given != KerberosOptions::default()),
            tls: Some(self.tls).filter(|given| *given != TlsOptions::default()),
            proxy_user: self.proxy_user,
            ..Servers::default()
        };
        servers.limit_connecting(self.connect_timeout);
        servers
    }

    /// The servers that were named, and those of the step that need no name.
    pub fn servers(self, kind: &StepKind) -> Servers {
        let tables = tables_of(kind.as_str());
        let to_hbase = match kind {
            StepKind::Import(args) => args.hbase.table.is_some(),
            other => tables_of(other.as_str()).contains(&"hbase"),
        };
        let mut servers = Servers {
            mysql: Some(self.mysql).filter(|_| tables.contains(&"mysql")),
            hdfs: Some(self.hdfs).filter(|_| tables.contains(&"hdfs")),
            metastore: Some(self.metastore).filter(|given| *given != MetastoreOptions::default()),
            hiveserver2: Some(self.hiveserver2).filter(|h| !h.urls.is_empty()),
            hbase: Some(self.hbase.or_local()).filter(|_| to_hbase),
            kerberos: Some(self.kerberos).filter(|given| *given != KerberosOptions::default()),
            tls: Some(self.tls).filter(|given| *given != TlsOptions::default()),
            proxy_user: self.proxy_user,
            ..Servers::default()
        };
        servers.limit_connecting(self.connect_timeout);
        servers
    }
}

/// Whether Hive's site file has a setting.
fn site_names(setting: &str) -> bool {
    let places = ["HIVE_CONF_DIR", "HADOOP_CONF_DIR"].into_iter().filter_map(site::directory);
    places
        .filter_map(|place| Site::of_directory(&place, &["hive-site.xml"]).ok().flatten())
        .any(|site| site.get(setting).is_some())
}

/// The servers that a type of step may speak to; the help of its command shows no flags of others.
pub(super) fn tables_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "import" => &["mysql", "hdfs", "metastore", "hiveserver2", "hbase", "kerberos", "tls"],
        "import-all" => &["mysql", "hdfs", "metastore", "hiveserver2", "kerberos", "tls"],
        "export" | "verify" => &["mysql", "hdfs", "metastore", "kerberos", "tls"],
        "merge" => &["hdfs", "kerberos", "tls"],
        "reconcile" => &["mysql", "hdfs", "hiveserver2", "kerberos", "tls"],
        "agent" => &["hdfs", "metastore", "kerberos", "tls"],
        "scd2" => &["hdfs", "metastore", "hiveserver2", "kerberos", "tls"],
        "lookup" => &["hiveserver2", "hbase", "kerberos", "tls"],
        "trigger" => &["mysql", "hiveserver2", "kerberos", "tls"],
        _ => &[],
    }
}

/// The arguments of a type of step.
pub(crate) trait StepArgs: Args + Clone + PartialEq {
    /// The type, as a pipeline file names it.
    const TYPE: &'static str;

    /// The step of these arguments.
    fn step(self) -> Step;

    /// These arguments without those that may stand beside a pipeline file.
    fn without_additions(self) -> Self {
        self
    }

    /// Adds what may stand beside a pipeline file to a step of it.
    fn add_to(&self, _step: &mut StepKind) {}
}

/// The name of a step: that of its table, or its type where that is missing.
fn named(table: &str, kind: &str) -> String {
    if table.is_empty() { kind.to_owned() } else { table.to_owned() }
}

impl StepArgs for ImportArgs {
    const TYPE: &'static str = "import";

    fn step(self) -> Step {
        let name = self.table.clone().unwrap_or_else(|| "query".to_owned());
        Step { name, kind: StepKind::Import(Box::new(self)) }
    }
}

impl StepArgs for ImportAllArgs {
    const TYPE: &'static str = "import-all";

    fn step(self) -> Step {
        Step { name: "all".to_owned(), kind: StepKind::ImportAll(Box::new(self)) }
    }
}

impl StepArgs for ExportArgs {
    const TYPE: &'static str = "export";

    fn step(self) -> Step {
        let name = self.table.clone().or_else(|| self.call.clone()).unwrap_or_else(|| "export".to_owned());
        Step { name, kind: StepKind::Export(Box::new(self)) }
    }
}

impl StepArgs for MergeArgs {
    const TYPE: &'static str = "merge";

    fn step(self) -> Step {
        Step { name: "merge".to_owned(), kind: StepKind::Merge(Box::new(self)) }
    }
}

impl StepArgs for VerifyArgs {
    const TYPE: &'static str = "verify";

    fn step(self) -> Step {
        Step { name: named(&self.table, Self::TYPE), kind: StepKind::Verify(Box::new(self)) }
    }
}

impl StepArgs for ReconcileArgs {
    const TYPE: &'static str = "reconcile";

    fn step(self) -> Step {
        Step { name: Self::TYPE.to_owned(), kind: StepKind::Reconcile(Box::new(self)) }
    }

    fn without_additions(self) -> Self {
        Self { show: Self::default().show, ..self }
    }

    fn add_to(&self, step: &mut StepKind) {
        if let StepKind::Reconcile(step) = step
            && self.show != Self::default().show
        {
            step.show = self.show;
        }
    }
}

impl StepArgs for AgentArgs {
    const TYPE: &'static str = "agent";

    fn step(self) -> Step {
        Step {
            name: self.hive_table.clone().unwrap_or_else(|| "agent".to_owned()),
            kind: StepKind::Agent(Box::new(self)),
        }
    }

    fn without_additions(self) -> Self {
        Self { drain: false, ..self }
    }

    fn add_to(&self, step: &mut StepKind) {
        if let StepKind::Agent(agent) = step {
            agent.drain |= self.drain;
        }
    }
}

impl StepArgs for Scd2Args {
    const TYPE: &'static str = "scd2";

    fn step(self) -> Step {
        Step { name: named(&self.target, Self::TYPE), kind: StepKind::Scd2(Box::new(self)) }
    }

    fn without_additions(self) -> Self {
        let max_deletes = Self::USUAL_MAX_DELETES;
        Self { reapply_last: false, accept_shrunk_log: false, max_deletes, ..self }
    }

    fn add_to(&self, step: &mut StepKind) {
        if let StepKind::Scd2(scd2) = step {
            scd2.reapply_last |= self.reapply_last;
            scd2.accept_shrunk_log |= self.accept_shrunk_log;
            if self.max_deletes != Self::USUAL_MAX_DELETES {
                scd2.max_deletes = self.max_deletes;
            }
        }
    }
}

impl StepArgs for LookupArgs {
    const TYPE: &'static str = "lookup";

    fn step(self) -> Step {
        Step { name: self.hive_table.clone().unwrap_or_else(|| "lookup".to_owned()), kind: StepKind::Lookup(self) }
    }
}

impl StepArgs for TriggerArgs {
    const TYPE: &'static str = "trigger";

    fn step(self) -> Step {
        Step { name: named(&self.outbox, Self::TYPE), kind: StepKind::Trigger(Box::new(self)) }
    }
}

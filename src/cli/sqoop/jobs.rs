//! Sqoop's `job` tool: what is asked of a saved job, how one is made from an argument vector, and how it is shown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::given::Given;
use super::parse::parse;
use super::properties::Properties;
use super::tool::Tool;
use crate::cli::job::{Front, Job, State};
use crate::error::{self, Result};
use crate::secret;

/// What is asked of saved jobs.
#[derive(Debug)]
pub(crate) enum Ask {
    /// Save one.
    Create(String, Box<Job>),
    /// Run one, with these arguments added.
    Exec(String, Vec<String>, BTreeMap<String, String>),
    /// Delete one.
    Delete(String),
    /// Show one.
    Show(String),
    /// List them.
    List,
}

/// Sqoop's names of what an option sets, as `--show` prints them.
const PROPERTIES: [(&str, &str); 46] = [
    ("append", "hdfs.append.dir"),
    ("autoreset-to-one-mapper", "reset.onemapper"),
    ("boundary-query", "db.query.boundary"),
    ("call", "export.call"),
    ("check-column", "incremental.col"),
    ("clear-staging-table", "db.clear.staging.table"),
    ("column-family", "hbase.col.family"),
    ("columns", "db.column.list"),
    ("compress", "enable.compression"),
    ("compression-codec", "compression.codec"),
    ("connect", "db.connect.string"),
    ("create-hive-table", "hive.fail.table.exists"),
    ("delete-target-dir", "hdfs.delete-target.dir"),
    ("direct", "direct.import"),
    ("export-dir", "export.source.dir"),
    ("fetch-size", "import.fetch.size"),
    ("hbase-create-table", "hbase.create.table"),
    ("hbase-row-key", "hbase.row.key.col"),
    ("hbase-table", "hbase.table"),
    ("hcatalog-database", "hcatalog.database.name"),
    ("hcatalog-table", "hcatalog.table.name"),
    ("hive-database", "hive.database.name"),
    ("hive-delims-replacement", "hive.delims.replacement"),
    ("hive-drop-import-delims", "hive.drop.delims"),
    ("hive-import", "hive.import"),
    ("hive-overwrite", "hive.overwrite.table"),
    ("hive-partition-key", "hive.partition.key"),
    ("hive-partition-value", "hive.partition.value"),
    ("hive-table", "hive.table.name"),
    ("last-value", "incremental.last.value"),
    ("merge-key", "merge.key.col"),
    ("new-data", "merge.new.path"),
    ("null-non-string", "null.non-string"),
    ("null-string", "null.string"),
    ("num-mappers", "mapreduce.num.mappers"),
    ("onto", "merge.old.path"),
    ("password-file", "db.password.file"),
    ("query", "db.query"),
    ("split-by", "db.split.column"),
    ("split-limit", "split.limit"),
    ("staging-table", "db.staging.table"),
    ("table", "db.table"),
    ("target-dir", "hdfs.target.dir"),
    ("username", "db.username"),
    ("warehouse-dir", "hdfs.warehouse.dir"),
    ("where", "db.where.clause"),
];

/// Reads what the `job` tool is asked for.
///
/// # Errors
/// Usage: nothing or two things at once are asked for; those of the saved tool's arguments.
pub(super) fn ask(given: &Given, properties: &Properties) -> Result<Ask> {
    let acts = ["create", "exec", "delete", "show", "list"];
    let typed: Vec<&str> = acts.into_iter().filter(|act| given.has(act)).collect();
    let [act] = typed[..] else {
        return Err(error::usage(
            "one of --create, --delete, --exec, --list and --show is needed for job, and only one",
        )
        .hint("Try sqoop help job for usage instructions"));
    };
    let name = given.owned(act).unwrap_or_default();
    Ok(match act {
        "create" => Ask::Create(name, Box::new(of_arguments(&given.rest, properties.typed())?)),
        "exec" => Ask::Exec(name, given.rest.clone(), properties.typed()),
        "delete" => Ask::Delete(name),
        "show" => Ask::Show(name),
        _ => Ask::List,
    })
}

/// The job of a tool and its arguments. A password is not kept.
///
/// # Errors
/// Usage: there is no such tool, or it does not take the arguments.
pub(super) fn of_arguments(rest: &[String], mut properties: BTreeMap<String, String>) -> Result<Job> {
    let Some((name, args)) = rest.split_first() else {
        return Err(error::usage("No sub-tool specified; cannot create job.")
            .hint("write sqoop job --create JOB -- import --connect ..."));
    };
    let tool = Tool::of_name(name)?;
    if matches!(tool, Tool::Job | Tool::Help | Tool::Version) {
        return Err(error::usage(format!("{name} cannot be saved as a job")).hint("save an import or an export"));
    }
    let mut notes = Vec::new();
    let (own, args) = Properties::take(args, &mut notes)?;
    properties.extend(own.typed());
    let given = parse(tool, args, &mut notes)?;
    let mut asks_for_password = false;
    let mut arguments = Vec::new();
    for (opt, value) in &given.options {
        if opt.name == "P" || opt.name.ends_with("password") {
            // Passwords of other servers do nothing here.
            asks_for_password |= matches!(opt.name, "P" | "password");
            continue;
        }
        arguments.push(opt.typed());
        arguments.extend(value.as_ref().map(|value| {
            let (clean, password) = if opt.is_url() { secret::split_url(value) } else { (value.clone(), None) };
            asks_for_password |= password.is_some() && opt.name == "connect";
            clean
        }));
    }
    properties.retain(|name, _| !is_secret(name));
    for value in properties.values_mut().filter(|value| secret::is_in_url(value)) {
        *value = secret::split_url(value).0;
    }
    Ok(Job {
        arguments_of: Front::Sqoop,
        tool: tool.name().to_owned(),
        arguments,
        asks_for_password,
        properties,
        state: State::default(),
    })
}

/// Whether the value of a property is a password, by its name.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    (name.contains("password") || name.contains("secret"))
        && !["file", "env", "alias", "path"].iter().any(|source| name.ends_with(source))
}

/// The argument vector that runs a job; added options take the place of the saved ones.
///
/// # Errors
/// Usage: what is added is not an option of the tool.
pub(crate) fn vector(job: &Job, overrides: &[String], properties: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let tool = Tool::of_name(&job.tool)?;
    let mut notes = Vec::new();
    let (own, overrides) = Properties::take(overrides, &mut notes)?;
    let (saved, over) = (parse(tool, &job.arguments, &mut notes)?, parse(tool, overrides, &mut notes)?);
    let (mut all, mut asks) = (job.properties.clone(), job.asks_for_password);
    all.extend(properties.clone());
    all.extend(own.typed());
    let mut args = vec![job.tool.clone()];
    let is_incremental = saved.is_typed("incremental") || over.is_typed("incremental");
    if job.state.unfinished && is_incremental && !over.is_typed("last-value") {
        // The job's own last value may be older than the rows that its last run made visible.
        all.entry("sakia.step.incremental.start-from".to_owned()).or_insert_with(|| "recorded".to_owned());
    }
    for (name, value) in all {
        args.extend(["-D".to_owned(), format!("{name}={value}")]);
    }
    for (opt, value) in &saved.options {
        let last_value = job.state.last_value.as_ref().filter(|_| opt.name == "last-value");
        if !over.is_typed(opt.name) && last_value.is_none() {
            args.push(opt.typed());
            args.extend(value.clone());
        }
    }
    for (opt, value) in &over.options {
        args.push(opt.typed());
        args.extend(value.clone());
        let in_url = opt.name == "connect" && value.as_deref().is_some_and(secret::is_in_url);
        asks &= !opt.name.starts_with("password") && opt.name != "P" && !in_url;
    }
    if let Some(last_value) = job.state.last_value.clone().filter(|_| !over.is_typed("last-value")) {
        args.extend(["--last-value".to_owned(), last_value]);
    }
    if asks {
        args.push("-P".to_owned());
    }
    Ok(args)
}

/// A job as Sqoop's `--show` prints it: its own names of properties, and what is not said by its default.
///
/// # Errors
/// Usage: the file holds arguments of an unknown tool.
pub(crate) fn show(name: &str, job: &Job) -> Result<String> {
    let mut shown = BTreeMap::from([("verbose".to_owned(), "false".to_owned())]);
    shown.extend(job.properties.clone());
    if job.arguments_of == Front::Sqoop {
        let given = parse(Tool::of_name(&job.tool)?, &job.arguments, &mut Vec::new())?;
        shown.insert("incremental.mode".to_owned(), "None".to_owned());
        for (opt, value) in &given.options {
            let value = value.clone().unwrap_or_else(|| "true".to_owned());
            let (key, value) = match (opt.name, value.as_str()) {
                ("incremental", "append") => ("incremental.mode", "AppendRows".to_owned()),
                ("incremental", _) => ("incremental.mode", "DateLastModified".to_owned()),
                ("as-textfile", _) => ("hdfs.file.format", "TextFile".to_owned()),
                ("as-sequencefile", _) => ("hdfs.file.format", "SequenceFile".to_owned()),
                ("as-avrodatafile", _) => ("hdfs.file.format", "AvroDataFile".to_owned()),
                ("as-parquetfile", _) => ("hdfs.file.format", "ParquetFile".to_owned()),
                (name, _) => (PROPERTIES.iter().find(|(o, _)| *o == name).map_or(name, |(_, key)| *key), value),
            };
            shown.insert(key.to_owned(), value);
        }
    } else {
        shown.insert("arguments".to_owned(), job.arguments.join(" "));
    }
    // Jobs of earlier versions may hold what is not saved any more.
    for (name, value) in &mut shown {
        *value = if is_secret(name) { "***".to_owned() } else { secret::masked(value) };
    }
    if let Some(last_value) = &job.state.last_value {
        shown.insert("incremental.last.value".to_owned(), last_value.clone());
    }
    let verbose = shown.remove("verbose").unwrap_or_default();
    let mut text =
        format!("Job: {name}\nTool: {}\nOptions:\n----------------------------\nverbose = {verbose}", job.tool);
    for (key, value) in shown {
        // Writing to a string does not fail.
        let _ = write!(text, "\n{key} = {value}");
    }
    Ok(text)
}

/// The names of the jobs as Sqoop's `--list` prints them.
pub(crate) fn list(names: &[String]) -> String {
    let mut text = "Available jobs:".to_owned();
    for name in names {
        text.push_str("\n  ");
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::super::translate::Work;
    use super::*;

    fn saved(args: &[&str]) -> Job {
        match request(&[&["job", "--create", "j", "--"], args].concat()).unwrap().work {
            Work::Job(Ask::Create(name, job)) if name == "j" => *job,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_job_keeps_its_arguments_and_no_password() {
        let import = [
            "import",
            "-Da=1",
            "--connect",
            "jdbc:mysql://h/d",
            "--password",
            "s3cret",
            "--table",
            "t",
            "--incremental",
            "append",
            "--check-column",
            "id",
            "--last-value",
            "0",
            "-m",
            "1",
        ];
        let mut job = saved(&import);
        assert!(job.asks_for_password && !format!("{job:?}").contains("s3cret"));
        let none = BTreeMap::new();
        let typed = vector(&job, &[], &none).unwrap().join(" ");
        assert_eq!(
            typed,
            "import -D a=1 --connect jdbc:mysql://h/d --table t --incremental append --check-column id --last-value 0 \
             --num-mappers 1 -P"
        );
        let over = ["--table", "u", "--password-file", "/pw", "-m", "2"].map(str::to_owned);
        let typed = vector(&job, &over, &none).unwrap().join(" ");
        assert!(typed.contains("--table u") && !typed.contains("--table t") && !typed.ends_with("-P"), "{typed}");
        job.state.unfinished = true;
        let typed = vector(&job, &[], &none).unwrap().join(" ");
        assert!(typed.contains("-D sakia.step.incremental.start-from=recorded"), "{typed}");
        job.state = State { last_value: Some("41".to_owned()), ..State::default() };
        let typed = vector(&job, &[], &none).unwrap().join(" ");
        assert!(typed.contains("--last-value 41") && !typed.contains("--last-value 0"), "{typed}");
        assert_eq!(
            show("j", &job).unwrap(),
            "Job: j\nTool: import\nOptions:\n----------------------------\nverbose = false\na = 1\n\
             db.connect.string = jdbc:mysql://h/d\ndb.table = t\nincremental.col = id\nincremental.last.value = 41\n\
             incremental.mode = AppendRows\nmapreduce.num.mappers = 1"
        );
        assert_eq!(list(&["a".to_owned(), "b".to_owned()]), "Available jobs:\n  a\n  b");
    }

    #[test]
    fn a_password_in_a_url_or_a_property_is_not_kept() {
        for url in ["jdbc:mysql://u:s3cret@h/d", "jdbc:mysql://h/d?user=u&password=s3cret"] {
            let hive = ["--hive-import", "--hs2-url", "jdbc:hive2://h:1/;password=s3cret", "--hs2-password", "s3cret"];
            let in_property = "-Dsakia.hiveserver2.url=jdbc:hive2://h:1/d;user=u;password=s3cret";
            let generic = ["import", "-Dhive.metastore.uris=thrift://m:1", "-Dfs.s3a.secret.key=s3cret", in_property];
            let job = saved(&[&generic[..], &["--connect", url, "--table", "t"], &hive].concat());
            assert!(job.asks_for_password && !format!("{job:?}").contains("s3cret"), "{job:?}");
            assert!(vector(&job, &[], &BTreeMap::new()).unwrap().ends_with(&["-P".to_owned()]));
            let over = ["--connect", url].map(str::to_owned);
            assert!(!vector(&job, &over, &BTreeMap::new()).unwrap().contains(&"-P".to_owned()));
            // As earlier versions saved it.
            let arguments = ["--connect", url, "--table", "t"].map(str::to_owned).into();
            let old = Job { arguments, properties: BTreeMap::from([("a.password".into(), "s3cret".into())]), ..job };
            let shown = show("j", &old).unwrap();
            assert!(!shown.contains("s3cret") && shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn jobs_are_checked_when_they_are_made() {
        for args in [
            &["job", "--create", "j", "--", "import", "--table", "t"][..],
            &["job", "--create", "j"],
            &["job", "--create", "j", "--", "job", "--list"],
            &["job", "--create", "j", "--list"],
            &["job"],
            &["job", "--list", "--meta-connect", "jdbc:hsqldb:hsql://h:16000/sqoop"],
        ] {
            assert!(request(args).is_err(), "{args:?}");
        }
    }
}

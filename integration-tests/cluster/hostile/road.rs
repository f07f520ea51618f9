//! The road of a table: import in every format, comparison, Hive, export; at each end its cells are asked for.

use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cells::Form;
use super::server::{DATABASE, Server};
use super::table::{Column, Table, quoted};
use crate::stack;

/// Formats, and what more a step says of them.
const FORMATS: [(&str, &str); 4] = [("parquet", ""), ("avro", ""), ("text", TEXT), ("sequence", TEXT)];
const TEXT: &str = "text = { fields-terminated-by = '\\0x01', escaped-by = '\\', \
                    null-string = '\\N', null-non-string = '\\N' }\n";

type Rows = Vec<Vec<String>>;
type Registered = BTreeMap<(u64, &'static str), (String, Table)>;

pub struct Road {
    /// The Hive database and the directory below `/it`.
    name: String,
    dir: tempfile::TempDir,
    /// Every import goes to a directory and a Hive table of its own.
    imports: AtomicUsize,
    /// The Hive tables, by the number of the table that they were made from and the format.
    registered: Mutex<Registered>,
}

/// What a run of sakia said.
struct Run {
    code: i32,
    said: String,
}

impl Road {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { name: stack::unique("hostile"), dir, imports: AtomicUsize::new(0), registered: Mutex::default() }
    }

    /// Takes a table through every format and back. The error says where it went wrong.
    pub fn walk(&self, server: &Server, table: &Table) -> Result<(), String> {
        server.sql(&format!("{}{}", self.reset(table, server), table.script(server)))?;
        let want = cells(server, table, &table.name, UTC)?;
        for (format, more) in FORMATS {
            self.walk_format(server, table, &want, format, more).map_err(|why| format!("{format}: {why}"))?;
        }
        Ok(())
    }

    fn reset(&self, table: &Table, server: &Server) -> String {
        let got = got(table);
        let drop = format!("DROP TABLE IF EXISTS {}, {};\n", quoted(&table.name), quoted(&got));
        format!("{drop}{}", table.create(&got, server))
    }

    fn walk_format(
        &self,
        server: &Server,
        table: &Table,
        want: &Rows,
        format: &'static str,
        more: &str,
    ) -> Result<(), String> {
        let name = format!("t{}_{format}", self.imports.fetch_add(1, Ordering::Relaxed));
        let target = format!("/it/{}/{name}", self.name);
        let hive = format!("hive-database = '{}'\nhive-table = '{name}'\n", self.name);
        let import = |hive: &str| {
            format!(
                "type = 'import'\ntable = {}\ntarget-dir = '{target}'\nas = '{format}'\nnum-mappers = 3\n\
                 autoreset-to-one-mapper = true\nexisting = 'delete'\n{more}{hive}",
                toml::Value::String(table.name.clone())
            )
        };
        let in_hive = self.run(server, &import(&hive));
        let registered = in_hive.code == 0;
        if !registered {
            refused(table, format, &in_hive)?;
            let alone = self.run(server, &import(""));
            if alone.code != 0 {
                return refused(table, "", &alone);
            }
        }
        let mut sources = vec![("target-dir", "export-dir", target)];
        if registered {
            self.registered.lock().unwrap().insert((table.number, format), (name, table.clone()));
            sources.push(("hive", "hive", hive));
        }
        for (compared, exported, of) in sources {
            let from = |key: &str| if key == "hive" { of.clone() } else { format!("{key} = '{of}'\n") };
            let more = if compared == "hive" { "" } else { more };
            let name = toml::Value::String(table.name.clone());
            let verify = self.run(server, &format!("type = 'verify'\ntable = {name}\n{}{more}", from(compared)));
            verify.succeeded("verify")?;
            server.sql(&format!("DELETE FROM {}", quoted(&got(table))))?;
            let step = format!("type = 'export'\ntable = '{}'\n{}{more}", got(table), from(exported));
            self.run(server, &step).succeeded("export")?;
            differs(table, want, &cells(server, table, &got(table), UTC)?)
                .map_err(|why| format!("{exported}: {why}"))?;
        }
        Ok(())
    }

    /// Tables whose cells beeline shows otherwise than their server. One run of beeline asks for all of them.
    pub fn hive_differs(&self, servers: &[Server; 2], tables: &[Table]) -> Vec<(Table, String)> {
        let registered = self.registered.lock().unwrap();
        let here = || registered.iter().filter(|(_, (_, table))| tables.iter().any(|of| of.number == table.number));
        let mut shown: BTreeMap<String, Rows> = BTreeMap::new();
        let queries: String = here().map(|(_, (name, table))| self.query(name, table)).collect();
        let (rows, errors) = asked_of_beeline(&queries);
        for mut row in rows {
            let name = row.remove(0);
            shown.entry(name).or_default().push(row);
        }
        let mut failed = Vec::new();
        for ((_, format), (name, table)) in here() {
            let rows = shown.remove(name).unwrap_or_default();
            let clock = if is_text(format) { "" } else { UTC };
            let want = cells(super::server_of(servers, table), table, &table.name, clock);
            if let Err(why) = want.and_then(|want| differs(table, &want, &rows)) {
                failed.push((table.clone(), format!("{format} read by beeline: {why}\n{errors}")));
            }
        }
        // An empty table that cannot be read shows the same nothing as one that can.
        assert!(!failed.is_empty() || errors.is_empty(), "{errors}");
        failed
    }

    /// Names of columns are left to Hive: `select *` must work, and cells are asked for by their places.
    fn query(&self, name: &str, table: &Table) -> String {
        let in_text = is_text(name);
        let places: Vec<String> = (0..table.columns.len()).map(|place| format!("c{place}")).collect();
        let asked = table.columns.iter().zip(&places).map(|(column, place)| column.kind.ask_hive(place, in_text));
        format!(
            "with x({}) as (select * from {}.{name}) select '{name}', {} from x;\n",
            places.join(", "),
            self.name,
            asked.collect::<Vec<_>>().join(", ")
        )
    }

    fn run(&self, server: &Server, step: &str) -> Run {
        let file = tempfile::Builder::new().suffix(".toml").tempfile_in(self.dir.path()).unwrap();
        let pipeline = format!(
            "[mysql]\nurl = 'mysql://loader@127.0.0.1:{}/{DATABASE}'\n\
             [hdfs]\nurl = 'hdfs://{}'\nuser = 'root'\n[metastore]\nurl = 'thrift://{}'\n\
             [[step]]\nname = 'step'\n{step}",
            server.port,
            stack::address("NAMENODE_PORT"),
            stack::address("METASTORE_PORT")
        );
        std::fs::write(file.path(), pipeline).unwrap();
        let output = stack::sakia().arg("run").arg(file.path()).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Run { code: output.status.code().unwrap_or(-1), said }
    }

    pub fn clear(&self) {
        stack::beeline(&format!("drop database if exists {} cascade", self.name));
        stack::hdfs_shell(&["dfs", "-rm", "-r", "-f", "-skipTrash", &format!("/it/{}", self.name)]);
    }
}

impl Run {
    fn succeeded(&self, what: &str) -> Result<(), String> {
        if self.code == 0 { Ok(()) } else { Err(format!("{what} ends with {}:\n{}", self.code, self.said)) }
    }
}

/// Rows and errors of queries, all of which are run.
fn asked_of_beeline(queries: &str) -> (Rows, String) {
    let mut script = tempfile::tempfile().unwrap();
    script.write_all(queries.as_bytes()).and_then(|()| script.rewind()).unwrap();
    let output = Command::new(stack::root().join("docker/bin/tool"))
        .args(["beeline", "--silent=true", "--force=true", "--outputformat=tsv2", "--showHeader=false"])
        .args(["-f", "/dev/stdin"])
        .stdin(script)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = printed.lines().filter(|line| !line.trim().is_empty());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = errors.lines().filter(|line| line.starts_with("Error")).map(|line| format!("{line}\n")).collect();
    (rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect(), errors)
}

fn got(table: &Table) -> String {
    format!("got_{}", table.number)
}

/// A refusal is right where the table or its format gives a reason that the error names, and nothing was done.
fn refused(table: &Table, format: &str, run: &Run) -> Result<(), String> {
    let micros = |column: &Column| format == "avro" && column.kind.sql() == "DATETIME(6)";
    let reason = !table.is_ordinary() || table.columns.iter().any(micros);
    let names = table.columns.iter().map(|column| &column.name).chain([&table.name]);
    let named = names.clone().any(|name| run.said.contains(name) || run.said.contains(&format!("{name:?}")));
    if reason && named && matches!(run.code, 1 | 2) {
        println!(
            "table {} {format}: {}",
            table.number,
            run.said.lines().find(|line| line.contains("error")).unwrap_or("")
        );
        return Ok(());
    }
    Err(format!("import ends with {}, and that is not a refusal by name:\n{}", run.code, run.said))
}

/// Text holds of a TIMESTAMP what the server's clock shows, everything else the instant.
fn is_text(format: &str) -> bool {
    format.ends_with("text") || format.ends_with("sequence")
}

const UTC: &str = "SET time_zone = '+00:00';\n";

/// The cells of a table as its server says them, its times by a clock: that of UTC, or the server's own.
fn cells(server: &Server, table: &Table, name: &str, clock: &str) -> Result<Rows, String> {
    let asked = table.columns.iter().map(|column| column.kind.ask_mysql(&quoted(&column.name)));
    let asked: Vec<String> = asked.collect();
    server.sql(&format!("{clock}SELECT {} FROM {};\n", asked.join(", "), quoted(name)))
}

/// Whether the same rows are on both sides, in any order.
fn differs(table: &Table, want: &Rows, found: &Rows) -> Result<(), String> {
    let sorted = |rows: &Rows| {
        let cell = |(column, cell): (&Column, &String)| canonical(column.kind.form(), cell);
        let row = |row: &Vec<String>| table.columns.iter().zip(row).map(cell).collect::<Vec<_>>();
        let mut rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        rows.sort();
        rows
    };
    let (want, found) = (sorted(want), sorted(found));
    if want == found {
        return Ok(());
    }
    let missing: Vec<_> = want.iter().filter(|row| !found.contains(row)).take(3).collect();
    let strange: Vec<_> = found.iter().filter(|row| !want.contains(row)).take(3).collect();
    Err(format!("{} rows, {} found\n  missing {missing:?}\n  found {strange:?}", want.len(), found.len()))
}

/// One form for the answers of all.
fn canonical(form: Form, cell: &str) -> String {
    match form {
        _ if cell == "NULL" => cell.to_owned(),
        Form::Exact => cell.to_owned(),
        Form::Boolean => cell.to_lowercase().replace("true", "1").replace("false", "0"),
        Form::Fraction if cell.contains('.') => cell.trim_end_matches('0').trim_end_matches('.').to_owned(),
        Form::Fraction => cell.to_owned(),
        // Whole, as both print as many digits as tell a number from its neighbours.
        Form::Single => cell.parse::<f32>().map_or_else(|_| cell.to_owned(), |number| format!("{number:e}")),
        Form::Floating => cell.parse::<f64>().map_or_else(|_| cell.to_owned(), |number| format!("{number:e}")),
    }
}

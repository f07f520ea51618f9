//! The arguments of `query`. Those of Hive's own shell are brought to these first (`cli::query::beeline`).

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::step::HEADINGS;
use crate::access::TlsOptions;
use crate::config::Timespan;
use crate::hiveserver2::HiveServer2Options;
use crate::kerberos::KerberosOptions;

/// Options of `query`.
#[derive(Debug, Args)]
pub struct QueryCommand {
    /// Statements to run; may be given several times
    #[arg(short = 'e', long = "execute", value_name = "SQL", allow_hyphen_values = true, conflicts_with = "files")]
    pub statements: Vec<String>,
    /// File of statements to run, - for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// File of statements to run before the others; may be given several times
    #[arg(short = 'i', long = "init", value_name = "FILE")]
    pub inits: Vec<PathBuf>,
    /// HiveServer2, as jdbc:hive2://HOST:PORT/DATABASE;PARAMETER=VALUE?SETTING=VALUE#VARIABLE=VALUE or HOST:PORT; the same
    /// as --hiveserver2-url
    #[arg(short = 'u', long, value_name = "URL", conflicts_with = "hiveserver2_url")]
    pub url: Option<String>,
    /// User to act as [default: that of the URL, else anonymous]; the same as --hiveserver2-user
    #[arg(short = 'n', long, value_name = "USER", conflicts_with = "hiveserver2_user")]
    pub user: Option<String>,
    /// Password, which others on this machine can see in the list of processes; without a value it is asked for
    #[arg(short = 'p', long, value_name = "PASSWORD", num_args = 0..=1, default_missing_value = "")]
    pub password: Option<String>,
    /// File that holds the password; the same as --hiveserver2-password-file
    #[arg(short = 'w', long, value_name = "FILE", conflicts_with = "hiveserver2-password_file")]
    pub password_file: Option<PathBuf>,
    /// Pipeline file whose [hiveserver2], [kerberos] and [tls] say how the server is spoken to
    #[arg(long, value_name = "FILE")]
    pub pipeline: Option<PathBuf>,
    /// A variable, which statements name as ${NAME} or ${hivevar:NAME}; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub hivevar: Vec<(String, String)>,
    /// A setting of Hive for the session; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub hiveconf: Vec<(String, String)>,
    /// How rows are written: values as Hive sends them [default: table]
    #[arg(long, value_enum, conflicts_with = "outputformat")]
    pub output: Option<QueryOutput>,
    /// How rows are written, by beeline's names: the bytes that beeline writes
    #[arg(long, value_enum)]
    pub outputformat: Option<BeelineOutput>,
    /// File that rows are written to, there when all of them are [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// What stands for NULL in tables and between delimiters
    #[arg(long, value_name = "TEXT", default_value = "NULL")]
    pub null_string: String,
    /// Whether the names of the columns come first
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "true", default_missing_value = "true")]
    #[arg(action = clap::ArgAction::Set, require_equals = true)]
    pub show_header: bool,
    /// Rows of a table after which the names of the columns are repeated; 0 for never
    #[arg(long, value_name = "ROWS", default_value = "100")]
    pub header_interval: usize,
    /// Columns of a table are padded up to this width; longer values are not cut
    #[arg(long, value_name = "CHARACTERS", default_value = "50")]
    pub max_column_width: usize,
    /// Delimiter of --outputformat dsv
    #[arg(long, value_name = "CHARACTER", default_value = "|")]
    pub dsv_delimiter: char,
    /// What ends a statement
    #[arg(long, value_name = "TEXT", default_value = ";", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub delimiter: String,
    /// Run the next statement when one failed; the exit code says that some did
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true")]
    #[arg(action = clap::ArgAction::Set, require_equals = true)]
    pub force: bool,
    /// Say nothing but errors: no counts, no log of the server
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true")]
    #[arg(action = clap::ArgAction::Set, require_equals = true)]
    pub silent: bool,
    /// The server and the login.
    #[command(flatten)]
    pub server: QueryServer,
}

/// How a HiveServer2 is spoken to.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct QueryServer {
    /// How long the server has to accept a connection and give its first answer [default: 20s]
    #[arg(long, value_name = "TIME")]
    pub connect_timeout: Option<Timespan>,
    /// User in whose name all is done in the cluster, which must allow it to who logs in
    #[arg(long, value_name = "USER")]
    pub proxy_user: Option<String>,
    /// HiveServer2.
    #[command(flatten, next_help_heading = HEADINGS[3].1)]
    pub hiveserver2: HiveServer2Options,
    /// Whose tickets are shown.
    #[command(flatten, next_help_heading = HEADINGS[5].1)]
    pub kerberos: KerberosOptions,
    /// What TLS stands on.
    #[command(flatten, next_help_heading = HEADINGS[6].1)]
    pub tls: TlsOptions,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryOutput {
    /// A table for people
    Table,
    /// Commas between values; what needs it is quoted, so that NULL is told from every text
    Csv,
    /// Tabs between values, quoted in the same way
    Tsv,
    /// A list of objects, one a line
    Json,
    /// Objects, one a line, without a list
    Jsonl,
    /// One line a value
    Vertical,
    /// A Parquet file of the result's types; needs --output-file, or a pipe
    Parquet,
}

/// The forms of beeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BeelineOutput {
    /// A table
    Table,
    /// One line a value
    Vertical,
    /// Commas between values, nothing quoted
    Csv2,
    /// Tabs between values, nothing quoted
    Tsv2,
    /// --dsv-delimiter between values, nothing quoted
    Dsv,
    /// Commas, each value between apostrophes
    Csv,
    /// Tabs, each value between apostrophes
    Tsv,
    /// One object with the list `resultset`
    Json,
    /// Objects, one a line
    Jsonfile,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is NAME=VALUE".to_owned()),
    }
}

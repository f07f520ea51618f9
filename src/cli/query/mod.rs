//! `query`: statements of people and scripts, with the options of Hive's own shell.

mod beeline;

use std::io::IsTerminal;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

pub(super) use self::beeline::translated;
use super::args::{BeelineOutput, QueryCommand, QueryOutput, QueryServer};
use super::output::tell;
use crate::access::TlsOptions;
use crate::error::{self, Result};
use crate::hiveserver2::HiveServer2Options;
use crate::kerberos::KerberosOptions;
use crate::pipeline::{Pipeline, Servers};
use crate::query::{Form, Look, Quoting, Request, Sink, Source, Style, Wrapping, acts, run as run_all};
use crate::secret::Secret;
use crate::shutdown::Stop;

/// What makes result columns of Parquet files bear their own names, without the table's in front.
const PLAIN_NAMES: (&str, &str) = ("hive.resultset.use.unique.column.names", "false");

/// Runs the statements.
///
/// # Errors
/// Usage: nothing to run, or what cannot be written so. Those of the server and of the statements.
pub(super) async fn run(command: QueryCommand, verbose: bool, stop: &Stop) -> Result<()> {
    // Before standard input is read, which may be a terminal's.
    end_at_a_second_request(stop.clone());
    let acts = acts(&sources(&command)?, &command.delimiter)?;
    let style = style(&command);
    check_null(&style)?;
    let sink = match &command.output_file {
        Some(file) => Sink::file(file)?,
        None => Sink::stdout(),
    };
    if style.form == Form::Parquet && sink.is_terminal() {
        return Err(error::usage("a parquet file is not for a terminal").hint("give --output-file"));
    }
    let silent = command.silent;
    let shows_log = !silent && (verbose || std::io::stderr().is_terminal());
    let request = Request { acts, style, force: command.force, silent, shows_log };
    let options = options(command)?;
    run_all(&options, &request, sink, &mut tell, stop).await
}

/// The first Ctrl-C asks the server to cancel, which may take as long as a task; the second waits for nothing.
fn end_at_a_second_request(stop: Stop) {
    tokio::spawn(async move {
        stop.requested().await;
        // Where no handler can be installed the first request has to do.
        if let Ok(mut again) = signal(SignalKind::interrupt()) {
            again.recv().await;
            std::process::exit(130);
        }
    });
}

fn sources(command: &QueryCommand) -> Result<Vec<Source>> {
    let file = |file: &Path| if file == Path::new("-") { Source::Input } else { Source::File(file.to_owned()) };
    let mut sources: Vec<Source> = command.inits.iter().map(|init| file(init)).collect();
    sources.extend(command.statements.iter().cloned().map(Source::Text));
    sources.extend(command.files.iter().map(|name| file(name)));
    if command.statements.is_empty() && command.files.is_empty() {
        if std::io::stdin().is_terminal() {
            return Err(error::usage("there is no statement to run").hint("give one by -e, or a file by -f"));
        }
        sources.push(Source::Input);
    }
    Ok(sources)
}

fn style(command: &QueryCommand) -> Style {
    let separated = Form::Separated;
    let (form, look) = match (command.output, command.outputformat) {
        (_, Some(of_beeline)) => {
            let form = match of_beeline {
                BeelineOutput::Table => Form::Table,
                BeelineOutput::Vertical => Form::Vertical,
                BeelineOutput::Csv2 => separated(',', Quoting::None),
                BeelineOutput::Tsv2 => separated('\t', Quoting::None),
                BeelineOutput::Dsv => separated(command.dsv_delimiter, Quoting::None),
                BeelineOutput::Csv => separated(',', Quoting::Apostrophes),
                BeelineOutput::Tsv => separated('\t', Quoting::Apostrophes),
                BeelineOutput::Json => Form::Json(Wrapping::ResultSet),
                BeelineOutput::Jsonfile => Form::Json(Wrapping::Lines),
            };
            (form, Look::Beeline)
        }
        (given, None) => {
            let form = match given.unwrap_or(QueryOutput::Table) {
                QueryOutput::Table => Form::Table,
                QueryOutput::Csv => separated(',', Quoting::Double),
                QueryOutput::Tsv => separated('\t', Quoting::Double),
                QueryOutput::Json => Form::Json(Wrapping::List),
                QueryOutput::Jsonl => Form::Json(Wrapping::Lines),
                QueryOutput::Vertical => Form::Vertical,
                QueryOutput::Parquet => Form::Parquet,
            };
            (form, Look::Hive)
        }
    };
    Style {
        form,
        look,
        null: command.null_string.clone(),
        header: command.show_header,
        header_interval: command.header_interval,
        max_column_width: command.max_column_width,
    }
}

/// Between delimiters NULL is what stands without quotes, which has to be one value.
fn check_null(style: &Style) -> Result<()> {
    let breaks = |delimiter: char| style.null.contains([delimiter, '"', '\n', '\r']);
    match style.form {
        Form::Separated(delimiter, Quoting::Double) if breaks(delimiter) => Err(error::usage(format!(
            "--null-string {:?} cannot be told from other values: it holds a delimiter, a quote or a line end",
            style.null
        ))),
        _ => Ok(()),
    }
}

/// How the server is spoken to, and what the session begins with.
fn options(command: QueryCommand) -> Result<HiveServer2Options> {
    let mut options = connection(command.server, command.pipeline.as_deref())?;
    if let Some(url) = command.url {
        options.urls = vec![url];
    }
    options.user = command.user.or(options.user);
    options.password_file = command.password_file.or(options.password_file);
    match command.password.as_deref() {
        Some("") if std::io::stdin().is_terminal() => options.password_prompt = true,
        Some("") | None => {}
        Some(password) => {
            if !command.silent {
                tracing::warn!("others on this machine can see the password in the list of processes: give -w FILE");
            }
            options.password = Some(Secret::new(password));
        }
    }
    options.configuration.extend(command.hiveconf);
    if command.output == Some(QueryOutput::Parquet) {
        options = options.default_setting(PLAIN_NAMES.0, PLAIN_NAMES.1);
    }
    options.shell = Some(command.hivevar.into_iter().collect());
    Ok(options)
}

/// The server of the flags, or of a pipeline file.
fn connection(server: QueryServer, pipeline: Option<&Path>) -> Result<HiveServer2Options> {
    match pipeline {
        Some(file) if super::steps::untyped().as_ref() != Some(&server) => {
            Err(error::usage(format!("{} is given, and flags of the server beside it", file.display()))
                .hint("put the flags into the file, or leave the file out; -u, -n, -p and -w may stand beside it"))
        }
        Some(file) => Pipeline::read(file)?.hiveserver2(),
        None => {
            let mut servers = Servers {
                hiveserver2: Some(server.hiveserver2),
                kerberos: Some(server.kerberos).filter(|given| *given != KerberosOptions::default()),
                tls: Some(server.tls).filter(|given| *given != TlsOptions::default()),
                proxy_user: server.proxy_user,
                ..Servers::default()
            };
            servers.limit_connecting(server.connect_timeout);
            Pipeline::of_servers(servers)?.hiveserver2()
        }
    }
}

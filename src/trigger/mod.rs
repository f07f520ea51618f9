//! Triggers: what a Hive query says about customers becomes events that others act on, such as a cart that was left behind
//! or a segment that somebody came into or left. We hand events over; what is sent to people, others send.
//!
//! ```text
//! query in Hive, consent in Hive -> events -> outbox in MySQL -> files of JSON lines, or a webhook
//! ```
//!
//! **Once.** The id of an event is the SHA-256 of what it is about: the trigger, the key and, of a segment, how many times
//! it was come into or left before. It is unique in the outbox, which is written in one transaction with who is in the
//! segment, so a run that is killed anywhere and run again makes no event twice. Handing over is at least once, with that id
//! on each event: a file that is written again has the name and the bytes that it had, and a request that is sent again has
//! the id and the body that it had.
//!
//! **Consent.** Rows whose subject is not among those of the consent query make no event; of a segment, who takes consent
//! back has left it. It is asked again before an event that waits is handed over. That somebody left is always told, since
//! it asks the receiver to stop.
//!
//! One run at a time works on a trigger of an outbox: it holds a lock of the server's that dies with its connection.
//!
//! | file | what it does |
//! |---|---|
//! | `args` | what a step is told |
//! | `statement` | the queries: files with variables |
//! | `rows` | what Hive answers |
//! | `events` | which events the rows make: pure |
//! | `outbox` | the tables in MySQL |
//! | `file` | events as files of JSON lines |
//! | `webhook` | events as signed requests |

mod args;
mod events;
mod file;
mod outbox;
mod rows;
mod statement;
mod webhook;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use crate::error::{self, Error, Result};
use crate::hiveserver2::{HiveServer2Options, Session};
use crate::mysql::MySqlClient;
use crate::shutdown::Stop;
use crate::telemetry::summary::{Outcome, StepSummary, counted};

pub(crate) use self::args::TriggerArgs;
use self::args::{On, WebhookArgs};
use self::events::{Happened, Made};
use self::outbox::Outbox;
use self::rows::Candidates;
use self::statement::Statements;
use self::webhook::Webhook;

/// What became of events that were waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Delivered {
    events: u64,
    bytes: u64,
    files: u64,
    refused: u64,
}

/// What is wrong with a step, each with its key; reads its files, asks no server.
pub(crate) fn check(args: &TriggerArgs, base: &Path) -> Vec<(&'static str, Error)> {
    let mut wrong = args.wrong();
    if wrong.is_empty() {
        wrong.extend(Statements::read(args, base).err().map(|e| ("query-file", e)));
    }
    wrong
}

/// What would be asked and where events would go, in words; nothing is asked or changed.
///
/// # Errors
/// Config: a file that cannot be read.
pub(crate) fn plan(args: &TriggerArgs, base: &Path) -> Result<String> {
    let statements = Statements::read(args, base)?;
    let to = match (&args.file_dir, &args.webhook) {
        (Some(dir), _) => format!("files of JSON lines in {}", dir.display()),
        (None, Some(webhook)) => format!("requests to {}", webhook.url),
        (None, None) => "nobody; readers of the outbox take them".to_owned(),
    };
    let indented = |text: &str| text.replace('\n', "\n              ");
    let consent = statements.consent.as_deref().map_or_else(|| "not asked".to_owned(), indented);
    Ok(format!(
        "  outbox      {}, made if missing\n  hands to    {to}\n  consent     {consent}\n  query       {}",
        args.outbox,
        indented(&statements.query)
    ))
}

/// Makes the events of a trigger and hands over those that wait.
///
/// # Errors
/// Config (files, names), Schema (the result lacks a column), Data (a NULL or doubled key), Busy (another run), those of the
/// servers; Stopped. With the effect Partial once an event was handed over.
pub(crate) async fn run(
    args: &TriggerArgs,
    step: &str,
    base: &Path,
    mysql: &MySqlClient,
    hive: &HiveServer2Options,
    run_id: &str,
    stop: &Stop,
) -> Result<StepSummary> {
    let started = Instant::now();
    let statements = Statements::read(args, base)?;
    let webhook = args.webhook.as_ref().map(|webhook| Webhook::new(webhook, base)).transpose()?;
    let mut outbox = stop.or(Outbox::open(mysql, &args.outbox, step)).await?;
    let (candidates, consent) = ask(args, &statements, hive, stop).await?;
    let state = match args.on {
        On::Row => outbox.known(&candidates.ids(step)).await?,
        On::Membership => outbox.members().await?,
    };
    let made = events::make(step, args.on, &candidates, consent.as_ref(), &state)?;
    refuse_flood(args, &made)?;
    stop.check()?;
    outbox.write(&made, run_id).await?;
    let withheld = outbox.withhold(consent.as_ref()).await?;
    let delivered = match (&args.file_dir, &webhook) {
        (Some(dir), _) => file::deliver(&mut outbox, &base.join(dir), step, run_id, stop).await?,
        (None, Some(webhook)) => webhook::deliver(&mut outbox, webhook, stop).await?,
        (None, None) => Delivered::default(),
    };
    outbox.close().await;
    Ok(summary(&candidates, &made, withheld, delivered, started))
}

/// Asks Hive for the rows, and for those who may be written to.
async fn ask(
    args: &TriggerArgs,
    statements: &Statements,
    hive: &HiveServer2Options,
    stop: &Stop,
) -> Result<(Candidates, Option<BTreeSet<String>>)> {
    let session = stop.or(Session::open_exact(hive)).await?;
    if !args.database.is_empty() {
        session.execute(&format!("USE {}", crate::hiveserver2::quote::name(&args.database)), stop).await?;
    }
    let answer = session.query(&statements.query, stop).await?;
    let candidates = Candidates::of(args, answer)?;
    let consent = match &statements.consent {
        None => None,
        Some(query) => {
            let answer = session.query(query, stop).await.map_err(|e| e.context("asking for consent"))?;
            Some(rows::consent(answer)?)
        }
    };
    session.close().await?;
    Ok((candidates, consent))
}

/// Refuses more events at once than were asked for: a query that went wrong would write to everybody.
fn refuse_flood(args: &TriggerArgs, made: &Made) -> Result<()> {
    match args.max_events {
        Some(most) if made.events.len() as u64 > most => {
            let what = format!("{} events at once, and max-events is {most}: nothing was written", made.events.len());
            Err(error::data(what).hint("look at the query; raise max-events if so many are meant"))
        }
        _ => Ok(()),
    }
}

fn summary(candidates: &Candidates, made: &Made, withheld: u64, delivered: Delivered, started: Instant) -> StepSummary {
    let mut summary = StepSummary::new("trigger");
    let of = |what: Happened| made.events.iter().filter(|event| event.happened == what).count() as u64;
    let mut words: Vec<String> = [Happened::Fired, Happened::Entered, Happened::Left]
        .into_iter()
        .filter(|what| of(*what) > 0)
        .map(|what| format!("{} {}", of(what), what.as_str()))
        .collect();
    words.push(format!("{} handed over", counted(delivered.events, "event", "events")));
    for (count, what) in
        [(made.without_consent, "without consent"), (withheld, "withheld"), (delivered.refused, "refused")]
    {
        if count > 0 {
            words.push(format!("{count} {what}"));
        }
    }
    if !made.events.is_empty() || delivered != Delivered::default() || withheld > 0 {
        summary.outcome = Outcome::Done;
    }
    (summary.rows_in, summary.rows_out) = (candidates.rows.len() as u64, made.events.len() as u64);
    summary.rejects = made.without_consent + withheld + delivered.refused;
    (summary.bytes, summary.files) = (delivered.bytes, delivered.files);
    (summary.detail, summary.elapsed) = (words.join(", "), started.elapsed());
    summary
}

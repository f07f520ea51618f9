//! Takes a snapshot into the journal: compares what the source shows with what is known, and adds the difference.
//!
//! Each load is taken once. Its events are staged, looked at and made to count by one call of the metastore; then it is
//! noted which load that was. A run that dies in between leaves nothing that counts, or something whole.

use super::args::{Batches, Input, Scd2Args};
use super::input::STAGED;
use super::journal::Journal;
use super::progress::{self, load_of};
use super::source::{self, SourceColumn};
use super::template::Templates;
use crate::error::{self, Error, Result};
use crate::hiveserver2::{Rows, Session};
use crate::lease::Lease;
use crate::shutdown::Stop;
use crate::telemetry::summary::counted;

/// What a journal is of; a table without it is not one.
const JOURNAL_OF: &str = "sakia.scd2.journal.of";
/// The last load that was taken.
const TAKEN: &str = "sakia.scd2.snapshot.load.id";
/// When that was: a moment, or a number.
const TAKEN_AT: &str = "sakia.scd2.snapshot.at";
/// The parameter by which an import says how many rows the load has.
const ROWS: &str = "sakia.rows";

/// Takes snapshots.
pub(super) struct Intake<'a> {
    pub args: &'a Scd2Args,
    /// Columns of the source.
    pub source: &'a [SourceColumn],
    pub session: &'a Session,
    pub run_id: &'a str,
    pub stop: &'a Stop,
}

/// Source and journal as they are found.
pub(super) struct Found {
    pub journal: Journal,
    /// The load that the source shows.
    load: Option<String>,
    rows: Option<u64>,
    taken: Option<String>,
    taken_at: Option<String>,
}

/// A picture that can be taken.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    /// What its load is called in the journal.
    name: String,
    /// When it was taken.
    at: String,
    seen: u64,
    alive: u64,
}

/// What became of a snapshot.
pub(super) struct Taken {
    at: String,
    upserts: u64,
    deletions: u64,
}

impl Taken {
    /// Whether anything was added to the journal.
    pub(super) fn has_events(&self) -> bool {
        self.upserts + self.deletions > 0
    }
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "snapshot of {}: {} new or changed, {} gone", self.at, self.upserts, self.deletions)
    }
}

impl Intake<'_> {
    /// Looks at source and journal; `None` where the source is a log. Changes nothing.
    ///
    /// # Errors
    /// Those of [`Journal::new`]. Exists: the journal's table is another's. NotFound: there is no source.
    pub(super) async fn look(&self, templates: Templates) -> Result<Option<Found>> {
        if self.args.input != Input::Snapshot {
            return Ok(None);
        }
        let of_source = progress::parameters(self.session, &self.args.source, self.stop).await?.unwrap_or_default();
        let table = self.args.journal_table();
        let noted = progress::parameters(self.session, &table, self.stop).await?;
        let columns = match &noted {
            None => None,
            Some(noted) => {
                check_made(&table, noted.get(JOURNAL_OF).map(String::as_str), &made_of(self.args))?;
                Some(source::columns(self.session, &table, self.stop).await?)
            }
        };
        let noted = noted.unwrap_or_default();
        let get = |name: &str| noted.get(name).filter(|value| !value.is_empty()).cloned();
        Ok(Some(Found {
            journal: Journal::new(self.args, self.source, columns.as_deref(), templates)?,
            load: load_of(&of_source),
            rows: of_source.get(ROWS).and_then(|rows| rows.parse().ok()),
            taken: get(TAKEN),
            taken_at: get(TAKEN_AT),
        }))
    }

    /// Makes the journal, or gives it the columns that it lacks.
    pub(super) async fn prepare(&self, found: &Found) -> Result<()> {
        if found.journal.is_new() {
            self.execute(&found.journal.create(&[(JOURNAL_OF, &made_of(self.args))])?).await?;
            tracing::info!(journal = self.args.journal_table(), "made the journal");
        }
        for statement in found.journal.alterations() {
            self.execute(statement).await?;
            tracing::info!(statement, "changed the journal");
        }
        Ok(())
    }

    /// Takes what the source shows, if that is new.
    ///
    /// # Errors
    /// Data: it is not a whole picture, has keys that are NULL or there twice, is older than what was taken, or leaves
    /// out more than may be deleted. Nothing counts then that did not before.
    pub(super) async fn take(&self, found: &Found, lease: &Lease) -> Result<Option<Taken>> {
        self.prepare(found).await?;
        let journal = &found.journal;
        if !found.is_new_load() {
            return Ok(None);
        }
        self.execute(&journal.discard()).await?;
        let picture = self.picture(found).await?;
        if !found.is_newer(&picture, self.args)? {
            return Ok(None);
        }
        let there = self.session.query(&journal.find(&picture.name), self.stop).await?;
        let mut taken = Taken { at: picture.at.clone(), upserts: 0, deletions: 0 };
        if there.rows.is_empty() {
            let staged = format!("{STAGED}-{}", plain(self.run_id));
            lease.check().await?;
            self.execute(&journal.stage(&staged, &picture.at)?).await?;
            match self.judge_staged(found, &picture, &staged).await {
                Ok(counts) => (taken.upserts, taken.deletions) = counts,
                Err(error) => {
                    self.execute(&journal.discard()).await?;
                    return Err(error);
                }
            }
            if taken.has_events() {
                lease.check().await?;
                self.execute(&journal.commit(&staged, &picture.name)).await?;
            } else {
                self.execute(&journal.discard()).await?;
            }
        }
        let mut noted = vec![(TAKEN, picture.name.as_str()), (TAKEN_AT, picture.at.as_str())];
        if taken.has_events() || !there.rows.is_empty() {
            noted.push((progress::LOAD, picture.name.as_str()));
        }
        self.execute(&journal.note(&noted)).await?;
        tracing::info!(source = self.args.source, at = picture.at, "took {taken}");
        Ok(Some(taken))
    }

    /// What taking the snapshot would do, in words; `None` where there is nothing to take.
    pub(super) async fn preview(&self, found: &Found) -> Result<Option<String>> {
        let mut text = format!("snapshot    {}\njournal     {}", self.args.source, self.args.journal_table());
        if found.journal.is_new() {
            text.push_str(", which is made");
        }
        for statement in found.journal.alterations() {
            text.push_str(&format!("\nchange      {statement}"));
        }
        // Without a column that the dimension is to have, nothing more can be said of it.
        let nothing_new = || (!found.journal.alterations().is_empty()).then(|| text.clone());
        if !found.is_new_load() {
            return Ok(nothing_new());
        }
        let picture = self.picture(found).await?;
        if !found.is_newer(&picture, self.args)? {
            return Ok(nothing_new());
        }
        text.push_str(&format!("\ntaken       {}, {}", picture.at, counted(picture.alive, "thing", "things")));
        if found.journal.is_new() {
            text.push_str(&format!("\neffect      {} new or changed, 0 gone", picture.alive));
        } else {
            let counts = self.session.query(&found.journal.effect(&picture.at)?, self.stop).await?;
            let (upserts, deletions) = self.judge(&counts)?;
            text.push_str(&format!("\neffect      {upserts} new or changed, {deletions} gone"));
        }
        let statement = found.journal.stage(&format!("{STAGED}-{}", self.run_id), &picture.at)?;
        text.push_str(&format!("\nstatement   {}", statement.replace('\n', "\n            ")));
        Ok(Some(text))
    }

    /// How far the journal has come, in words.
    pub(super) fn status(&self, found: &Found) -> String {
        let mut text = format!("snapshot    {}", self.args.source);
        if let Some(load) = &found.load {
            text.push_str(&format!(", load {load}"));
        }
        text.push_str(&match (&found.taken_at, found.is_new_load()) {
            (None, _) => ", nothing of it is taken".to_owned(),
            (Some(at), false) => format!(", taken: that of {at}"),
            (Some(at), true) => format!(", the last one taken is that of {at}"),
        });
        text
    }

    /// Asks what the source shows, and refuses what cannot be taken.
    async fn picture(&self, found: &Found) -> Result<Picture> {
        let by_load = !found.journal.has_sequence();
        let load = found.load.as_deref().filter(|_| by_load);
        let at_load = load.map(|load| moment_of(load).ok_or_else(|| self.timeless())).transpose()?;
        if by_load && (load.is_none() || found.rows.is_none()) {
            return Err(self.timeless());
        }
        let rows = self.session.query(&found.journal.picture(load)?, self.stop).await?;
        let seen = rows.count(0, "seen")?;
        let source = &self.args.source;
        if by_load && (Some(seen) != found.rows || rows.count(0, "strangers")? > 0) {
            return Err(error::data(format!(
                "{source} holds {seen} rows, and its last load wrote {}: it is not a whole picture, or it is being loaded",
                found.rows.unwrap_or_default()
            ))
            .hint("import the whole table into it, and apply it when the import is done"));
        }
        self.check_keys(&rows)?;
        let (name, at) = match (load, at_load) {
            (Some(load), Some(at)) => (format!("load-{load}"), at),
            _ => {
                let at = self.moment_in(&rows)?;
                (format!("at-{}", plain(&at)), at)
            }
        };
        Ok(Picture { name, at, seen, alive: rows.count(0, "alive")? })
    }

    fn check_keys(&self, rows: &Rows) -> Result<()> {
        let (without_key, doubled) = (rows.count(0, "without_key")?, rows.count(0, "doubled")?);
        let source = &self.args.source;
        if without_key > 0 {
            return Err(error::data(format!("{source} holds {without_key} rows without key"))
                .hint("leave them out by a view over the source, or name other keys"));
        }
        if doubled > 0 {
            let key = rows.text(0, "example_key")?.unwrap_or("");
            return Err(error::data(format!("{source} holds {doubled} keys that several rows have, such as {key}"))
                .hint("name all columns that identify a thing in keys"));
        }
        Ok(())
    }

    /// The one moment that all rows say.
    fn moment_in(&self, rows: &Rows) -> Result<String> {
        let (first, last) = (rows.text(0, "first_at")?, rows.text(0, "last_at")?);
        let (source, sequence) = (&self.args.source, &self.args.sequence);
        let timeless = rows.count(0, "timeless")?;
        match (first, last) {
            (Some(first), Some(last)) if first == last && timeless == 0 => {
                if first.parse::<i128>().is_err() {
                    Batches::Day.batch(first.get(..10).unwrap_or(first))?;
                }
                Ok(first.to_owned())
            }
            (Some(first), Some(last)) => Err(error::data(format!(
                "{source} is not one picture: {sequence} is {first} to {last}, and {timeless} rows have none"
            ))
            .hint("show the rows of one moment, by a view over the source, or take it for a log (input = \"log\")")),
            _ => Err(error::data(format!("{source} says nowhere in {sequence} when it was taken"))
                .hint("a snapshot without rows needs the load of an import: leave sequence out")),
        }
    }

    /// Upserts and deletions that are staged of a picture, if they may be, and are of no other picture.
    async fn judge_staged(&self, found: &Found, picture: &Picture, staged: &str) -> Result<(u64, u64)> {
        if self.picture(found).await? != *picture {
            return Err(error::data(format!("{} changed while it was taken; nothing of it counts", self.args.source))
                .hint("apply it again when nothing is imported into it"));
        }
        self.judge(&self.session.query(&found.journal.staged(staged)?, self.stop).await?)
    }

    /// Upserts and deletions that are counted, if they may be.
    fn judge(&self, counts: &Rows) -> Result<(u64, u64)> {
        let [upserts, deletions, known] = ["upserts", "deletions", "known"].map(|name| counts.count(0, name));
        let (upserts, deletions, known) = (upserts?, deletions?, known?);
        let allowed = self.args.max_deletes;
        if u128::from(deletions) * 100 > u128::from(known) * u128::from(allowed) {
            return Err(error::data(format!(
                "{} leaves out {deletions} of {known} things that there were, and max-deletes allows {allowed} %",
                self.args.source
            ))
            .hint("make sure that it is whole; if so many are gone, set max-deletes (--max-deletes), up to 100"));
        }
        Ok((upserts, deletions))
    }

    fn timeless(&self) -> Error {
        error::data(format!("{} does not say when it was taken: it shows no load of an import", self.args.source))
            .hint("import the whole table into it, or name the column that says so in sequence")
    }

    async fn execute(&self, statement: &str) -> Result<()> {
        self.session.execute(statement, self.stop).await.map(drop)
    }
}

impl Found {
    /// Whether the source may show what was not taken yet. Without a load only its rows say so.
    fn is_new_load(&self) -> bool {
        let name = self.load.as_ref().filter(|_| !self.journal.has_sequence()).map(|load| format!("load-{load}"));
        name.is_none() || name != self.taken
    }

    /// Whether a picture comes after what was taken; one of the same moment is taken.
    ///
    /// # Errors
    /// Data: it is older.
    fn is_newer(&self, picture: &Picture, args: &Scd2Args) -> Result<bool> {
        let Some(last) = &self.taken_at else { return Ok(true) };
        let order = match (picture.at.parse::<i128>(), last.parse::<i128>()) {
            (Ok(at), Ok(last)) => at.cmp(&last),
            _ => picture.at.cmp(last),
        };
        let is_other = self.taken.as_ref() != Some(&picture.name);
        if order.is_lt() || (order.is_eq() && is_other) {
            return Err(error::data(format!(
                "{} shows a snapshot of {}, and one of {last} was taken before",
                args.source, picture.at
            ))
            .hint("import it anew: what is older than what is known cannot be told from a change back"));
        }
        Ok(order.is_gt())
    }
}

/// What a journal is made of and for; another needs another journal.
fn made_of(args: &Scd2Args) -> String {
    format!("source={} target={} keys={} sequence={}", args.source, args.target, args.keys.join(","), args.sequence)
}

fn check_made(table: &str, made_of: Option<&str>, wanted: &str) -> Result<()> {
    match made_of {
        Some(made_of) if made_of == wanted => Ok(()),
        Some(made_of) => Err(error::config(format!("journal {table} is of another source or target: {made_of}"))
            .hint("name another table in journal, and another target")),
        None => Err(error::exists(format!("table {table} exists and is not a journal made by sakia"))
            .hint("name another table in journal, or move the table away")),
    }
}

/// When an import made its load, which it does right after it began to read: a load's name begins with that time.
fn moment_of(load: &str) -> Option<String> {
    let id = uuid::Uuid::try_parse(load).ok().filter(|id| id.get_version_num() == 7)?;
    let at = jiff::Timestamp::from_millisecond(i64::try_from(id.as_u128() >> 80).ok()?).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

/// A text as a part of a partition's name.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_says_when_it_was() {
        // The example of RFC 9562, appendix A.6.
        assert_eq!(moment_of("017f22e279b07cc398c4dc0c0c07398f").unwrap(), "2022-02-22 19:22:22.000");
        for no_time in ["load-1", "", "c232ab0094144f3bbd8e0d4c0d0c9a11"] {
            assert_eq!(moment_of(no_time), None, "{no_time}");
        }
    }

    #[test]
    fn a_snapshot_is_taken_once_and_none_before_it() {
        let args: Scd2Args = toml::from_str(
            "source = 'a.b'\ntarget = 'a.dim'\nkeys = ['k']\ntracked = ['v']\nsequence = 'at'\ninput = 'snapshot'",
        )
        .unwrap();
        let column = |name: &str| source::SourceColumn {
            name: name.to_owned(),
            hive_type: "int".to_owned(),
            comment: String::new(),
        };
        let columns = ["k", "v", "at"].map(column);
        let found = |name: &str, at: &str| Found {
            journal: Journal::new(&args, &columns, None, Templates::load(None).unwrap()).unwrap(),
            load: None,
            rows: None,
            taken: Some(name.to_owned()),
            taken_at: Some(at.to_owned()),
        };
        let picture = |name: &str, at: &str| Picture { name: name.to_owned(), at: at.to_owned(), seen: 1, alive: 1 };
        // Whole numbers are not compared as texts.
        assert!(found("at-9", "9").is_newer(&picture("at-10", "10"), &args).unwrap());
        assert!(!found("at-9", "9").is_newer(&picture("at-9", "9"), &args).unwrap());
        let (early, late) = ("2020-01-01 00:00:00", "2020-01-01 00:00:00.5");
        assert!(found("a", early).is_newer(&picture("b", late), &args).unwrap());
        for (name, at) in [("b", early), ("b", late)] {
            let error = found("a", late).is_newer(&picture(name, at), &args).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Data);
        }
    }

    #[test]
    fn names_of_loads_sort_before_what_is_staged() {
        for name in ["load-zzz", "at-9999-12-31"] {
            assert!(name < STAGED, "{name}");
        }
        assert_eq!(plain("2020-01-01 00:00:00.5"), "2020-01-01-00-00-00-5");
    }
}

//! What the names in the templates stand for; the templates say where each goes.

use super::args::{Deletes, FirstVersion, OpenEnd, Scd2Args, UntrackedPolicy};
use super::input;
use super::sequence::{Sequence, moment};
use super::target::Target;
use super::template::Values;
use super::types::{self, Carried};
use crate::hiveserver2::quote;

/// From where versions hold that hold from the beginning.
const EPOCH: &str = "1900-01-01 00:00:00";

/// What statements are made of.
#[derive(Debug)]
pub(super) struct Expressions<'a> {
    pub args: &'a Scd2Args,
    pub carried: &'a [Carried],
    pub sequence: &'a Sequence,
    pub target: &'a Target,
    /// Whether an event is marked as a deletion, where the log has a column that does.
    pub is_marked: Option<String>,
}

pub(super) fn list<T>(items: impl IntoIterator<Item = T>, between: &str, one: impl Fn(T) -> String) -> String {
    items.into_iter().map(one).collect::<Vec<_>>().join(between)
}

impl Expressions<'_> {
    /// Every value that does not depend on the batch.
    pub(super) fn values(&self) -> Values {
        let own = &self.args.columns;
        let mut values: Values = self.names().into_iter().chain(self.of_log()).chain(self.of_runs()).collect();
        values.extend(self.conditions().into_iter().chain(self.of_target()));
        for (name, column) in [
            ("sk", &own.sk),
            ("valid_from", &own.valid_from),
            ("valid_to", &own.valid_to),
            ("is_current", &own.is_current),
            ("is_inferred", &own.is_inferred),
            ("batch_column", &own.batch_id),
        ] {
            values.insert(name, quote::name(column));
        }
        values
    }

    fn keys(&self, prefix: &str) -> String {
        list(&self.args.keys, ", ", |name| format!("{prefix}{}", quote::name(name)))
    }

    /// What a window looks through.
    fn by_key(&self, order: &str) -> String {
        format!("(PARTITION BY {} ORDER BY {order})", self.keys(""))
    }

    fn by_sequence(&self) -> String {
        self.by_key(&self.sequence.columns("").join(", "))
    }

    /// Tables, columns and lists of them.
    fn names(&self) -> [(&'static str, String); 9] {
        let keys = || self.carried.iter().filter(|c| c.is_key);
        let key_texts = list(keys(), ", ", |c| types::key_text(&quote::name(&c.name), &c.hive_type));
        [
            ("source", input::rows_of(self.args)),
            ("target", quote::qualified(&self.args.target)),
            ("keys", self.keys("")),
            ("said_keys", self.keys("said.")),
            ("columns", list(self.carried, ", ", |c| quote::name(&c.name))),
            ("seq_columns", self.sequence.columns("").join(", ")),
            ("seq_text", self.sequence.text("sakia_seq", "sakia_tie")),
            ("key_texts", key_texts.clone()),
            ("example", format!("concat_ws('|', {key_texts})")),
        ]
    }

    /// The log, an event a row.
    fn of_log(&self) -> [(&'static str, String); 15] {
        let created = self.args.created_column.as_ref().filter(|_| self.args.first_from == FirstVersion::Created);
        let event_created = created.map(|name| format!(", {} AS sakia_created", self.sequence.value("e.", name)));
        let seen = |c: &Carried| match c.is_key {
            true => format!("k.{}", quote::name(&c.name)),
            false => format!("CAST(NULL AS {}) AS {}", c.hive_type, quote::name(&c.name)),
        };
        let seen_created = created.map(|_| format!(", CAST(NULL AS {}) AS sakia_created", self.sequence.types().0));
        [
            ("event_columns", list(self.carried, ", ", of_log)),
            ("event_sequence", self.sequence.of_event()),
            ("event_created", event_created.unwrap_or_default()),
            ("created", created.map(|_| ", sakia_created".to_owned()).unwrap_or_default()),
            ("op", self.op()),
            ("reason", self.reason("")),
            ("late_reason", self.reason(" WHEN l.`sakia_event` IS NOT NULL THEN 'late'")),
            ("late_events", String::new()),
            ("event_id", self.event_id()),
            ("more", String::new()),
            ("content", self.content()),
            ("seen_columns", list(self.carried, ", ", seen)),
            ("t_sequence", list(self.sequence.columns(""), ", ", |name| format!("t.{name}"))),
            ("seen_created", seen_created.unwrap_or_default()),
            ("batch", self.batch()),
        ]
    }

    /// What an event does, as one letter: U, D or T; NULL if its code means nothing.
    fn op(&self) -> String {
        let marked = self.is_marked.as_ref().map(|marked| format!(" WHEN {marked} THEN 'D'")).unwrap_or_default();
        let Some(op) = &self.args.op_column else {
            return if marked.is_empty() { "'U'".to_owned() } else { format!("CASE{marked} ELSE 'U' END") };
        };
        let op = format!("CAST(e.{} AS string)", quote::name(op));
        let is_one = |codes: Vec<&str>| list(codes, " OR ", |code| format!("{op} <=> {}", quote::text(code)));
        let upsert = match self.args.upsert_ops.as_slice() {
            [] => "ELSE 'U'".to_owned(),
            codes => format!("WHEN {} THEN 'U'", is_one(codes.iter().map(String::as_str).collect())),
        };
        let (deletes, truncates) = (is_one(self.args.deleting()), is_one(self.args.truncating()));
        format!("CASE WHEN {deletes} THEN 'D' WHEN {truncates} THEN 'T'{marked} {upsert} END")
    }

    /// Why an event cannot be taken; NULL if it can. A truncation needs no key.
    fn reason(&self, more: &str) -> String {
        let op = self.op();
        let no_key = list(&self.args.keys, " OR ", |name| format!("e.{} IS NULL", quote::name(name)));
        format!(
            "CASE WHEN {} THEN 'no sequence' WHEN {op} IS NULL THEN 'unknown operation' WHEN {op} = 'T' \
             THEN CAST(NULL AS string) WHEN {no_key} THEN 'no key'{more} END",
            self.sequence.is_missing()
        )
    }

    /// Orders events of one key at one moment that say different things: by a digest, so that no collation or locale has
    /// a say.
    fn content(&self) -> String {
        let column = |c: &Carried| (format!("e.{}", quote::name(&c.name)), c.log_type.clone());
        let created = self.args.created_column.iter().map(|name| (format!("e.{}", quote::name(name)), String::new()));
        format!("sha2({}, 256)", framed(self.carried.iter().filter(|c| !c.is_key).map(column).chain(created)))
    }

    /// Tells an event from every other.
    fn event_id(&self) -> String {
        let keys = self.carried.iter().filter(|c| c.is_key);
        let keys = keys.map(|c| types::key_text(&format!("e.{}", quote::name(&c.name)), &c.log_type));
        let others = [self.sequence.text_of_event(), self.op(), self.content()];
        format!("sha2(concat_ws('|', {}), 256)", list(keys.chain(others), ", ", |text| text))
    }

    /// The batch of an event.
    fn batch(&self) -> String {
        if self.sequence.is_number() {
            return format!("IF(sakia_seq < {}, 'all', CAST(sakia_seq AS string))", self.sequence.end());
        }
        self.args.batches.label_of("sakia_seq")
    }

    /// How runs are found, from the inside out.
    fn of_runs(&self) -> [(&'static str, String); 14] {
        let over = self.by_sequence();
        let same_as = |which: &str| {
            list(self.args.tracked.iter().enumerate(), " AND ", |(i, name)| {
                format!("{} <=> sakia_{which}_{i}", quote::name(name))
            })
        };
        let columns = || self.sequence.columns("").into_iter();
        let order = format!("{}, sakia_deleted, sakia_content", self.sequence.columns("").join(", "));
        let following = self.by_key(&order);
        let facts = self.args.is_inferring();
        let only_with_facts = |text: &str| if facts { text.to_owned() } else { String::new() };
        let differs = list(columns(), " OR ", |name| format!("{name}_following <> {name}"));
        let counts = format!("sakia_seq_following IS NULL OR {differs}");
        // A deletion of what was never seen alive has nothing to show.
        let shown = match self.args.deletes {
            Deletes::Close => "NOT sakia_deleted",
            Deletes::Record => "(NOT sakia_deleted OR NOT sakia_is_first)",
        };
        [
            ("by_key", over.clone()),
            (
                "following",
                list(columns(), ", ", |name| format!("lead({name}) OVER {following} AS {name}_following"))
                    + &only_with_facts(&format!(", lag(sakia_op) OVER {following} AS sakia_op_preceding")),
            ),
            // A fact has no say in what an event told of before.
            (
                "counts",
                if facts { format!("({counts}) AND (sakia_op <> 'I' OR sakia_op_preceding IS NULL)") } else { counts },
            ),
            ("is_first", format!("sakia_op_before IS NULL{}", only_with_facts(" OR sakia_op_before = 'I'"))),
            // What an event fills is its version.
            ("unfilled", only_with_facts("WHERE sakia_op <> 'I' OR NOT (sakia_op_after <=> 'U')")),
            ("neighbours", self.neighbours()),
            ("marked_columns", self.marked_columns()),
            ("same_as_before", same_as("before")),
            ("same_as_after", same_as("after")),
            ("run_columns", self.run_columns()),
            (
                "run_bounds",
                list(columns(), ",\n", |name| {
                    format!(
                        "CASE WHEN sakia_ends THEN lead({name}, 1) OVER {over} ELSE lead({name}, 2) OVER {over} END \
                         AS {name}_next,\nCASE WHEN sakia_ends THEN {name} ELSE lead({name}, 1) OVER {over} END \
                         AS {name}_last"
                    )
                }),
            ),
            ("from", self.from()),
            ("shown", shown.to_owned()),
            ("surrogate", self.surrogate()),
        ]
    }

    /// What the tracked columns say one event before and after, numbered; and of the untracked ones what is shown
    /// elsewhere than beside the event that says it.
    fn neighbours(&self) -> String {
        let over = self.by_sequence();
        let of_tracked = self.args.tracked.iter().enumerate().map(|(i, name)| {
            let name = quote::name(name);
            format!("lag({name}) OVER {over} AS sakia_before_{i}, lead({name}) OVER {over} AS sakia_after_{i}")
        });
        let newest_first = list(self.sequence.columns(""), ", ", |name| format!("{name} DESC"));
        let of_untracked = self.args.untracked.iter().enumerate().filter_map(|(i, name)| {
            let name = quote::name(name);
            if self.args.untracked_policy == UntrackedPolicy::OverwriteAll {
                // U before D: the newest of the events that say something.
                let rows = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
                let order = self.by_key(&format!("sakia_op DESC, {newest_first} {rows}"));
                return Some(format!("first_value({name}) OVER {order} AS sakia_kept_{i}"));
            }
            let is_recorded = self.args.deletes == Deletes::Record;
            is_recorded.then(|| format!("lag({name}) OVER {over} AS sakia_kept_{i}"))
        });
        let of_fact = self.args.is_inferring().then(|| format!("lag(sakia_seq) OVER {over} AS sakia_fact"));
        list(of_tracked.chain(of_untracked).chain(of_fact), ",\n", |column| column)
    }

    /// The carried columns as the row of an event shows them; a recorded deletion those of the event before.
    fn marked_columns(&self) -> String {
        let keys = self.args.keys.iter().map(|name| quote::name(name));
        let record = self.args.deletes == Deletes::Record;
        let of_deletion = |name: String, before: String| match record {
            true => format!("CASE WHEN sakia_op = 'D' THEN {before} ELSE {name} END AS {name}"),
            false => name,
        };
        let tracked = self.args.tracked.iter().enumerate();
        let tracked = tracked.map(|(i, name)| of_deletion(quote::name(name), format!("sakia_before_{i}")));
        let untracked = self.args.untracked.iter().enumerate().map(|(i, name)| match self.args.untracked_policy {
            UntrackedPolicy::OverwriteAll => format!("sakia_kept_{i} AS {}", quote::name(name)),
            _ => of_deletion(quote::name(name), format!("sakia_kept_{i}")),
        });
        let of_fact = self.args.is_inferring().then(|| "sakia_op <=> 'I' AS sakia_inferred, sakia_fact".to_owned());
        list(keys.chain(tracked).chain(untracked).chain(of_fact), ", ", |column| column)
    }

    /// The carried columns of a run, seen from its first event.
    fn run_columns(&self) -> String {
        let over = self.by_sequence();
        let of_last = match self.args.deletes {
            Deletes::Close => "sakia_ends",
            Deletes::Record => "sakia_ends OR sakia_deleted",
        };
        let untracked = |name: &String| {
            let name = quote::name(name);
            match self.args.untracked_policy {
                // The row after the first of a run is the last of it, where the run is longer than one.
                UntrackedPolicy::LatestInRun => {
                    format!("CASE WHEN {of_last} THEN {name} ELSE lead({name}) OVER {over} END AS {name}")
                }
                UntrackedPolicy::FirstInRun | UntrackedPolicy::OverwriteAll => name,
            }
        };
        let others = self.args.keys.iter().chain(&self.args.tracked).map(|name| quote::name(name));
        let of_fact = self.args.is_inferring().then(|| "sakia_inferred".to_owned());
        list(others.chain(self.args.untracked.iter().map(untracked)).chain(of_fact), ", ", |column| column)
    }

    /// Where a version begins.
    fn from(&self) -> String {
        let earlier = match self.args.first_from {
            FirstVersion::Event => return "sakia_seq".to_owned(),
            FirstVersion::Created => "sakia_created".to_owned(),
            FirstVersion::Epoch => moment(EPOCH),
            FirstVersion::Fact => "sakia_fact".to_owned(),
        };
        format!("CASE WHEN sakia_is_first AND {earlier} < sakia_seq THEN {earlier} ELSE sakia_seq END")
    }

    fn surrogate(&self) -> String {
        let keys = self.carried.iter().filter(|c| c.is_key);
        let texts = keys.map(|c| types::key_text(&quote::name(&c.name), &c.hive_type));
        let tie = self.sequence.has_tie().then(|| "CAST(sakia_tie AS string)".to_owned());
        let texts = texts.chain(["CAST(sakia_from AS string)".to_owned()]).chain(tie);
        format!("sha2(concat_ws('|', {}), 256)", list(texts, ", ", |text| text))
    }

    /// Conditions about rows of both tables.
    fn conditions(&self) -> [(&'static str, String); 11] {
        let same = |left: &str, right: &str| {
            list(&self.args.keys, " AND ", |name| format!("{left}.{0} = {right}.{0}", quote::name(name)))
        };
        let own = &self.args.columns;
        let start = [Some(&own.valid_from), self.sequence.has_tie().then_some(&own.from_tie)];
        let over = self.by_key(&list(start.into_iter().flatten(), ", ", |name| quote::name(name)));
        let compared = self.args.tracked.iter().chain(self.target.is_deleted.iter());
        let same_as_next = list(compared, " AND ", |name| format!("{0} <=> lead({0}) OVER {over}", quote::name(name)));
        let others = self.carried.iter().map(|c| &c.name).chain(self.target.changing());
        let log_said =
            format!("concat({}, {})", self.said("", &self.args.tracked), self.said("", &self.args.untracked));
        [
            ("any_key_null", list(&self.args.keys, " OR ", |name| format!("{} IS NULL", quote::name(name)))),
            ("same_keys", same("e", "a")),
            ("said_same_keys", same("said", "t")),
            ("same_as_next", same_as_next),
            ("by_key_and_start", over),
            ("n_same_as_o", list(others, " AND ", |name| format!("n.{0} <=> o.{0}", quote::name(name)))),
            ("log_said", log_said),
            ("t_said", self.said("t.", &self.args.tracked)),
            ("t_also", self.also()),
            ("tracked_said", self.said("", &self.args.tracked)),
            ("told_only", if self.args.is_inferring() { "WHERE sakia_op <> 'I'" } else { "" }.to_owned()),
        ]
    }

    /// What some of the columns say, as a digest.
    fn said(&self, prefix: &str, columns: &[String]) -> String {
        if columns.is_empty() {
            return quote::text("");
        }
        let columns = self.carried.iter().filter(|c| columns.contains(&c.name));
        format!(
            "sha2({}, 256)",
            framed(columns.map(|c| (format!("{prefix}{}", quote::name(&c.name)), c.hive_type.clone())))
        )
    }

    /// That a version shows the untracked values of the event that it took them from, if that is the one compared with.
    fn also(&self) -> String {
        let own = &self.args.columns;
        let at = |seq: &String, tie: &String| {
            let [seq, tie] = [seq, tie].map(|name| format!("t.{}", quote::name(name)));
            format!("said.sakia_moment <> {}", self.sequence.text(&seq, &tie))
        };
        let from_another = match (self.args.untracked_policy, &self.target.last_seq) {
            _ if self.args.untracked.is_empty() => return String::new(),
            (UntrackedPolicy::FirstInRun, _) => at(&own.valid_from, &own.from_tie),
            // Of a dimension that an earlier version made nobody knows.
            (_, None) => return String::new(),
            (UntrackedPolicy::LatestInRun, Some(last)) => at(last, &own.last_tie),
            // What the open version says last is what the key says last.
            (UntrackedPolicy::OverwriteAll, Some(last)) => {
                format!("NOT t.{} OR {}", quote::name(&own.is_current), at(last, &own.last_tie))
            }
        };
        format!(" AND ({from_another} OR said.sakia_also = {})", self.said("t.", &self.args.untracked))
    }

    /// What is asked of the dimension's own columns.
    fn of_target(&self) -> [(&'static str, String); 14] {
        let own = &self.args.columns;
        let end = self.sequence.end();
        let null_end = self.args.open_end == OpenEnd::Null;
        let [from, to, from_tie, to_tie] =
            [&own.valid_from, &own.valid_to, &own.from_tie, &own.to_tie].map(|name| quote::name(name));
        let or_open = |condition: String, to: &str| match null_end {
            true => format!("({to} IS NULL OR {condition})"),
            false => condition,
        };
        let before = |left: &str, left_tie: &str| match self.sequence.has_tie() {
            true => format!("({left} < {to} OR ({left} = {to} AND {left_tie} < {to_tie}))"),
            false => format!("{left} < {to}"),
        };
        let text = |prefix: &str, name: &str, tie: &str| {
            self.sequence.text(&format!("{prefix}{name}"), &format!("{prefix}{tie}"))
        };
        let ends_after = or_open(format!("said.sakia_moment < {}", text("t.", &to, &to_tie)), &format!("t.{to}"));
        let lives = self.target.is_deleted.as_ref().map(|name| format!("NOT t.{} AND ", quote::name(name)));
        let lives = lives.unwrap_or_default();
        let tie = self.sequence.has_tie();
        let width = self.sequence.width();
        [
            (
                "version_columns",
                list(&self.target.versions, ",\n", |(name, value)| format!("{value} AS {}", quote::name(name))),
            ),
            ("n_row", list(self.target.row(self.args, self.carried), ", ", |name| format!("n.{}", quote::name(name)))),
            ("is_open", if null_end { format!("{to} IS NULL") } else { format!("{to} = {end}") }),
            ("from_before_to", or_open(before(&from, &from_tie), &to)),
            ("next_before_to", before("sakia_next_from", "sakia_next_tie")),
            (
                "next_is_to",
                if tie {
                    format!("sakia_next_from = {to} AND sakia_next_tie = {to_tie}")
                } else {
                    format!("sakia_next_from = {to}")
                },
            ),
            (
                "next_tie",
                if tie {
                    format!(
                        ", {from_tie}, {to_tie}, lead({from_tie}) OVER {} AS sakia_next_tie",
                        self.by_key(&format!("{from}, {from_tie}"))
                    )
                } else {
                    String::new()
                },
            ),
            ("from_text", text("", &from, &from_tie)),
            ("to_text", text("", &to, &to_tie)),
            ("t_holds", format!("{lives}said.sakia_moment >= {} AND {ends_after}", text("t.", &from, &from_tie))),
            ("t_open", format!("{lives}t.{}", quote::name(&own.is_current))),
            ("t_from_text", text("t.", &from, &from_tie)),
            ("moment_width", width.to_string()),
            ("behind_moment", (width + 1).to_string()),
        ]
    }
}

/// A column of the log in the dimension's type.
pub(super) fn of_log(column: &Carried) -> String {
    let name = quote::name(&column.name);
    if column.log_type == column.hive_type {
        return format!("e.{name}");
    }
    format!("CAST(e.{name} AS {}) AS {name}", column.hive_type)
}

/// Values as one text. Lengths keep neighbours apart, `~` is NULL.
pub(super) fn framed(columns: impl Iterator<Item = (String, String)>) -> String {
    let texts = list(columns, ", ", |(name, hive_type)| {
        let text = types::text(&name, &hive_type);
        format!("coalesce(concat(length({text}), ':', {text}), '~')")
    });
    format!("concat_ws('|', {texts})")
}

//! Cuts by way of an index, without reading rows.
//!
//! Two questions cost the server a lookup or two each, however large the table is: which key comes next after a guessed
//! one (`ORDER BY .. LIMIT 1`), and about how many rows lie between two keys (EXPLAIN, which looks both up). Where many
//! rows lie between two neighbours, guesses are made there, until no part holds more than half a split. Guesses are put
//! many to a statement, so the price of a plan is a handful of round trips. Where guesses find nothing new, the server
//! steps over some rows; the sum of such steps is bounded, and so is the time.

use std::time::Instant;

use super::between::between;
use super::cut::{Charset, Cut, Side, Value, compare};
use super::key::KeyKind;
use super::points::Points;
use super::steps::Effort;
use super::{Planner, in_conditions, temporal};
use crate::error::{self, Result};
use crate::mysql::sql::quote;

/// Lookups in one statement.
const AT_ONCE: usize = 96;

/// Rounds of guessing.
const ROUNDS: usize = 16;

/// Most guesses in equal steps between two neighbours, after the first round.
const GUESSES: u64 = 8;

/// Guesses towards either end, where those in equal steps helped little.
const SHRINKING: usize = 24;

/// Rows stepped over to find one key.
const STEP: u64 = 5_000;

/// Rows stepped over in all.
const STEPS: u64 = 100_000;

/// The keys from one point up to the next.
#[derive(Clone, Debug)]
struct Interval {
    from: Cut,
    /// `None`: to the end.
    to: Option<Cut>,
    rows: u64,
    /// The guesses of the last round helped little: most rows are still in one part.
    stuck: bool,
    /// There is no key between the two.
    whole: bool,
}

/// A lookup: the condition of a key, and what follows it.
struct Lookup {
    interval: usize,
    conditions: Vec<String>,
    descending: bool,
    offset: u64,
}

impl Planner<'_> {
    /// The index that keeps the rows in the order of the key, if there is one. Notes how many rows there are.
    pub(super) async fn index(&mut self) -> Result<Option<String>> {
        if !self.source.table {
            return Ok(None);
        }
        let (columns, from) = (in_conditions(&self.key).join(", "), &self.source.from);
        let sql = format!(
            "EXPLAIN FORMAT=TRADITIONAL (SELECT {columns} FROM {from} ORDER BY {columns} LIMIT 1) UNION ALL \
             (SELECT {columns} FROM {from}{})",
            self.source.filter(&[])
        );
        let plans = self.explain(&sql, 2).await?;
        let [ordered, all] = &plans[..] else { return Err(error::bug("two statements have not two plans")) };
        self.estimate = Some(all.rows);
        // An index may also be read from end to end and sorted, and nothing is looked up that way.
        let index = ordered.key.clone().filter(|_| ordered.by_index && !ordered.sorts);
        self.indexed = index.is_some();
        Ok(index)
    }

    /// Points between which there are about equally many rows.
    pub(super) async fn dive(&mut self, index: &str, wanted: u32) -> Result<Points> {
        let started = Instant::now();
        let from = format!("{} FORCE INDEX ({})", self.source.from, quote(index));
        self.learn_charsets(&from).await?;
        let Some((low, high)) = self.ends_by_index(&from).await? else { return Ok(Points::default()) };
        let mut intervals = vec![interval(low.clone(), Some(high.clone())), interval(high.clone(), None)];
        match self.estimate {
            Some(estimate) if self.ends.is_none() && self.source.condition.is_none() => intervals[0].rows = estimate,
            _ => self.count(&from, &mut intervals).await?,
        }
        let total: u64 = intervals.iter().map(|i| i.rows).sum();
        let wanted = self.worthwhile(wanted, total).max(1);
        let share = (total / u64::from(wanted)).max(1);
        let (mut stepped, mut even) = (0, usize::try_from(2 * wanted).unwrap_or(AT_ONCE).min(AT_ONCE));
        for round in 0..ROUNDS {
            let lookups = self.lookups(&intervals, share, even, &mut stepped);
            if lookups.is_empty() || started.elapsed() > self.options.time {
                tracing::debug!(round, "no more guesses");
                break;
            }
            let found = self.look_up(&from, &lookups).await?;
            self.refine(&from, &mut intervals, &lookups, found).await?;
            even = 0;
        }
        tracing::debug!(intervals = intervals.len(), stepped, elapsed = ?started.elapsed(), "cuts by index");
        let all = intervals.into_iter().map(|i| (i.from, i.rows)).collect();
        Ok(Points { all, greatest: Some(high) })
    }

    /// Replaces each interval in which keys were found by its parts, and counts these.
    async fn refine(
        &mut self,
        from: &str,
        intervals: &mut Vec<Interval>,
        lookups: &[Lookup],
        found: Vec<(usize, Cut)>,
    ) -> Result<()> {
        let mut found = found.into_iter().peekable();
        let (mut refined, mut parts) = (Vec::with_capacity(intervals.len()), Vec::new());
        for (number, old) in intervals.drain(..).enumerate() {
            let asked = lookups.iter().any(|l| l.interval == number);
            let mut keys = vec![old.from.clone()];
            while let Some((_, key)) = found.next_if(|(of, _)| *of == number) {
                keys.push(key);
            }
            if keys.len() == 1 {
                refined.push(Interval { whole: old.whole || asked, ..old });
                continue;
            }
            let ends = keys[1..].iter().cloned().map(Some).chain(std::iter::once(old.to));
            let new = keys.iter().cloned().zip(ends.collect::<Vec<_>>());
            for (low, high) in new {
                parts.push((refined.len(), old.rows));
                refined.push(interval(low, high));
            }
        }
        let mut counted: Vec<Interval> = parts.iter().map(|(place, _)| refined[*place].clone()).collect();
        self.count(from, &mut counted).await?;
        for ((place, whole), part) in parts.into_iter().zip(counted) {
            refined[place] = Interval { stuck: part.rows > whole / 2, ..part };
        }
        *intervals = refined;
        Ok(())
    }

    /// What to ask about the intervals that hold too many rows, the fullest first where there are many.
    fn lookups(&self, intervals: &[Interval], share: u64, even: usize, stepped: &mut u64) -> Vec<Lookup> {
        // With no part greater than this, no split gets more than its share and as much again.
        let enough = (share * 3 / 4).max(1);
        let too_many = |i: &&usize| {
            let interval = &intervals[**i];
            !interval.whole && interval.to.is_some() && interval.rows > enough
        };
        let all: Vec<usize> = (0..intervals.len()).collect();
        let mut full: Vec<usize> = all.iter().filter(too_many).copied().collect();
        full.sort_by_key(|i| std::cmp::Reverse(intervals[*i].rows));
        let seen: Vec<Vec<&Value>> = (0..self.key.columns.len())
            .map(|place| intervals.iter().filter_map(|i| i.from.get(place)).collect())
            .collect();
        let mut lookups = Vec::new();
        for number in full {
            if lookups.len() >= AT_ONCE {
                break;
            }
            let interval = &intervals[number];
            let Some(to) = &interval.to else { continue };
            let inside = self.inside(&interval.from, to);
            let mut ask = |more: Option<String>, descending: bool, offset: u64| {
                let conditions = inside.iter().cloned().chain(more).collect();
                lookups.push(Lookup { interval: number, conditions, descending, offset });
            };
            ask(None, false, 0);
            let parts = (interval.rows * 2 / share).clamp(2, GUESSES) as usize;
            let effort = Effort { even: even.max(parts), shrinking: if interval.stuck { SHRINKING } else { 0 } };
            for (condition, descending) in self.guesses(&interval.from, to, &seen, effort) {
                ask(Some(condition), descending, 0);
            }
            let step = (interval.rows / 2).min(STEP);
            if interval.stuck && step > 0 && *stepped + step <= STEPS {
                *stepped += step;
                ask(None, false, step);
            }
        }
        lookups
    }

    /// The keys strictly between two.
    fn inside(&self, from: &[Value], to: &[Value]) -> Vec<String> {
        let columns = in_conditions(&self.key);
        vec![compare(&columns, Side::Above, from), compare(&columns, Side::Below, to)]
    }

    /// Conditions whose least key (or greatest, where so marked) may lie well between two keys.
    fn guesses(&self, from: &[Value], to: &[Value], seen: &[Vec<&Value>], effort: Effort) -> Vec<(String, bool)> {
        let columns = in_conditions(&self.key);
        let Some(place) = from.iter().zip(to).position(|(a, b)| a != b) else { return Vec::new() };
        let (column, charset) = (&self.key.columns[place], self.charsets[place].as_ref());
        let made = between(column, charset, (&from[place], &to[place]), &seen[place], effort);
        let mut guesses: Vec<(String, bool)> = made
            .into_iter()
            .map(|guess| {
                let cut: Cut = from[..place].iter().cloned().chain([guess]).collect();
                (compare(&columns, Side::AtLeast, &cut), false)
            })
            .collect();
        if place + 1 < columns.len() {
            // Where the rows crowd behind one value of this column, its ends lead to the next column.
            guesses.push((compare(&columns, Side::UpTo, &from[..=place]), true));
            guesses.push((compare(&columns, Side::AtLeast, &to[..=place]), false));
        }
        guesses
    }

    /// The least and the greatest key, or the given ones; `None` where there is no key.
    async fn ends_by_index(&mut self, from: &str) -> Result<Option<(Cut, Cut)>> {
        if let Some(ends) = &self.ends {
            return Ok(Some(ends.clone()));
        }
        let end =
            |descending| Lookup { interval: usize::from(descending), conditions: self.known(), descending, offset: 0 };
        let found = self.look_up_texts(from, &[end(false), end(true)]).await?;
        let [(_, low), (_, high)] = &found[..] else { return Ok(None) };
        let ends = self.cut_near(low)?.zip(self.cut_near(high)?);
        // The same key twice leaves nothing to cut.
        Ok(ends.filter(|(low, high)| low != high))
    }

    /// That no column of the key is NULL.
    pub(super) fn known(&self) -> Vec<String> {
        self.key.columns.iter().filter(|c| c.nullable).map(|c| format!("{} IS NOT NULL", c.sql)).collect()
    }

    /// The columns of the key in a form in which no digit is lost, named `k0`, `k1` ..
    pub(super) fn exact_columns(&self, columns: &[String]) -> String {
        let exact = |(i, sql): (usize, &String)| match self.key.columns[i].kind {
            KeyKind::Bits => format!("{sql} + 0 AS k{i}"),
            KeyKind::Float => format!("{sql} + 0e0 AS k{i}"),
            _ => format!("{sql} AS k{i}"),
        };
        columns.iter().enumerate().map(exact).collect::<Vec<_>>().join(", ")
    }

    /// Those columns as text.
    pub(super) fn raw_columns(&self) -> String {
        let raw = |(i, kind)| match kind {
            KeyKind::Text | KeyKind::Binary => format!("HEX(k{i})"),
            _ => format!("k{i}"),
        };
        self.key.columns.iter().map(|c| c.kind).enumerate().map(raw).collect::<Vec<_>>().join(", ")
    }

    /// The names of those columns.
    pub(super) fn key_columns(&self) -> String {
        (0..self.key.columns.len()).map(|i| format!("k{i}")).collect::<Vec<_>>().join(", ")
    }

    /// A key from the texts that the server gave; `None` if there is no literal for it.
    pub(super) fn cut(&self, texts: &[Option<String>]) -> Result<Option<Cut>> {
        let mut cut = Vec::with_capacity(self.key.columns.len());
        for (i, column) in self.key.columns.iter().enumerate() {
            let Some(Some(raw)) = texts.get(i) else { return Ok(None) };
            match Value::new(column, raw, self.charsets[i].as_ref())? {
                Some(value) => cut.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(cut))
    }

    /// As [`Planner::cut`], but a day that is in no calendar stands for the next one that is.
    pub(super) fn cut_near(&self, texts: &[Option<String>]) -> Result<Option<Cut>> {
        let near = |(i, text): (usize, &Option<String>)| {
            let kind = self.key.columns.get(i)?.kind;
            let raw = text.clone()?;
            match kind {
                KeyKind::Date | KeyKind::DateTime => temporal::near(kind, &raw).or(Some(raw)),
                _ => Some(raw),
            }
        };
        self.cut(&texts.iter().enumerate().map(near).collect::<Vec<_>>())
    }

    /// The keys found, by interval and in the server's order, each once.
    async fn look_up(&mut self, from: &str, lookups: &[Lookup]) -> Result<Vec<(usize, Cut)>> {
        let mut found = Vec::new();
        for (number, texts) in self.look_up_texts(from, lookups).await? {
            found.extend(self.cut(&texts)?.map(|cut| (number, cut)));
        }
        Ok(found)
    }

    async fn look_up_texts(&mut self, from: &str, lookups: &[Lookup]) -> Result<Vec<(usize, Vec<Option<String>>)>> {
        let columns = in_conditions(&self.key);
        let one = |l: &Lookup| {
            let direction = if l.descending { " DESC" } else { "" };
            let order: Vec<String> = columns.iter().map(|c| format!("{c}{direction}")).collect();
            let filter = match l.conditions.is_empty() {
                true => String::new(),
                false => format!(" WHERE {}", l.conditions.join(" AND ")),
            };
            let (exact, order) = (self.exact_columns(&columns), order.join(", "));
            format!(
                "(SELECT {} AS n, {exact} FROM {from}{filter} ORDER BY {order} LIMIT 1 OFFSET {})",
                l.interval, l.offset
            )
        };
        let lookups: Vec<String> = lookups.iter().map(one).collect();
        let (raw, keys) = (self.raw_columns(), self.key_columns());
        // Keys that are equal to the collation are one key.
        let sql = format!(
            "SELECT n, {raw} FROM ({}) AS found GROUP BY n, {keys} ORDER BY n, {keys}",
            lookups.join(" UNION ALL ")
        );
        let mut found = Vec::new();
        for row in self.ask(&sql).await? {
            let number = row.first().and_then(|n| n.as_ref()?.parse().ok());
            found.extend(number.map(|n| (n, row.get(1..).unwrap_or_default().to_vec())));
        }
        Ok(found)
    }

    /// Notes the rows that the server estimates in each interval.
    async fn count(&mut self, from: &str, intervals: &mut [Interval]) -> Result<()> {
        let columns = in_conditions(&self.key);
        for some in intervals.chunks_mut(AT_ONCE) {
            let one = |i: &Interval| {
                let low = compare(&columns, Side::AtLeast, &i.from);
                let high = i.to.iter().map(|to| compare(&columns, Side::Below, to));
                let condition = std::iter::once(low).chain(high).collect::<Vec<_>>().join(" AND ");
                format!("SELECT {} FROM {from} WHERE {condition}", columns[0])
            };
            let statements: Vec<String> = some.iter().map(one).collect();
            let sql = format!("EXPLAIN FORMAT=TRADITIONAL {}", statements.join(" UNION ALL "));
            let plans = self.explain(&sql, some.len()).await?;
            for (interval, plan) in some.iter_mut().zip(plans) {
                interval.rows = plan.rows;
            }
        }
        Ok(())
    }

    /// The plans of so many statements.
    async fn explain(&mut self, sql: &str, count: usize) -> Result<Vec<Explained>> {
        let mut plans = vec![Explained::default(); count];
        for row in self.ask(sql).await? {
            // MySQL shows partitions and what share of the rows is taken beside what all servers show.
            let shift = usize::from(row.len() == 12);
            let text = |i: usize| row.get(i).cloned().flatten();
            let number = text(0).and_then(|id| id.parse::<usize>().ok()).and_then(|id| id.checked_sub(1));
            if let Some(plan) = number.and_then(|n| plans.get_mut(n)) {
                plan.by_index = matches!(text(3 + shift).as_deref(), Some("index" | "range"));
                plan.key = text(5 + shift);
                plan.rows = text(8 + shift).and_then(|rows| rows.parse().ok()).unwrap_or(0);
                plan.sorts = text(row.len() - 1).is_some_and(|extra| extra.contains("filesort"));
            }
        }
        Ok(plans)
    }

    /// Asks for the character sets of text columns.
    async fn learn_charsets(&mut self, from: &str) -> Result<()> {
        let texts: Vec<usize> =
            (0..self.charsets.len()).filter(|i| self.key.columns[*i].kind == KeyKind::Text).collect();
        if texts.is_empty() {
            return Ok(());
        }
        let columns = in_conditions(&self.key);
        let both = texts.iter().map(|i| format!("CHARSET({0}), COLLATION({0})", columns[*i]));
        let sql = format!("SELECT {} FROM {from} LIMIT 1", both.collect::<Vec<_>>().join(", "));
        let row = self.ask(&sql).await?.pop().unwrap_or_default();
        for (pair, column) in row.chunks(2).zip(texts) {
            self.charsets[column] = Charset::of(pair)?;
        }
        Ok(())
    }
}

/// What the server says of its way to some rows.
#[derive(Clone, Debug, Default)]
struct Explained {
    key: Option<String>,
    by_index: bool,
    sorts: bool,
    rows: u64,
}

fn interval(from: Cut, to: Option<Cut>) -> Interval {
    Interval { from, to, rows: 0, stuck: false, whole: false }
}

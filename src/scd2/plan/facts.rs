//! The statements about facts that come before what they are of.

use super::super::sequence::{Sequence, moment};
use super::super::source::SourceColumn;
use super::super::template::Template;
use super::super::types::{self, Carried, Fit};
use super::super::{args::Scd2Args, expressions::list};
use super::{Plan, find};
use crate::error::{self, Result};
use crate::hiveserver2::quote;

impl Plan {
    /// Says which columns the table of the facts has; the plan of a dimension whose first versions begin with them is not
    /// whole before.
    ///
    /// # Errors
    /// Schema: a column is missing, or is not of the type of what it is compared with.
    pub(in crate::scd2) fn set_facts(&mut self, columns: &[SourceColumn]) -> Result<()> {
        let (Some(facts), Some(time)) = (&self.args.facts, &self.args.fact_time) else { return Ok(()) };
        let column = find(columns, facts, time)?;
        let of_facts = Scd2Args { source: facts.clone(), sequence: time.clone(), ..self.args.clone() };
        let of_facts = Sequence::of(&of_facts, columns)?;
        if of_facts.types() != self.sequence.types() {
            return Err(differs(&self.args, facts, column, "what its sequence is"));
        }
        let mut keys = Vec::new();
        for (key, name) in self.carried.iter().filter(|c| c.is_key).zip(self.args.keys_of_facts()) {
            let column = find(columns, facts, name)?;
            if !matches!(types::fit(&column.hive_type, &key.hive_type, true), Fit::Same | Fit::Cast) {
                return Err(differs(&self.args, facts, column, &format!("what its key {} is", key.name)));
            }
            keys.push(format!("CAST(f.{} AS {}) AS {}", quote::name(name), key.hive_type, quote::name(&key.name)));
        }
        let every_fact = format!(
            "SELECT {}, {} AS sakia_seq FROM {} AS f",
            keys.join(", "),
            of_facts.value("f.", time),
            quote::qualified(facts)
        );
        self.values.insert("every_fact", every_fact);
        let first_facts = self.render(Template::Facts, [])?;
        self.values.insert("first_facts", first_facts);
        Ok(())
    }

    fn first_facts(&self) -> Option<&String> {
        self.values.get("first_facts")
    }

    /// The first facts up to `until` as a part of the log; nothing where facts do not count.
    pub(super) fn inferred(&self, only_affected: &str, until: Option<&str>) -> Result<String> {
        if self.first_facts().is_none() {
            return Ok(String::new());
        }
        let column = |c: &Carried| match c.is_key {
            true => format!("e.{}", quote::name(&c.name)),
            false => format!("CAST(NULL AS {}) AS {}", c.hive_type, quote::name(&c.name)),
        };
        let until = until.filter(|_| !self.sequence.is_number());
        let limit = until.map(|until| format!("WHERE e.sakia_seq < {}", moment(until)));
        let values = [
            ("fact_columns", list(&self.carried, ", ", column)),
            ("only_affected", only_affected.to_owned()),
            ("fact_limit", limit.unwrap_or_default()),
        ];
        self.render(Template::Inferred, values)
    }

    /// The keys whose first fact is in a batch, beside those that have an event in it.
    pub(super) fn seen_in_batch(&self, from: &str, until: &str) -> String {
        let Some(first_facts) = self.first_facts() else { return String::new() };
        let keys = self.values.get("keys").map_or("", String::as_str);
        let (from, until) = (moment(from), moment(until));
        format!(
            "UNION ALL\nSELECT {keys} FROM (\n{first_facts}\n) AS f WHERE sakia_seq >= {from} AND sakia_seq < {until}"
        )
    }

    /// The moments of all facts, which the dimension may rest on as it does on those of events.
    pub(super) fn moments_of_facts(&self) -> Option<String> {
        let value = |name: &str| self.values.get(name);
        let (every_fact, keys, seq_text) = (value("every_fact")?, value("keys")?, value("seq_text")?);
        Some(format!(
            "UNION ALL\nSELECT {keys}, {seq_text} AS sakia_moment, 1 AS sakia_in_log FROM (\n{every_fact}\n) AS f"
        ))
    }

    /// Asks for a digest of the first facts; `None` where facts do not count.
    pub(in crate::scd2) fn digest_of_facts(&self) -> Option<String> {
        let value = |name: &str| self.values.get(name);
        let (first_facts, example, seq_text) = (value("first_facts")?, value("example")?, value("seq_text")?);
        Some(format!("SELECT sum(crc32(concat({example}, {seq_text}))) AS digest FROM (\n{first_facts}\n) AS f"))
    }

    /// Looks for the version of each first fact up to `until`.
    pub(in crate::scd2) fn placed(&self, until: &str) -> Result<String> {
        self.render(Template::Placed, [("events", self.events("", until)?)])
    }
}

fn differs(args: &Scd2Args, facts: &str, column: &SourceColumn, from: &str) -> error::Error {
    let SourceColumn { name, hive_type, .. } = column;
    let what = format!("column {name} of the facts {facts} is {hive_type}, which is not {from} in {}", args.target);
    error::schema(what).hint("convert it in a view over the facts")
}

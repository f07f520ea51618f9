//! What of a step makes no sense, told before anything is asked of a server.

use std::collections::BTreeSet;

use super::super::shapes::Layout;
use super::{Deletes, FirstVersion, Input, Scd2Args};
use crate::error::{self, Result};

impl Scd2Args {
    /// Refuses what makes no sense before anything is asked of a server.
    ///
    /// # Errors
    /// Config: a table without database, no key, no tracked column, a column named twice, a name the target needs.
    pub fn check(&self) -> Result<()> {
        let tables = [
            ("source", Some(&self.source)),
            ("target", Some(&self.target)),
            ("quarantine", self.quarantine.as_ref()),
            ("journal", self.journal.as_ref()),
            ("late", self.late.as_ref()),
            ("facts", self.facts.as_ref()),
        ];
        for (what, table) in tables {
            let Some(table) = table else { continue };
            if !matches!(table.split('.').collect::<Vec<_>>()[..], [db, name] if !db.is_empty() && !name.is_empty()) {
                return Err(error::config(format!("scd2 {what} '{table}' is not database.table"))
                    .hint("name the database, as in shop.dim_customer"));
            }
        }
        if self.keys.is_empty() || self.tracked.is_empty() {
            return Err(error::config(format!("scd2 target {} has no key or no tracked column", self.target))
                .hint("name at least one column in keys and in tracked"));
        }
        self.check_columns()?;
        Layout::check(self)?;
        self.check_options()
    }

    fn wrong(&self, what: &str, hint: &str) -> Result<()> {
        Err(error::config(format!("scd2 target {}: {what}", self.target)).hint(hint))
    }

    fn check_columns(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for own in self.own_columns() {
            if own.is_empty() || !seen.insert(own.to_lowercase()) {
                return Err(error::config(format!(
                    "scd2 target {} has two columns of its own named '{own}'",
                    self.target
                ))
                .hint("give each of columns a name of its own"));
            }
        }
        for column in self.carried() {
            if !seen.insert(column.to_lowercase()) {
                return Err(if self.own_columns().iter().any(|own| own.eq_ignore_ascii_case(column)) {
                    error::config(format!("scd2 target {} fills column {column} itself", self.target))
                        .hint("give the target's own column another name, such as columns = { sk = \"dim_sk\" }")
                } else {
                    error::config(format!("scd2 target {} names column {column} twice", self.target))
                });
            }
        }
        Ok(())
    }

    fn check_options(&self) -> Result<()> {
        let coded = !(self.upsert_ops.is_empty() && self.delete_ops.is_empty() && self.truncate_ops.is_empty());
        let deletes = self.op_column.is_some() || self.deleted_column.is_some() || self.input != Input::Log;
        if (self.op_column.is_none() && coded) || (!deletes && self.deletes == Deletes::Record) {
            return self.wrong(
                "it has codes or records deletions, and no op-column",
                "name the column that says what a change does",
            );
        }
        self.check_input()?;
        let mut seen = BTreeSet::new();
        let mut codes = self.upsert_ops.iter().map(String::as_str).chain(self.deleting()).chain(self.truncating());
        if let Some(twice) = codes.find(|code| !seen.insert(*code)) {
            return self.wrong(&format!("code '{twice}' has two meanings"), "name each code once");
        }
        if (self.first_from == FirstVersion::Created) != self.created_column.is_some() {
            return self.wrong("first-from created and created-column need each other", "give both, or neither");
        }
        self.check_facts()?;
        let is_zone =
            |zone: &String| !zone.is_empty() && zone.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-:".contains(c));
        if !self.sequence_zone.iter().all(is_zone) {
            return self.wrong("sequence-zone is not the name of a time zone", "name one, such as UTC or Europe/Paris");
        }
        if self
            .quarantine
            .as_ref()
            .is_some_and(|q| [&self.source, &self.target].iter().any(|t| t.eq_ignore_ascii_case(q)))
        {
            return self.wrong("its quarantine is its source or target", "name a table of its own");
        }
        Ok(())
    }

    fn check_facts(&self) -> Result<()> {
        let told = [self.facts.is_some(), self.fact_time.is_some()];
        if told != [self.is_inferring(); 2] || (!self.fact_keys.is_empty() && !self.is_inferring()) {
            return self.wrong("first-from fact, facts and fact-time need each other", "give all of them, or none");
        }
        if self.keys_of_facts().len() != self.keys.len() {
            return self
                .wrong("its facts have not as many keys as its things", "name a column in fact-keys for each of keys");
        }
        if self.facts.as_ref().is_some_and(|facts| facts.eq_ignore_ascii_case(&self.target)) {
            return self.wrong("its facts are in its target", "name the table of the facts");
        }
        if self.is_inferring() && (self.late.is_some() || self.tie_breaker.is_some()) {
            return self.wrong(
                "facts come late as they like and have no tie-breaker",
                "leave late and tie-breaker out, or begin first versions elsewhere (first-from)",
            );
        }
        Ok(())
    }

    fn check_input(&self) -> Result<()> {
        if self.sequence.is_empty() && self.input != Input::Snapshot {
            return self.wrong("it has no sequence", "name the column that orders the changes of a key");
        }
        if (self.input == Input::History) != self.end_column.is_some()
            || (self.end_unit.is_some() && self.end_column.is_none())
        {
            return self.wrong("input history and end-column need each other", "give both, or neither");
        }
        if self.input == Input::History {
            let of_logs =
                [&self.op_column, &self.deleted_column, &self.tie_breaker, &self.sequence_zone, &self.created_column];
            if of_logs.into_iter().any(Option::is_some) {
                let what = "op-column, deleted-column, tie-breaker, sequence-zone and created-column are of logs, and its \
                            input is a history";
                return self.wrong(what, "leave them out; a view over the history says the same in begins and ends");
            }
        }
        if self.input != Input::Snapshot {
            return match self.journal {
                Some(_) => {
                    self.wrong("it needs no journal", "leave journal out, or say what the source holds in input")
                }
                None => Ok(()),
            };
        }
        if self.op_column.is_some() || self.tie_breaker.is_some() {
            let what = "op-column and tie-breaker are of logs, and its input is not one";
            return self.wrong(what, "leave them out; deleted-column marks rows that are deleted");
        }
        let others = [Some(&self.source), Some(&self.target), self.quarantine.as_ref()];
        if others.into_iter().flatten().any(|table| table.eq_ignore_ascii_case(&self.journal_table())) {
            return self.wrong("its journal is another of its tables", "name a table of its own in journal");
        }
        match self.carried().find(|name| name.to_lowercase().starts_with("sakia_")) {
            Some(name) => self.wrong(
                &format!("column {name} may have the name of one of the journal's own"),
                "names that start with sakia_ are the journal's: rename the column in a view over the source",
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::EndUnit;
    use super::super::OwnColumns;
    use super::super::tests::TOML;
    use super::*;
    use crate::error::Kind;

    #[test]
    fn nonsense_is_a_config_error() {
        let good: Scd2Args = toml::from_str(TOML).unwrap();
        let by_fact = Scd2Args {
            first_from: FirstVersion::Fact,
            facts: Some("shop.orders".into()),
            fact_time: Some("at".into()),
            ..good.clone()
        };
        by_fact.check().unwrap();
        let history = Scd2Args { input: Input::History, end_column: Some("until".into()), ..good.clone() };
        history.check().unwrap();
        assert!(by_fact.definition().ends_with(" first=shop.orders(id)@at"));
        Scd2Args { untracked: vec!["is_inferred".into()], ..good.clone() }.check().unwrap();
        let bad = [
            Scd2Args { source: "changes".into(), ..good.clone() },
            Scd2Args { target: "a.b.c".into(), ..good.clone() },
            Scd2Args { keys: vec![], ..good.clone() },
            Scd2Args { tracked: vec![], ..good.clone() },
            Scd2Args { untracked: vec!["Country".into()], ..good.clone() },
            Scd2Args { tracked: vec!["valid_from".into()], ..good.clone() },
            Scd2Args { deletes: Deletes::Record, ..good.clone() },
            Scd2Args { delete_ops: vec!["T".into()], op_column: Some("op".into()), ..good.clone() },
            Scd2Args { first_from: FirstVersion::Created, ..good.clone() },
            Scd2Args { first_from: FirstVersion::Fact, facts: Some("shop.orders".into()), ..good.clone() },
            Scd2Args { facts: Some("shop.orders".into()), fact_time: Some("at".into()), ..good.clone() },
            Scd2Args { tie_breaker: Some("pos".into()), ..by_fact.clone() },
            Scd2Args { late: Some("shop.late".into()), ..by_fact.clone() },
            Scd2Args { facts: Some("shop.DIM".into()), ..by_fact.clone() },
            Scd2Args { fact_keys: vec!["a".into(), "b".into()], ..by_fact.clone() },
            Scd2Args { untracked: vec!["is_inferred".into()], ..by_fact.clone() },
            Scd2Args { sequence_zone: Some("it's".into()), ..good.clone() },
            Scd2Args { quarantine: Some("shop.dim".into()), ..good.clone() },
            Scd2Args { columns: OwnColumns { sk: "valid_TO".into(), ..OwnColumns::default() }, ..good.clone() },
            Scd2Args { sequence: String::new(), ..good.clone() },
            Scd2Args { input: Input::History, ..good.clone() },
            Scd2Args { end_column: Some("until".into()), ..good.clone() },
            Scd2Args { end_unit: Some(EndUnit::Day), ..good.clone() },
            Scd2Args { op_column: Some("op".into()), ..history.clone() },
            Scd2Args { journal: Some("shop.log".into()), ..good.clone() },
            Scd2Args { input: Input::Snapshot, tie_breaker: Some("pos".into()), ..good.clone() },
            Scd2Args { input: Input::Snapshot, journal: Some("shop.DIM".into()), ..good.clone() },
            Scd2Args { input: Input::Snapshot, untracked: vec!["Sakia_op".into()], ..good.clone() },
        ];
        let renamed = OwnColumns { valid_from: "since".into(), ..OwnColumns::default() };
        Scd2Args { tracked: vec!["valid_from".into()], columns: renamed, ..good }.check().unwrap();
        for args in bad {
            assert_eq!(args.check().unwrap_err().kind(), Kind::Config, "{args:?}");
        }
    }
}

//! The statements about events that come too late.

use super::super::template::Template;
use super::{END_OF_TIME, Plan};
use crate::error::Result;
use crate::hiveserver2::quote;

impl Plan {
    /// Makes the table of late events, with `properties` as table parameters.
    pub(in crate::scd2) fn make_late(&self, table: &str, properties: &[(&str, &str)]) -> Result<String> {
        let comment = quote::text(&format!("events that came too late for {}", self.args.target));
        let late = ("late", quote::qualified(table));
        self.render(
            Template::LateCreate,
            [late, ("late_comment", comment), ("properties", quote::properties(properties))],
        )
    }

    /// From now on what the table of late events holds does not count.
    pub(in crate::scd2) fn leave_out_late(&mut self) {
        let Some(table) = &self.args.late else { return };
        let value = |name: &str| self.values.get(name).cloned().unwrap_or_default();
        let (late, id, reason) = (quote::qualified(table), value("event_id"), value("late_reason"));
        let join = format!("LEFT JOIN (SELECT DISTINCT `sakia_event` FROM {late}) AS l ON {id} = l.`sakia_event`");
        self.values.insert("late_events", join);
        self.values.insert("reason", reason);
    }

    /// Puts aside the events up to `water` that the target does not show.
    pub(in crate::scd2) fn late(&self, table: &str, water: &str, run_id: &str) -> Result<String> {
        let value = |name: &str| self.values.get(name).cloned().unwrap_or_default();
        let more = format!(", {} AS sakia_event, {} AS sakia_texts", value("event_id"), self.event_texts());
        let nothing = String::new;
        let nowhere = [("only_affected", nothing()), ("limit", nothing()), ("inferred", nothing()), ("more", more)];
        let water = quote::text(&format!("{water:<width$}", width = self.sequence.width()));
        self.render(
            Template::Late,
            [
                ("late", quote::qualified(table)),
                ("whole_log", self.render(Template::Log, nowhere)?),
                ("water", water),
                ("batch_id", quote::text(run_id)),
            ],
        )
    }

    /// Counts what a run put aside, events that were delivered twice once.
    pub(in crate::scd2) fn count_late(&self, table: &str, run_id: &str) -> String {
        let (table, run_id) = (quote::qualified(table), quote::text(run_id));
        format!("SELECT count(DISTINCT `sakia_event`) AS late FROM {table} WHERE `batch_id` = {run_id}")
    }

    /// Asks for the sequence of the last event that counts, as a text that sorts.
    pub(in crate::scd2) fn water(&self) -> Result<String> {
        let seq_text = self.values.get("seq_text").map_or("", String::as_str);
        Ok(format!("SELECT max({seq_text}) AS water\nFROM (\n{}\n) AS log", self.events("", END_OF_TIME)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::args::Scd2Args;
    use super::super::super::source::typed;
    use super::super::super::template::Templates;
    use super::*;

    #[test]
    fn what_is_late_is_put_aside_and_left_out() {
        let args: Scd2Args = toml::from_str(
            "source = 'shop.log'\ntarget = 'shop.dim'\nkeys = ['i`d']\nsequence = 'at'\ntracked = ['v']\n\
             op-column = 'op'\nlate = 'shop.la`te'\nquarantine = 'shop.aside'",
        )
        .unwrap();
        let log = typed(&[("i`d", "int"), ("at", "timestamp"), ("v", "string"), ("op", "string")]);
        let mut plan = Plan::new(&args, &log, None, Templates::load(None).unwrap()).unwrap();
        assert!(!plan.overview().unwrap().contains("la``te"), "nothing is left out before");
        plan.leave_out_late();
        assert!(plan.overview().unwrap().contains("THEN 'no key' WHEN l.`sakia_event` IS NOT NULL THEN 'late' END"));
        assert!(!plan.quarantine("shop.aside", &[], "run").unwrap()[1].contains("late"), "late events can be taken");
        let made = plan.make_late("shop.la`te", &[("a", "it's")]).unwrap();
        assert!(
            made.starts_with("CREATE TABLE IF NOT EXISTS `shop`.`la``te` (") && made.contains(r"'a' = 'it\'s'"),
            "{made}"
        );
        let late = plan.late("shop.la`te", "2020-01-01 00:00:00", "r'un").unwrap();
        assert!(
            late.starts_with("INSERT INTO `shop`.`la``te`\nSELECT told.sakia_event, rtrim(told.sakia_moment), "),
            "{late}"
        );
        // The water is as wide as the moments that it is compared with.
        assert!(late.contains("<= '2020-01-01 00:00:00          '\n"), "{late}");
        assert!(late.contains("map('at', CAST(e.`at` AS string), 'i`d', CAST(e.`i``d` AS string), 'op',"), "{late}");
        assert!(plan.count_late("shop.la`te", "r'un").ends_with(r"FROM `shop`.`la``te` WHERE `batch_id` = 'r\'un'"));
    }
}

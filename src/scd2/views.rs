//! The views beside a dimension: what holds now, and what a join as of a time needs. Pure.
//!
//! Hive's views have no parameters. `TARGET_asof` has every version, with an end that is never NULL and without rows that
//! record deletions, so that one condition, `valid_from <= t AND t < valid_to`, serves every dimension.

use sha2::{Digest, Sha256};

use super::args::{OpenEnd, Scd2Args};
use super::sequence::Sequence;
use super::target::Target;
use super::types::Carried;
use crate::hiveserver2::quote;

/// The dimension that a view is of; a view without it is another's.
pub(super) const VIEW_OF: &str = "sakia.scd2.view.of";
/// The digest of what the view selects.
pub(super) const VIEW_DIGEST: &str = "sakia.scd2.view.digest";

/// A view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// As DATABASE.TABLE.
    pub name: String,
    /// Says whether one that is there is this one.
    pub digest: String,
    /// Makes it, or puts it in the place of an earlier one.
    pub statement: String,
}

/// `TARGET_current` and `TARGET_asof`.
pub(super) fn of(args: &Scd2Args, sequence: &Sequence, target: &Target, carried: &[Carried]) -> [View; 2] {
    let own = &args.columns;
    let lives = target.is_deleted.as_ref().map(|name| format!("NOT {}", quote::name(name)));
    let is_current = quote::name(&own.is_current);
    let ends = [(&own.valid_to, sequence.end()), (&own.to_tie, sequence.tie_end())];
    let names = target.names(args, carried);
    let as_it_is: Vec<String> = names.iter().map(|name| quote::name(name)).collect();
    let with_end = names.iter().map(|name| {
        let quoted = quote::name(name);
        let end = ends.iter().find(|(column, end)| column.eq_ignore_ascii_case(name) && !end.is_empty());
        match end.filter(|_| args.open_end == OpenEnd::Null) {
            Some((_, end)) => format!("coalesce({quoted}, {end}) AS {quoted}"),
            None => quoted,
        }
    });
    let now = [Some(is_current), lives.clone()].into_iter().flatten().collect::<Vec<_>>().join(" AND ");
    [
        view(args, "current", &format!("what holds now of {}", args.target), &as_it_is, &now),
        view(
            args,
            "asof",
            &format!("every version of {} for joins as of a time", args.target),
            &with_end.collect::<Vec<_>>(),
            &lives.unwrap_or_default(),
        ),
    ]
}

fn view(args: &Scd2Args, suffix: &str, about: &str, columns: &[String], condition: &str) -> View {
    let name = format!("{}_{suffix}", args.target);
    let condition = if condition.is_empty() { String::new() } else { format!("\nWHERE {condition}") };
    let select = format!("SELECT {}\nFROM {}{condition}", columns.join(", "), quote::qualified(&args.target));
    let digest: String = Sha256::digest(&select).iter().map(|byte| format!("{byte:02x}")).collect();
    let comment = quote::text(&format!("{about}, kept by sakia"));
    let properties = quote::properties(&[(VIEW_OF, &args.target), (VIEW_DIGEST, &digest)]);
    let made = format!("CREATE OR REPLACE VIEW {}\nCOMMENT {comment}", quote::qualified(&name));
    View { name, digest, statement: format!("{made}\nTBLPROPERTIES ({properties})\nAS {select}") }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Plan;
    use super::super::source::typed as columns;
    use super::super::template::Templates;
    use super::*;

    fn golden(name: &str, toml: &str) {
        let args: Scd2Args = toml::from_str(&format!(
            "source = 'shop.changes'\ntarget = 'shop.dim'\nsequence = 'at'\nkeys = ['id']\n{toml}"
        ))
        .unwrap();
        let log = columns(&[
            ("id", "int"),
            ("at", "timestamp"),
            ("country", "string"),
            ("tier", "int"),
            ("e`mail", "string"),
        ]);
        let plan = Plan::new(&args, &log, None, Templates::load(None).unwrap()).unwrap();
        insta::with_settings!({
            snapshot_path => "../../integration-tests/golden/scd2",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, plan.views().map(|view| view.statement).join("\n\n")) });
    }

    #[test]
    fn views_show_what_holds_and_every_version() {
        golden("plain_views", "tracked = ['country']\nuntracked = ['e`mail']");
        golden(
            "told_views",
            "tracked = ['country']\nopen-end = 'null'\ntie-breaker = 'tier'\n\
             columns = { valid-to = 'un`til', is-current = 'now' }",
        );
    }
}

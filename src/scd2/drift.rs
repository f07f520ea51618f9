//! What becomes of a dimension whose source, or whose definition, is not what it was: pure.
//!
//! A column that the source did not have when the dimension was made is carried along untracked. One that is gone stays
//! as it is, NULL in new versions. The untracked columns of a definition may change; anything else of it is another
//! dimension until that is built anew.

use super::args::{Input, NewColumns, Scd2Args};
use super::source::SourceColumn;
use crate::error::{self, Result};

/// The columns of the source that were there when the dimension was made.
pub(super) const SEEN: &str = "sakia.scd2.source.columns";
/// What a property of a table holds in the oldest metastores.
const MAX_SEEN_BYTES: usize = 4000;

/// A step as it is carried out, and what differs from how it was written.
#[derive(Debug)]
pub(super) struct Effective {
    pub args: Scd2Args,
    /// Columns that nobody named and that are carried along.
    pub new: Vec<String>,
    /// Untracked columns that the source does not have any more.
    pub gone: Vec<String>,
}

/// What is noted of the columns of a source: their names in letters that every metastore keeps as they are. Nothing, where
/// that is longer than some keep; then no column is new.
pub(super) fn seen(source: &[SourceColumn]) -> String {
    let names: Vec<String> = source.iter().map(|column| plain(&column.name)).collect();
    Some(names.join(" ")).filter(|names| names.len() <= MAX_SEEN_BYTES).unwrap_or_default()
}

/// A name that is the same in either case, without a letter that a property might lose.
fn plain(name: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    name.to_lowercase().bytes().map(letter).collect()
}

/// The step as its source lets it be carried out. `noted` is what [`seen`] said when the dimension was made, `dimension`
/// its columns.
///
/// # Errors
/// Schema: a tracked column is gone.
pub(super) fn effective(
    args: &Scd2Args,
    source: &[SourceColumn],
    noted: Option<&str>,
    dimension: Option<&[SourceColumn]>,
) -> Result<Effective> {
    let mut effective = Effective { args: args.clone(), new: Vec::new(), gone: Vec::new() };
    let Some(dimension) = dimension else { return Ok(effective) };
    let in_source = |name: &str| source.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let in_dimension = |name: &str| dimension.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    if let Some(gone) = args.tracked.iter().find(|name| !in_source(name) && in_dimension(name)) {
        let what = format!(
            "table {} has no column {gone} any more, on which the history of {} rests",
            args.source, args.target
        );
        return Err(error::schema(what).hint(
            "show it as NULL in a view over the source, or take it out of tracked and build the dimension anew \
             (sakia scd2 rebuild)",
        ));
    }
    // A journal keeps what its source had.
    if args.input != Input::Snapshot {
        effective.gone = args.untracked.iter().filter(|name| !in_source(name) && in_dimension(name)).cloned().collect();
        effective.args.untracked.retain(|name| !effective.gone.contains(name));
    }
    let noted = noted.filter(|noted| !noted.is_empty() && args.new_columns == NewColumns::Add);
    let Some(noted) = noted else { return Ok(effective) };
    let own = args.columns.all(true, args.is_inferring());
    let used = |name: &str| {
        let mut known = args.carried().chain(args.of_events()).chain(own.iter().copied());
        known.any(|known| known.eq_ignore_ascii_case(name)) || noted.split(' ').any(|known| known == plain(name))
    };
    for column in source {
        let is_plain = !column.hive_type.contains('<') && !column.name.to_lowercase().starts_with("sakia_");
        if is_plain && !used(&column.name) {
            effective.new.push(column.name.clone());
        }
    }
    effective.args.untracked.extend(effective.new.iter().cloned());
    Ok(effective)
}

/// Whether two definitions differ in their untracked columns alone.
pub(super) fn differ_in_untracked_only(made_by: &str, definition: &str) -> bool {
    let cut = |text: &str| {
        let start = text.find(" untracked=")?;
        let end = text.rfind(" policy=")?;
        (start <= end).then(|| (text[..start].to_owned(), text[end..].to_owned()))
    };
    let (made_by, definition) = (cut(made_by), cut(definition));
    made_by.is_some() && made_by == definition
}

#[cfg(test)]
mod tests {
    use super::super::batch::Batch;
    use super::super::plan::Plan;
    use super::super::template::Templates;
    use super::*;
    use crate::error::Kind;

    fn columns(names: &[&str]) -> Vec<SourceColumn> {
        let column = |name: &&str| SourceColumn {
            name: (*name).to_owned(),
            hive_type: if *name == "bag" { "map<string,int>" } else { "int" }.to_owned(),
            comment: String::new(),
        };
        names.iter().map(column).collect()
    }

    fn args(toml: &str) -> Scd2Args {
        toml::from_str(&format!(
            "source = 'a.b'\ntarget = 'a.dim'\nkeys = ['k']\ntracked = ['v']\nuntracked = ['u']\nsequence = 'at'\n{toml}"
        ))
        .unwrap()
    }

    #[test]
    fn what_the_source_did_not_have_is_carried_along() {
        let noted = seen(&columns(&["k", "at", "v", "u", "Left, \"out\""]));
        assert_eq!(noted, "k at v u left%2c%20%22out%22");
        let source = columns(&["k", "AT", "v", "u", "left, \"OUT\"", "n`ew", "bag", "sk", "sakia_op"]);
        let dimension = columns(&["sk", "k", "v", "u"]);
        let found = effective(&args(""), &source, Some(&noted), Some(&dimension)).unwrap();
        assert_eq!(
            (found.new, found.args.untracked),
            (vec!["n`ew".to_owned()], vec!["u".to_owned(), "n`ew".to_owned()])
        );
        for (args, noted, dimension) in [
            (args("new-columns = 'ignore'"), Some(noted.as_str()), Some(&dimension)),
            (args(""), None, Some(&dimension)),
            (args(""), Some(noted.as_str()), None),
        ] {
            let found = effective(&args, &source, noted, dimension.map(Vec::as_slice)).unwrap();
            assert!(found.new.is_empty());
        }
    }

    #[test]
    fn what_is_gone_stays_unless_it_is_tracked() {
        let dimension = columns(&["sk", "k", "v", "u"]);
        let found = effective(&args(""), &columns(&["k", "at", "v"]), None, Some(&dimension)).unwrap();
        assert_eq!((found.gone, found.args.untracked), (vec!["u".to_owned()], vec![]));
        let journal = args("input = 'snapshot'");
        let found = effective(&journal, &columns(&["k", "at", "v"]), None, Some(&dimension)).unwrap();
        assert_eq!((found.gone, found.args.untracked), (vec![], vec!["u".to_owned()]));
        let error = effective(&args(""), &columns(&["k", "at", "u"]), None, Some(&dimension)).unwrap_err();
        assert_eq!(error.kind(), Kind::Schema);
        assert!(error.to_string().contains("has no column v"), "{error}");
    }

    #[test]
    fn only_the_untracked_columns_of_a_definition_may_change() {
        let was = args("").definition();
        let more = Scd2Args { untracked: vec!["u".into(), "odd policy=x".into()], ..args("") }.definition();
        assert!(differ_in_untracked_only(&was, &more) && differ_in_untracked_only(&more, &was));
        for other in [
            Scd2Args { tracked: vec!["v".into(), "w".into()], ..args("") },
            args("deletes = 'record'\nop-column = 'op'"),
            args("untracked-policy = 'first-in-run'"),
        ] {
            assert!(!differ_in_untracked_only(&was, &other.definition()), "{other:?}");
        }
        assert!(!differ_in_untracked_only("", &was));
        assert_eq!(seen(&columns(&["a".repeat(5000).as_str()])), "");
    }

    #[test]
    fn what_a_dimension_lacks_is_added_and_what_has_grown_is_widened() {
        let args: Scd2Args = toml::from_str(
            "source = 'shop.log'\ntarget = 'shop.dim'\nkeys = ['id']\nsequence = 'at'\ntracked = ['country']\n\
             untracked = ['e;m`ail']",
        )
        .unwrap();
        let typed = |pairs: &[(&str, &str)]| {
            let mut columns = columns(&pairs.iter().map(|(name, _)| *name).collect::<Vec<_>>());
            columns
                .iter_mut()
                .zip(pairs)
                .for_each(|(column, (_, hive_type))| column.hive_type = (*hive_type).to_owned());
            columns
        };
        let log = typed(&[("id", "int"), ("at", "timestamp"), ("country", "varchar(9)"), ("e;m`ail", "string")]);
        let own =
            [("valid_from", "timestamp"), ("valid_to", "timestamp"), ("is_current", "boolean"), ("batch_id", "string")];
        let dimension = typed(&[&[("sk", "string"), ("id", "int"), ("country", "varchar(5)")], &own[..]].concat());
        let plan = Plan::new(&args, &log, Some(&dimension), Templates::load(None).unwrap()).unwrap();
        assert_eq!(
            plan.alterations(),
            [
                "ALTER TABLE `shop`.`dim` ADD COLUMNS (`e;m``ail` string)",
                "ALTER TABLE `shop`.`dim` CHANGE COLUMN `country` `country` varchar(9)",
            ]
        );
        let merge = plan.merge(&Batch::catch_up("x"), "x", "b").unwrap();
        assert!(merge.ends_with("s.`is_current`, 'b', s.`e;m``ail`)"), "{merge}");
    }
}

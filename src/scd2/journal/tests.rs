use super::super::source::typed as columns;
use super::*;
use crate::error::Kind;

fn args(toml: &str) -> Scd2Args {
    let args: Scd2Args = toml::from_str(&format!(
        "source = 'shop.cust`omer'\ntarget = 'shop.dim'\nkeys = ['id', 'pa`rt']\ntracked = ['country']\n\
         input = 'snapshot'\n{toml}"
    ))
    .unwrap();
    args.check().unwrap();
    args
}

fn source() -> Vec<SourceColumn> {
    columns(&[
        ("id", "int"),
        ("pa`rt", "string"),
        ("country", "varchar(9)"),
        ("e;mail", "string"),
        ("gone", "timestamp"),
        ("day", "date"),
        ("born", "timestamp"),
    ])
}

fn journal(args: &Scd2Args, source: &[SourceColumn], journal: Option<&[SourceColumn]>) -> Result<Journal> {
    Journal::new(args, source, journal, Templates::load(None).unwrap())
}

/// A journal as it is found, with `more` columns.
fn found(id: &str, country: &str, more: &[(&str, &str)]) -> Vec<SourceColumn> {
    let own = [("sakia_seq", "timestamp"), ("sakia_op", "string"), ("sakia_load", "string")];
    let carried = [("id", id), ("pa`rt", "string"), ("country", country)];
    columns(&[&carried[..], more, &own[..]].concat())
}

fn golden(name: &str, statement: &str) {
    insta::with_settings!({
        snapshot_path => "../../../integration-tests/golden/scd2",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, statement) });
}

#[test]
fn a_snapshot_becomes_events() {
    let args = args("untracked = ['e;mail']\ndeleted-column = 'gone'\ncreated-column = 'born'\nfirst-from = 'created'");
    let journal = journal(&args, &source(), None).unwrap();
    golden("journal_create", &journal.create(&[("a", "it's")]).unwrap());
    golden("journal_stage", &journal.stage("staged-1", "2020-01-01 00:00:00.123").unwrap());
    golden("journal_picture", &journal.picture(Some("0a")).unwrap());
    golden("journal_staged", &journal.staged("staged-1").unwrap());
    golden(
        "journal_rest",
        &[journal.discard(), journal.commit("staged-1", "load-0a"), journal.find("load-0a")].join("\n\n"),
    );
}

#[test]
fn a_column_may_say_when_a_snapshot_was_taken() {
    let by_day = journal(&args("sequence = 'day'"), &source(), None).unwrap();
    assert!(
        by_day.picture(None).unwrap().contains("0 AS sakia_stranger,\n      CAST(e.`day` AS timestamp) AS sakia_at")
    );
    let mut numbered = source();
    numbered[5].hive_type = "int".to_owned();
    let by_number = journal(&args("sequence = 'day'"), &numbered, None).unwrap();
    assert!(by_number.stage("s", "7").unwrap().contains("CAST('7' AS bigint) AS `sakia_seq`"));
    let error = journal(&args("sequence = 'country'"), &source(), None).unwrap_err();
    assert_eq!(error.kind(), Kind::Schema);
}

#[test]
fn a_journal_follows_its_source() {
    let plain = args("untracked = ['e;mail']");
    // One column is new, one has grown, one holds more than the source's.
    let there = found("bigint", "varchar(5)", &[]);
    assert_eq!(
        journal(&plain, &source(), Some(&there)).unwrap().alterations(),
        [
            "ALTER TABLE `shop`.`dim_log` CHANGE COLUMN `country` `country` varchar(9) CASCADE",
            "ALTER TABLE `shop`.`dim_log` ADD COLUMNS (`e;mail` string) CASCADE",
        ]
    );
    // An untracked column that the source does not have any more is NULL from then on; a tracked one is missed.
    let there = found("int", "varchar(9)", &[("e;mail", "string")]);
    let mut without = source();
    without.retain(|column| column.name != "e;mail");
    let stage = journal(&plain, &without, Some(&there)).unwrap().stage("s", "2020-01-01 00:00:00").unwrap();
    assert!(stage.contains("CAST(NULL AS string) AS `e;mail`"), "{stage}");
    without.retain(|column| column.name != "country");
    let error = journal(&plain, &without, Some(&there)).unwrap_err();
    assert!(error.to_string().contains("has no column country"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let narrower = found("int", "int", &[]);
    let error = journal(&args(""), &source(), Some(&narrower)).unwrap_err();
    assert!(error.kind() == Kind::Schema && error.to_string().contains("dim_log"), "{error}");
    let mut other = found("int", "varchar(9)", &[]);
    other[3].hive_type = "bigint".to_owned();
    assert_eq!(journal(&args(""), &source(), Some(&other)).unwrap_err().kind(), Kind::Schema);
    let mut nested = source();
    nested[2].hive_type = "array<int>".to_owned();
    assert_eq!(journal(&args(""), &nested, None).unwrap_err().kind(), Kind::Schema);
}

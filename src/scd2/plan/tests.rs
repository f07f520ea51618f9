use super::super::args::Batches;
use super::super::shapes::Shape;
use super::super::source::typed as columns;
use super::*;
use crate::error::Kind;

fn args(toml: &str) -> Scd2Args {
    toml::from_str(&format!("source = 'shop.changes'\ntarget = 'shop.dim'\nsequence = 'at'\n{toml}")).unwrap()
}

fn plan(args: &Scd2Args) -> Plan {
    let columns = columns(&[
        ("id", "decimal(20,0)"),
        ("part", "string"),
        ("at", "timestamp"),
        ("op", "string"),
        ("country", "string"),
        ("tier", "int"),
        ("e`mail", "varchar(20)"),
    ]);
    Plan::new(args, &columns, None, Templates::load(None).unwrap()).unwrap()
}

fn golden(name: &str, statement: &str) {
    insta::with_settings!({
        snapshot_path => "../../../integration-tests/golden/scd2",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, statement) });
}

#[test]
fn a_plain_dimension() {
    let args = args("keys = ['id']\ntracked = ['country']");
    let plan = plan(&args);
    golden("plain_create", &plan.create(&[("sakia.scd2.definition", "it's this")], None).unwrap());
    golden("plain_overview", &plan.overview().unwrap());
    let batch = Batches::Month.batch("2010-12").unwrap();
    golden("plain_merge", &plan.merge(&batch, &batch.until, "run/2010-12").unwrap());
    golden("plain_verify", &plan.verify().unwrap());
    golden("plain_note", &plan.note(&[("sakia.scd2.high.water", "2011-01-01 00:00:00")]));
}

#[test]
fn a_dimension_with_everything() {
    let args = args(
        "keys = ['id', 'part']\ntracked = ['country', 'tier']\nuntracked = ['e`mail']\nop-column = 'op'\nbatches = 'day'",
    );
    let plan = plan(&args);
    golden("full_overview", &plan.overview().unwrap());
    let until = "2011-01-01 00:00:00";
    golden("full_catch_up", &plan.merge(&Batch::catch_up(until), until, "run/catch-up").unwrap());
    golden("full_verify", &plan.verify().unwrap());
}

#[test]
fn a_dimension_that_is_told_otherwise() {
    let args = args(
        "keys = ['id']\ntracked = ['country']\nuntracked = ['tier']\nuntracked-policy = 'overwrite-all'\n\
         tie-breaker = 'tier'\nop-column = 'op'\nupsert-ops = ['c', 'u', 'r']\ndelete-ops = ['d']\n\
         truncate-ops = ['t']\ndeletes = 'record'\nopen-end = 'null'\nfirst-from = 'epoch'\n\
         quarantine = 'shop.aside'\ncolumns = { sk = 'version' }",
    );
    let mut plan = plan(&args);
    plan.set_truncates(true);
    golden("told_create", &plan.create(&[], None).unwrap());
    let until = "2011-01-01 00:00:00";
    golden("told_merge", &plan.merge(&Batches::Month.batch("2010-12").unwrap(), until, "run/2010-12").unwrap());
    golden("told_verify", &plan.verify().unwrap());
    golden("told_covered", &plan.covered().unwrap());
    golden("told_compare", &plan.compare(until, 3).unwrap());
    golden("told_quarantine", &plan.quarantine("shop.aside", &[("a", "b")], "run").unwrap().join("\n\n"));
}

#[test]
fn a_dimension_whose_facts_come_first() {
    let args = args(
        "keys = ['id', 'part']\ntracked = ['country']\nuntracked = ['tier']\nop-column = 'op'\nfirst-from = 'fact'\n\
         facts = 'shop.or`ders'\nfact-keys = ['wh`o', 'part']\nfact-time = 'on'\n\
         columns = { is-inferred = 'gue`ssed' }",
    );
    args.check().unwrap();
    let mut plan = plan(&args);
    let types = |who: &str, on: &str| columns(&[("wh`o", who), ("part", "varchar(9)"), ("on", on)]);
    for (who, on) in [("string", "timestamp"), ("int", "bigint"), ("int", "string")] {
        assert_eq!(plan.set_facts(&types(who, on)).unwrap_err().kind(), Kind::Schema, "{who} {on}");
    }
    plan.set_facts(&types("int", "date")).unwrap();
    plan.set_truncates(true);
    let batch = Batches::Month.batch("2010-12").unwrap();
    golden("facts_create", &plan.create(&[], None).unwrap());
    golden("facts_merge", &plan.merge(&batch, &batch.until, "run/2010-12").unwrap());
    golden("facts_overview", &plan.overview().unwrap());
    golden("facts_covered", &plan.covered().unwrap());
    let digest = plan.digest_of_facts().unwrap();
    golden("facts_placed", &format!("{};\n\n{digest}", plan.placed(&batch.until).unwrap()));
}

#[test]
fn a_dimension_of_a_finished_history() {
    let args = |unit: &str| {
        args(&format!(
            "keys = ['id']\ntracked = ['country']\nuntracked = ['at']\ninput = 'history'\nend-column = 'unt`il'\n{unit}"
        ))
    };
    let made = |args: &Scd2Args, end: &str| {
        args.check().unwrap();
        let history = [("id", "int"), ("at", "date"), ("unt`il", end), ("country", "string"), ("sakia_op", "string")];
        Plan::new(&args.of_events_read(), &columns(&history), None, Templates::load(None).unwrap())
    };
    let plan = made(&args("end-unit = 'day'"), "timestamp").unwrap();
    golden("history_overview", &plan.overview().unwrap());
    for (unit, end) in [("", "int"), ("end-unit = 'one'", "date")] {
        assert_eq!(made(&args(unit), end).unwrap_err().kind(), Kind::Schema, "{unit} {end}");
    }
    let exclusive = made(&args(""), "date").unwrap().overview().unwrap();
    assert!(exclusive.contains("NULL, CAST(h.`unt``il` AS timestamp)) AS sakia_end"), "{exclusive}");
}

#[test]
fn a_dimension_in_parquet() {
    let args = args("keys = ['id', 'part']\ntracked = ['country']\nshape = 'parquet'\nbuckets = 12");
    let mut plan = plan(&args);
    plan.set_layout(Layout::of(&args, None, Engine::Hive).unwrap(), Engine::Hive);
    golden("parquet_create", &plan.create(&[("sakia.scd2.definition", "it's this")], None).unwrap());
    let (batch, touched) = (Batches::Month.batch("2010-12").unwrap(), ["03", "11"].map(str::to_owned));
    let statements = plan.statements(&batch, &batch.until, "run/2010-12", &touched).unwrap();
    golden("parquet_batch", &statements.join(";\n\n"));
    let effect = plan.effect(&batch.until).unwrap();
    assert!(effect.contains("0 AS deleted, concat_ws(',', sort_array(collect_set(lpad("), "{effect}");
}

#[test]
fn a_dimension_on_spark() {
    let args = args("keys = ['id']\ntracked = ['country']");
    let mut plan = plan(&args);
    plan.set_layout(Layout::of(&args, None, Engine::Spark).unwrap(), Engine::Spark);
    assert!(plan.needs_location());
    let made = plan.create(&[], Some("hdfs://a/shop.db/dim")).unwrap();
    assert!(made.contains("STORED AS PARQUET\nLOCATION 'hdfs://a/shop.db/dim'\n"), "{made}");
    let batch = Batches::Month.batch("2010-12").unwrap();
    let shadow = &plan.statements(&batch, &batch.until, "b", &["1".to_owned()]).unwrap()[1];
    assert!(shadow.starts_with("CREATE TABLE `shop`.`dim_sakia_shadow_ATTEMPT` LIKE"), "{shadow}");

    let args = Scd2Args { shape: Some(Shape::Iceberg), ..args };
    for (engine, stored) in [(Engine::Hive, "\nSTORED BY ICEBERG\n"), (Engine::Spark, "\nUSING iceberg\nCOMMENT '")] {
        plan.set_layout(Layout::of(&args, None, engine).unwrap(), engine);
        let made = plan.create(&[], None).unwrap();
        assert!(made.contains(stored) && made.contains("'sakia.scd2.shape' = 'iceberg'"), "{made}");
    }
    let merge = plan.merge(&batch, &batch.until, "b").unwrap();
    assert!(merge.contains("THEN INSERT (`sk`, `id`, `country`, "), "{merge}");
}

#[test]
fn spark_changes_no_columns_of_partitions_and_iceberg_has_no_char() {
    let asked = args("keys = ['id']\ntracked = ['country']\nshape = 'parquet'");
    let log = columns(&[("id", "bigint"), ("at", "timestamp"), ("country", "char(2)")]);
    let dimension = columns(&[
        ("sk", "string"),
        ("id", "int"),
        ("country", "char(2)"),
        ("valid_from", "timestamp"),
        ("valid_to", "timestamp"),
        ("is_current", "boolean"),
        ("batch_id", "string"),
    ]);
    let mut plan = Plan::new(&asked, &log, Some(&dimension), Templates::load(None).unwrap()).unwrap();
    plan.set_layout(Layout::of(&asked, None, Engine::Hive).unwrap(), Engine::Hive);
    plan.check_alterations().unwrap();
    plan.check_types().unwrap();
    plan.set_layout(plan.layout.clone(), Engine::Spark);
    assert_eq!(plan.check_alterations().unwrap_err().kind(), Kind::Config);
    plan.set_layout(Layout::Iceberg, Engine::Spark);
    plan.check_alterations().unwrap();
    assert_eq!(plan.check_types().unwrap_err().kind(), Kind::Schema);
}

#[test]
fn a_dimension_of_an_earlier_version_keeps_its_columns() {
    let args = args("keys = ['id']\ntracked = ['country']\nop-column = 'op'");
    let log = columns(&[("id", "int"), ("at", "timestamp"), ("op", "string"), ("country", "string")]);
    let dimension = columns(&[
        ("sk", "string"),
        ("id", "int"),
        ("country", "string"),
        ("valid_from", "timestamp"),
        ("valid_to", "timestamp"),
        ("is_current", "boolean"),
        ("batch_id", "string"),
        ("by_hand", "int"),
    ]);
    let plan = Plan::new(&args, &log, Some(&dimension), Templates::load(None).unwrap()).unwrap();
    let merge = plan.merge(&Batch::catch_up("x"), "x", "b").unwrap();
    let inserted = "VALUES (s.`sk`, s.`id`, s.`country`, s.`valid_from`, s.`valid_to`, s.`is_current`, 'b', NULL)";
    assert!(merge.ends_with(inserted) && !merge.contains("`is_deleted`"), "{merge}");
    let record = Scd2Args { deletes: super::super::args::Deletes::Record, ..args };
    let error = Plan::new(&record, &log, Some(&dimension), Templates::load(None).unwrap()).unwrap_err();
    assert!(error.to_string().contains("has no column is_deleted"), "{error}");
}

#[test]
fn a_version_may_show_its_first_values() {
    let args = args("keys = ['id']\ntracked = ['country']\nuntracked = ['tier']\nuntracked-policy = 'first-in-run'");
    let merge = plan(&args).merge(&Batch::catch_up("x"), "x", "b").unwrap();
    assert!(merge.contains("SELECT `id`, `country`, `tier`, sakia_seq, sakia_deleted, sakia_starts,"), "{merge}");
    assert!(!merge.contains("UNION ALL"), "nothing is deleted at once where the log does not say so");
}

#[test]
fn columns_that_cannot_serve_are_schema_errors() {
    let columns = columns(&[("id", "int"), ("at", "string"), ("when", "timestamp"), ("bag", "map<string,int>")]);
    let bad = [
        ("keys = ['nr']\ntracked = ['bag']\nsequence = 'when'", "table shop.changes has no column nr"),
        ("keys = ['id']\ntracked = ['bag']\nsequence = 'at'", "is string, and nobody says on which zone's clock"),
        ("keys = ['id']\ntracked = ['bag']\nsequence = 'when'", "versions of nested values cannot be compared"),
    ];
    for (toml, text) in bad {
        let args: Scd2Args = toml::from_str(&format!("source = 'shop.changes'\ntarget = 'shop.dim'\n{toml}")).unwrap();
        let error = Plan::new(&args, &columns, None, Templates::load(None).unwrap()).unwrap_err();
        assert_eq!(error.kind(), Kind::Schema);
        assert!(error.to_string().contains(text), "{error}");
    }
}

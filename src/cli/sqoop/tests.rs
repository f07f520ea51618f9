//! Argument vectors and what they come to, by the numbers of the test vectors taken from Sqoop's own tests and code
//! (`v60` and the like). Where we differ on purpose the test says why.

use super::servers::Password;
use super::translate::{Request, Work, translate};
use crate::error::{Kind, Result};
use crate::format::Compression;
use crate::pipeline::{Servers, StepKind};
use crate::transfer::args::{
    Compat, Existing, ExportArgs, FileNames, HiveStoredAs, ImportArgs, ImportFormat, IncrementalMode, MergeArgs,
    TextArgs, UpdateMode, ZeroDates,
};

const CONNECT: &[&str] = &["--connect", "jdbc:mysql://db/shop", "--username", "u"];

pub(super) fn request(args: &[&str]) -> Result<Request> {
    translate(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
}

/// `tool args` with a connect string.
fn ask(tool: &str, args: &[&str]) -> Result<Request> {
    let (generic, own) = args.split_at(args.iter().take_while(|arg| arg.starts_with("-D")).count());
    request(&[&[tool], generic, CONNECT, own].concat())
}

fn step(tool: &str, args: &[&str]) -> (StepKind, Servers, Vec<String>) {
    let request = ask(tool, args).unwrap_or_else(|e| panic!("{args:?}: {e}"));
    match request.work {
        Work::Step(step, servers, _) => (step.kind, *servers, request.notes),
        other => panic!("{other:?}"),
    }
}

fn import(args: &[&str]) -> ImportArgs {
    match step("import", args) {
        (StepKind::Import(args), ..) => *args,
        other => panic!("{other:?}"),
    }
}

/// An import of table `t` into `/t`.
fn table(args: &[&str]) -> ImportArgs {
    import(&[args, &["--table", "t", "--target-dir", "/t"]].concat())
}

fn export(args: &[&str]) -> ExportArgs {
    match step("export", &[args, &["--table", "t", "--export-dir", "/d"]].concat()) {
        (StepKind::Export(args), ..) => *args,
        other => panic!("{other:?}"),
    }
}

/// What is said to a vector that is refused for being typed wrongly.
fn refused(tool: &str, args: &[&str]) -> String {
    let error = ask(tool, args).err().unwrap_or_else(|| panic!("{args:?} is taken"));
    assert!(matches!(error.kind(), Kind::Usage | Kind::Config), "{error}");
    error.to_string()
}

#[test]
fn an_import_is_what_sqoop_would_do() {
    let args = import(&["--table", "t", "--columns", "a, b", "--where", "a > 1", "-m", "2", "--split-by", "a"]);
    assert_eq!((args.format, args.compat, args.file_names), (ImportFormat::Text, Compat::Sqoop, FileNames::Sqoop));
    assert_eq!((args.existing, args.compression, args.success_file), (Existing::Refuse, None, true));
    assert_eq!((args.columns, args.num_mappers), (vec!["a".to_owned(), "b".to_owned()], 2));
    assert!(args.warehouse_dir.unwrap().starts_with("/user/"), "imports land in the home directory");
    let (_, servers, notes) = step("import", &["-Dfs.defaultFS=hdfs://nn:8020", "--table", "t"]);
    assert_eq!(servers.hdfs.unwrap().url.as_deref(), Some("hdfs://nn:8020"));
    assert_eq!(notes, [""; 0]);
}

#[test]
fn v20_text_splits_need_no_leave() {
    // Sqoop refuses to split by text unless the property says so, because it loses rows under a collation. Our splits
    // follow the collation, so the property is taken and changes nothing.
    let with = ["-Dorg.apache.sqoop.splitter.allow_text_splitter=true", "--table", "t", "--split-by", "name"];
    let (StepKind::Import(args), _, notes) = step("import", &with) else { panic!() };
    assert_eq!(*args, import(&["--table", "t", "--split-by", "name"]));
    assert_eq!(notes, [""; 0]);
}

#[test]
fn v21_one_mapper_where_there_is_no_key() {
    assert!(table(&["--autoreset-to-one-mapper"]).autoreset_to_one_mapper);
    let said = refused("import", &["--table", "t", "--autoreset-to-one-mapper", "--split-by", "a"]);
    assert_eq!(said, "--autoreset-to-one-mapper and --split-by cannot be used together.");
}

#[test]
fn v22_a_boundary_query_counts_with_one_mapper_too() {
    let args = table(&["--boundary-query", "SELECT 3, 5", "-m", "1", "--split-by", "a"]);
    assert_eq!((args.boundary_query.as_deref(), args.num_mappers), (Some("SELECT 3, 5"), 1));
}

#[test]
fn v23_a_query_with_one_mapper_needs_no_split_column() {
    let args = import(&["-e", "SELECT a FROM t WHERE $CONDITIONS", "-m", "1", "--target-dir", "/t"]);
    assert_eq!((args.table, args.split_by), (None, None));
    assert_eq!(args.query.as_deref(), Some("SELECT a FROM t WHERE $CONDITIONS"));
}

#[test]
fn v33_delimiters_go_on_as_typed() {
    for typed in ["a", "\\0xf", "\\0Xf0", "\\04", "\\045", "\\0", "\\00", "\\0000", "\\0x0", "\\n", "\\\\", "\\", "\\t"]
    {
        let text = table(&["--fields-terminated-by", typed]).text;
        assert_eq!(text.fields_terminated_by.as_deref(), Some(typed));
    }
    for (typed, first) in [("xyz", "x"), ("   ", " ")] {
        let (StepKind::Import(args), _, notes) = step("import", &["--table", "t", "--enclosed-by", typed]) else {
            panic!()
        };
        assert_eq!(args.text.enclosed_by.as_deref(), Some(first));
        assert!(notes[0].starts_with("--enclosed-by: "), "{notes:?}");
    }
}

#[test]
fn v34_what_is_not_a_delimiter_is_refused() {
    for typed in ["\\Q", "\\nn", "", "\\095", "\\0x9K5"] {
        assert!(refused("import", &["--table", "t", "--escaped-by", typed]).starts_with("--escaped-by: "), "{typed}");
    }
}

#[test]
fn v35_input_delimiters_are_as_the_output_ones_unless_typed() {
    let text = export(&["--fields-terminated-by", "|"]).text;
    assert_eq!(text.fields_terminated_by.as_deref(), Some("|"));
    let text = export(&["--fields-terminated-by", "|", "--input-fields-terminated-by", "*"]).text;
    assert_eq!(text.fields_terminated_by.as_deref(), Some("*"));
    let text = export(&["--enclosed-by", "'", "--input-optionally-enclosed-by", "\""]).text;
    assert_eq!((text.enclosed_by, text.optionally_enclosed_by.as_deref()), (None, Some("\"")));
}

#[test]
fn v36_mysql_delimiters_win_whatever_the_order() {
    let want = TextArgs {
        fields_terminated_by: Some(",".into()),
        lines_terminated_by: Some("\\n".into()),
        escaped_by: Some("\\\\".into()),
        optionally_enclosed_by: Some("'".into()),
        ..TextArgs::default()
    };
    for args in [
        &["--mysql-delimiters", "--fields-terminated-by", "|"][..],
        &["--fields-terminated-by", "|", "--enclosed-by", "x", "--mysql-delimiters"],
    ] {
        assert_eq!(table(args).text, want);
    }
}

#[test]
fn v40_delimiters_are_dropped_or_replaced() {
    let args = ["--table", "t", "--hive-drop-import-delims", "--hive-delims-replacement", " "];
    let said = refused("import", &args);
    assert_eq!(said, "The hive-drop-import-delims option conflicts with the hive-delims-replacement option.");
    assert!(table(&["--hive-drop-import-delims"]).text.drop_delims);
    assert_eq!(table(&["--hive-delims-replacement", "\\t"]).text.replace_delims.as_deref(), Some("\t"));
}

#[test]
fn v45_names_of_columns_are_the_files_matter() {
    // Sqoop makes Java identifiers of names, and wants to know whether those in mappings are such. Ours are the
    // database's own everywhere but inside Avro's schema.
    let args = table(&["--map-column-java", "cla ss=String", "--escape-mapping-column-names", "false"]);
    assert_eq!(args.map_column_java.unwrap().get("cla ss"), Some("String"));
}

#[test]
fn v46_large_objects_stand_in_their_records() {
    // Sqoop puts an object above the limit into a file of its own, which only its own class can read.
    let (StepKind::Import(args), _, notes) = step("import", &["--table", "t", "--inline-lob-limit", "1"]) else {
        panic!()
    };
    assert_eq!(*args, import(&["--table", "t"]));
    assert!(notes[0].starts_with("--inline-lob-limit does nothing here"), "{notes:?}");
}

#[test]
fn v56_null_strings_are_java_literals() {
    for typed in ["\\\\N", "\\N"] {
        let text = table(&["--null-string", typed, "--null-non-string", typed]).text;
        assert_eq!((text.null_string.as_deref(), text.null_non_string.as_deref()), (Some("\\N"), Some("\\N")));
        let text = export(&["--input-null-string", typed, "--input-null-non-string", "a\\tb"]).text;
        assert_eq!((text.null_string.as_deref(), text.null_non_string.as_deref()), (Some("\\N"), Some("a\tb")));
    }
    assert_eq!(table(&["--null-string", ""]).text.null_string.as_deref(), Some(""));
}

#[test]
fn v60_a_query_says_where_conditions_go() {
    let said = refused("import", &["--query", "SELECT * FROM ints", "--target-dir", "/t", "-m", "1"]);
    assert_eq!(said, "Query [SELECT * FROM ints] must contain '$CONDITIONS' in WHERE clause.");
}

#[test]
fn v61_one_directory_is_named() {
    let said = refused("import", &["--table", "t", "--target-dir", "/a", "--warehouse-dir", "/b"]);
    assert_eq!(said, "--target-dir with --warehouse-dir are incompatible options.");
    assert_eq!(table(&[]).existing, Existing::Refuse);
    assert_eq!(table(&["--delete-target-dir"]).existing, Existing::Delete);
    assert_eq!(table(&["--append"]).existing, Existing::Append);
}

#[test]
fn v62_codecs() {
    let codec = |args: &[&str]| table(args).compression;
    assert_eq!(codec(&["-z"]), Some(Compression::Gzip));
    assert_eq!(codec(&["--compression-codec", "org.apache.hadoop.io.compress.SnappyCodec"]), Some(Compression::Snappy));
    assert_eq!(codec(&["-z", "--compression-codec", "bzip2"]), Some(Compression::Bzip2));
    assert!(refused("import", &["--table", "t", "--compression-codec", "foobar"]).contains("foobar"));
}

#[test]
fn v64_options_that_do_not_go_together() {
    let query = "SELECT a FROM t WHERE $CONDITIONS";
    for (args, said) in [
        (
            &["--table", "t", "--append", "--delete-target-dir"][..],
            "--append and --delete-target-dir can not be used together.",
        ),
        (&["--table", "t", "--query", query], "Cannot specify --query and --table together."),
        (
            &["--query", query, "--target-dir", "/t", "-m", "2"],
            "When importing query results in parallel, you must specify --split-by.",
        ),
        (&["--query", query, "-m", "1"], "Must specify destination with --target-dir."),
        (&[], "--table or --query is required for import. (Or use sqoop import-all-tables.)"),
        (
            &["--table", "t", "--delete-target-dir", "--incremental", "append", "--check-column", "a"],
            "--delete-target-dir can not be used with incremental imports.",
        ),
        (
            &["--table", "t", "--incremental", "append"],
            "For an incremental import, the check column must be specified with --check-column.",
        ),
        (
            &["--table", "t", "--incremental", "sometimes", "--check-column", "a"],
            "Unknown incremental import mode: sometimes. Use 'append' or 'lastmodified'.",
        ),
        (&["--table", "t", "--hbase-table", "h"], "Both --hbase-table and --column-family must be set together."),
    ] {
        assert_eq!(refused("import", args), said);
    }
    // Sqoop refuses lastmodified with Avro, because its merge could not read Avro files back. Ours can.
    let args =
        table(&["--as-avrodatafile", "--incremental", "lastmodified", "--check-column", "at", "--merge-key", "id"]);
    assert_eq!((args.format, args.incremental.mode), (ImportFormat::Avro, Some(IncrementalMode::Lastmodified)));
    // Sqoop passes over --merge-key beside --append, and changed rows are doubled.
    let both =
        ["--table", "t", "--incremental", "lastmodified", "--check-column", "at", "--merge-key", "id", "--append"];
    assert!(refused("import", &both).contains("contradict"));
}

#[test]
fn v48_v49_zero_dates_are_null_for_tables_unless_the_url_says_otherwise() {
    let of = |url: &str, more: &[&str]| {
        let args = [&["import", "--connect", url, "--target-dir", "/t", "-m", "1"], more].concat();
        match request(&args).unwrap().work {
            Work::Step(step, ..) => match step.kind {
                StepKind::Import(args) => args.zero_dates,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let (table, query) = (&["--table", "t"][..], &["--query", "SELECT 1 WHERE $CONDITIONS"][..]);
    for url in [
        "jdbc:mysql://h/d",
        "jdbc:mysql://h/d?",
        "jdbc:mysql://h/d?connectTimeout=0",
        "jdbc:mysql://h/d?connectTimeout=0&",
    ] {
        assert_eq!((of(url, table), of(url, query)), (ZeroDates::Null, ZeroDates::Error), "{url}");
    }
    assert_eq!(of("jdbc:mysql://h/d?zeroDateTimeBehavior=convertToNull", query), ZeroDates::Null);
    assert_eq!(of("jdbc:mysql://h/d?zeroDateTimeBehavior=exception", table), ZeroDates::Error);
}

#[test]
fn v68_codecs_of_avro() {
    let codec = |args: &[&str]| table(&[&["--as-avrodatafile"], args].concat()).compression;
    // Gzip and deflate are one codec inside Avro.
    assert_eq!(codec(&["-z"]), Some(Compression::Gzip));
    assert_eq!(codec(&["--compression-codec", "snappy"]), Some(Compression::Snappy));
    assert_eq!(codec(&[]), Some(Compression::None));
    assert!(
        refused("import", &["--table", "t", "--as-avrodatafile", "--compression-codec", "foobar"]).contains("foobar")
    );
}

/// The property that says where the metastore is.
const METASTORE: &str = "-Dhive.metastore.uris=thrift://m:9083";

fn hive(args: &[&str]) -> ImportArgs {
    import(&[&[METASTORE, "--table", "t"], args].concat())
}

#[test]
fn v76_hive_types_of_columns() {
    let args = hive(&["--hive-import", "--map-column-hive", "id=STRING,value2=DECIMAL(13,5),value4=VARCHAR(255)"]);
    let types = args.map_column_hive.unwrap();
    assert_eq!((types.get("id"), types.get("value2")), (Some("STRING"), Some("DECIMAL(13,5)")));
    assert_eq!(types.get("value4"), Some("VARCHAR(255)"));
    let encoded = hive(&["--hive-import", "--map-column-hive", "a=DECIMAL(1%2C%201)"]).map_column_hive.unwrap();
    assert_eq!(encoded.get("a"), Some("DECIMAL(1, 1)"));
}

#[test]
fn v77_hive_tables() {
    let args = hive(&["--hive-import", "--hive-database", "db", "--target-dir", "/tmp/t"]);
    assert_eq!((args.hive_database.as_deref(), args.hive_table.as_deref()), (Some("db"), Some("t")));
    // The directory is only a stop on the way to the table's own.
    assert_eq!((args.target_dir, args.existing, args.hive_adopt), (None, Existing::Append, true));
    assert_eq!(args.text.fields_terminated_by.as_deref(), Some("\\0x01"));
    assert_eq!(args.text.null_string, None, "null, or what the table has that is there");
    let typed = hive(&["--hive-import", "--fields-terminated-by", ",", "--hive-overwrite"]);
    assert_eq!((typed.text.fields_terminated_by.as_deref(), typed.existing), (Some(","), Existing::Delete));
    let external = hive(&["--hive-import", "--external-table-dir", "/ext/t"]);
    assert_eq!(external.target_dir.as_deref(), Some("/ext/t"));
    let without = ask("import", &["--table", "t", "--hive-import"]);
    if std::env::var_os("HIVE_CONF_DIR").is_none() && std::env::var_os("HADOOP_CONF_DIR").is_none() {
        assert!(without.unwrap_err().remedy().unwrap().contains("hive.metastore.uris"));
    }
}

#[test]
fn v78_partitions_and_new_tables() {
    let args = [METASTORE, "--table", "t", "--columns", "a,ds", "--hive-import", "--hive-partition-key", "ds"];
    let said = refused("import", &[&args[..], &["--hive-partition-value", "1"]].concat());
    assert_eq!(said, "Partition key ds cannot be a column to import.");
    assert!(refused("import", &args).starts_with("Either both partition keys and partition values"));
    let args = hive(&[
        "--hive-import",
        "--hive-partition-key",
        "ds",
        "--hive-partition-value",
        "20110413",
        "--create-hive-table",
    ]);
    assert_eq!(args.hive_partition.unwrap().get("ds"), Some("20110413"));
    assert!(args.create_hive_table && !args.hive_adopt);
}

#[test]
fn v79_lzo_is_refused() {
    // LZO's codec is not Hadoop's own, and no library of ours writes it; Sqoop leaves it to a jar of the user's.
    assert!(
        refused("import", &[METASTORE, "--table", "t", "--hive-import", "--compression-codec", "lzop"])
            .contains("lzop")
    );
}

#[test]
fn tables_by_way_of_hcatalog() {
    let args = hive(&[
        "--hcatalog-table",
        "h",
        "--hcatalog-database",
        "d",
        "--create-hcatalog-table",
        "--hcatalog-storage-stanza",
        "STORED AS ORC",
        "--hcatalog-partition-keys",
        "y,m",
        "--hcatalog-partition-values",
        "1,2",
    ]);
    assert_eq!((args.hive_database.as_deref(), args.hive_table.as_deref()), (Some("d"), Some("h")));
    assert_eq!(
        (args.hive_stored_as, args.hive_partition.unwrap().to_string()),
        (Some(HiveStoredAs::Orc), "y=1,m=2".into())
    );
    let rcfile = refused("import", &[METASTORE, "--table", "t", "--hcatalog-table", "h", "--create-hcatalog-table"]);
    assert!(rcfile.contains("RCFile"), "{rcfile}");
    let args = [METASTORE, "--table", "t", "--hcatalog-table", "h", "--hcatalog-database", "d"];
    let StepKind::Export(args) = step("export", &args).0 else { panic!() };
    assert_eq!(
        (args.hive_database.as_deref(), args.hive_table.as_deref(), args.export_dir),
        (Some("d"), Some("h"), None)
    );
}

#[test]
fn v95_staging_tables() {
    let of = |args: &[&str]| refused("export", &[&["--table", "t", "--export-dir", "/d"], args].concat());
    assert_eq!(
        of(&["--staging-table", "T"]),
        "Staging table cannot be the same as the destination table name specified."
    );
    assert!(of(&["--clear-staging-table"]).starts_with("Option to clear the staging table is specified but"));
    assert!(of(&["--staging-table", "s", "--update-key", "a"]).contains("update mode"));
    let args = export(&["--staging-table", "s", "--clear-staging-table"]);
    assert_eq!((args.staging_table.as_deref(), args.clear_staging_table), (Some("s"), true));
}

#[test]
fn v87_v93_exports() {
    let args = export(&["-Dsqoop.export.records.per.statement=5", "-Dsqoop.export.statements.per.transaction=-1"]);
    assert_eq!((args.rows_per_statement, args.statements_per_transaction, args.compat), (Some(5), 0, Compat::Sqoop));
    let args = export(&["--update-key", "a,b", "--update-mode", "allowinsert"]);
    assert_eq!((args.update_key.len(), args.update_mode), (2, UpdateMode::AllowInsert));
    let said = refused("export", &["--table", "t", "--export-dir", "/d", "--update-key", "a", "--update-mode", "x"]);
    assert_eq!(said, "Unknown new update mode: x. Use 'updateonly' or 'allowinsert'.");
}

#[test]
fn v85_merges() {
    let args =
        ["merge", "--new-data", "/n", "--onto", "/o", "--target-dir", "t", "--merge-key", "id", "--class-name", "C"];
    let Work::Step(step, servers, _) = request(&args).unwrap().work else { panic!() };
    let StepKind::Merge(merge) = step.kind else { panic!() };
    let MergeArgs { new_data, onto, target_dir, merge_key, .. } = *merge;
    assert_eq!((new_data.as_str(), onto.as_str(), merge_key), ("/n", "/o", vec!["id".to_owned()]));
    assert!(target_dir.starts_with("/user/") && target_dir.ends_with("/t") && servers.mysql.is_none());
    assert!(request(&args[..7]).is_err());
}

#[test]
fn a_property_sets_a_key_of_the_step() {
    let args = table(&["-Dsakia.step.consistency=gtid", "-Dsakia.step.text.null-string=x", "-Dsakia.step.verify=true"]);
    assert_eq!((args.text.null_string.as_deref(), args.verify), (Some("x"), true));
    assert!(refused("import", &["-Dsakia.step.consistancy=gtid", "--table", "t"]).contains("unknown key"));
}

#[test]
fn a_password_is_named_once_and_never_shown() {
    let request = ask("import", &["--table", "t", "--password", "s3cret"]).unwrap();
    assert!(request.notes[0].starts_with("Setting your password on the command-line is insecure."));
    assert!(!format!("{request:?}").contains("s3cret"));
    assert!(refused("import", &["--table", "t", "--password", "x", "-P"]).starts_with("Only one of --password"));
    for url in ["jdbc:mysql://u:s3cret@h/d", "jdbc:mysql://h/d?user=u&password=s3cret"] {
        let request = self::request(&["import", "--connect", url, "--table", "t", "--target-dir", "/t"]).unwrap();
        assert!(request.notes[0].starts_with("Setting your password on the command-line is insecure."));
        assert!(!format!("{request:?}").contains("s3cret"), "{request:?}");
        let Work::Step(_, _, password) = request.work else { panic!() };
        assert_eq!(password, Password::Typed(crate::secret::Secret::new("s3cret")));
    }
    let Work::Step(_, servers, password) = ask("import", &["--table", "t", "--password-file", "/no/pw"]).unwrap().work
    else {
        panic!()
    };
    assert_eq!(password, Password::File("hdfs:///no/pw".into()));
    assert_eq!(servers.mysql.unwrap().password_file, Some("hdfs:///no/pw".into()));
}

#[test]
fn a_file_of_connection_parameters_may_hold_the_password() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "password=s3cret\nuseSSL=false\n").unwrap();
    let args = ["--table", "t", "--connection-param-file", file.path().to_str().unwrap()];
    let Work::Step(_, servers, password) = ask("import", &args).unwrap().work else { panic!() };
    assert_eq!(password, Password::Typed(crate::secret::Secret::new("s3cret")));
    assert_eq!(servers.mysql.unwrap().url.as_deref(), Some("jdbc:mysql://db/shop?useSSL=false"));
}

#[test]
fn tools_that_are_not_here_say_what_to_use() {
    for (tool, words) in [("codegen", "Java"), ("metastore", "SAKIA_JOB_DIR"), ("import-mainframe", "MySQL")] {
        assert!(request(&[tool]).unwrap_err().remedy().unwrap().contains(words), "{tool}");
    }
    assert_eq!(request(&["imprt"]).unwrap_err().to_string(), "No such sqoop tool: imprt. See 'sqoop help'");
}

#[test]
fn a_table_definition_is_an_import_without_rows() {
    let args = [METASTORE, "--table", "t", "--hive-table", "h", "--create-hive-table"];
    let StepKind::Import(args) = step("create-hive-table", &args).0 else { panic!() };
    assert_eq!((args.condition.as_deref(), args.hive_table.as_deref()), (Some("1 = 0"), Some("h")));
    assert!(args.create_hive_table);
    assert!(refused("create-hive-table", &[METASTORE]).starts_with("--table is required"));
}

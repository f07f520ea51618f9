//! The HiveServer2 client against the real server: every type, many rows, errors, a stop, and who may log in.

use std::time::{Duration, Instant};

use sakia::config::Timespan;
use sakia::error::Kind;
use sakia::hiveserver2::{Authentication, HiveServer2Options, Session, Value, quote};
use sakia::shutdown::Stop;

use crate::stack::{address, beeline, unique};

/// The stack's HiveServer2 takes any user.
pub fn hiveserver2() -> HiveServer2Options {
    HiveServer2Options::new(address("HIVESERVER2_PORT"), "root")
}

async fn session() -> Session {
    Session::open(&hiveserver2()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_as_hive_means_it_and_so_does_null() {
    const VALUES: &[(&str, &str, &str, Value)] = &[
        ("b", "true", "boolean", Value::Bool(true)),
        ("t", "cast(-128 as tinyint)", "tinyint", Value::Int(-128)),
        ("s", "cast(-32768 as smallint)", "smallint", Value::Int(-32768)),
        ("i", "2147483647", "int", Value::Int(2_147_483_647)),
        ("l", "cast('-9223372036854775808' as bigint)", "bigint", Value::Int(i64::MIN)),
        ("d", "0.1D", "double", Value::Double(0.1)),
    ];
    let texts = [
        ("n", "cast('12345678901234567.89' as decimal(19,2))", "decimal(19,2)", "12345678901234567.89"),
        ("day", "date '0001-01-01'", "date", "0001-01-01"),
        ("ts", "timestamp '2010-12-14 12:58:00.000001'", "timestamp", "2010-12-14 12:58:00.000001"),
        ("str", "'Zoë 🍵'", "string", "Zoë 🍵"),
        ("vc", "cast('abc' as varchar(5))", "varchar(5)", "abc"),
        ("arr", "array(1,2)", "array", "[1,2]"),
    ];
    let mut columns: Vec<String> = VALUES.iter().map(|(name, sql, ..)| format!("{sql} as `{name}`")).collect();
    columns.extend(texts.iter().map(|(name, sql, ..)| format!("{sql} as `{name}`")));
    columns.push("cast('x' as binary) as `raw`".to_owned());
    columns.push("cast(null as int) as `none`".to_owned());
    let rows = session().await.query(&format!("select {}", columns.join(", ")), &Stop::new()).await.unwrap();

    let row = &rows.rows[0];
    for (i, (name, _, hive_type, value)) in VALUES.iter().enumerate() {
        assert_eq!((rows.columns[i].name.as_str(), rows.columns[i].hive_type.as_str()), (*name, *hive_type));
        assert_eq!(&row[i], value, "{name}");
    }
    for (i, (name, _, hive_type, text)) in texts.iter().enumerate() {
        let i = i + VALUES.len();
        assert_eq!((rows.columns[i].name.as_str(), rows.columns[i].hive_type.as_str()), (*name, *hive_type));
        assert_eq!(row[i].as_str(), Some(*text), "{name}");
    }
    assert_eq!(row[rows.index("raw").unwrap()], Value::Bytes(b"x".to_vec()));
    assert_eq!(row[rows.index("none").unwrap()], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_many_batches_arrives_whole_and_in_order() {
    let session = session().await;
    let sql = "select pos, if(pos % 3 = 0, null, concat('row ', pos)) as t \
               from (select posexplode(split(space(25000), ' ')) as (pos, x)) s";
    let mut cursor = session.open_query(sql, &Stop::new()).await.unwrap();
    let (mut batches, mut next) = (0, 0);
    while let Some(batch) = cursor.next_batch(&Stop::new()).await.unwrap() {
        batches += 1;
        for row in batch {
            assert_eq!(row[0], Value::Int(next));
            let text = if next % 3 == 0 { Value::Null } else { Value::Text(format!("row {next}")) };
            assert_eq!(row[1], text);
            next += 1;
        }
    }
    assert_eq!(next, 25_001);
    assert!(batches >= 3, "{batches}");
    cursor.close().await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_seen_by_hives_own_shell() {
    let (session, database) = (session().await, unique("hs2_it"));
    session
        .execute(&format!("create database {database} comment 'it\\'s ours ${{hiveconf:x}}'"), &Stop::new())
        .await
        .unwrap();
    let seen = beeline(&format!("describe database {database}"));
    session.execute(&format!("drop database {database}"), &Stop::new()).await.unwrap();
    // The statement ran as it was sent, with nothing filled in.
    assert!(seen.concat().iter().any(|cell| cell.contains("it's ours ${hiveconf:x}")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_one_line_of_a_known_kind_and_the_session_goes_on() {
    let (session, stop) = (session().await, Stop::new());
    let cases = [
        ("select * from default.no_such_table", Kind::NotFound, "no_such_table"),
        ("select * from no_such_db.t", Kind::NotFound, "no_such_db"),
        ("describe default.no_such_table", Kind::NotFound, "no_such_table"),
        ("show tblproperties default.no_such_table", Kind::NotFound, "no_such_table"),
        ("selec 1", Kind::Bug, "selec 1"),
        ("select x from (select 1 as y) t", Kind::Schema, "x"),
        ("create database default", Kind::Exists, "default"),
    ];
    for (sql, kind, names) in cases {
        let error = session.query(sql, &stop).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("hive statement '") && text.contains(names), "{text}");
        assert!(!text.contains('\n') && !text.contains("FAILED") && !text.contains("\tat "), "{text}");
    }
    assert_eq!(session.query("select 1", &stop).await.unwrap().rows, [vec![Value::Int(1)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cancels_the_statement_on_the_server() {
    let (session, stop, database) = (session().await, Stop::new(), unique("hs2_it"));
    session.execute(&format!("create database {database}"), &Stop::new()).await.unwrap();
    // Some ten seconds of hashing: a task of Tez local mode cannot be interrupted, and holds up everybody meanwhile.
    let sql = format!(
        "create table {database}.never as select max(sha2(concat(a.p, b.p), 512)) as m from \
         (select posexplode(split(space(4000), ' ')) as (p, x)) a, \
         (select posexplode(split(space(1000), ' ')) as (p, x)) b"
    );
    let stopper = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stopper.request(15);
    });
    let started = Instant::now();
    let error = session.execute(&sql, &stop).await.unwrap_err();
    assert_eq!(error.exit_code(), 143, "{error}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    // Answered after the cancellation; the session is free again and the table was never made.
    assert_eq!(session.query("select 1", &Stop::new()).await.unwrap().rows, [vec![Value::Int(1)]]);
    assert!(beeline(&format!("show tables in {database}")).is_empty());
    session.execute(&format!("drop database {database} cascade"), &Stop::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_tried_in_order_and_settings_reach_the_session() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut options = hiveserver2().default_setting("hive.merge.cardinality.check", "false");
    options.urls.insert(0, closed.clone());
    let session = Session::open(&options).await.unwrap();
    assert_eq!(session.endpoint(), address("HIVESERVER2_PORT"));
    let rows = session.query("set hive.merge.cardinality.check", &Stop::new()).await.unwrap();
    assert_eq!(rows.rows[0][0].as_str(), Some("hive.merge.cardinality.check=false"));

    options.urls.truncate(1);
    let error = Session::open(&options).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains(&closed), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_sasl_ends_a_session_without_it() {
    let options = HiveServer2Options {
        auth: Some(Authentication::Nosasl),
        call_timeout: Timespan::from_secs(10),
        ..hiveserver2()
    };
    let error = Session::open(&options).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    assert!(error.remedy().unwrap().contains("auth = \"plain\""), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_texts_stay_inside_their_quotes() {
    let texts = [
        "it's",
        r"back\slash",
        "a;b -- c",
        "${y} ${hiveconf:x}",
        "\0\u{1}\u{1b}\u{7f}12",
        "tab\tline\nfeed\rend",
        r"%_\%\_",
        r"\u0041\101",
        "`\"",
        "Zoë 日本 🍵",
        "",
    ];
    let session = session().await;
    let hexes: Vec<String> = texts.iter().map(|text| format!("hex({})", quote::text(text))).collect();
    let rows = session.query(&format!("select {}", hexes.join(", ")), &Stop::new()).await.unwrap();
    for (text, seen) in texts.iter().zip(&rows.rows[0]) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(seen.as_str(), Some(hex.as_str()), "{text:?}");
    }

    let names = ["a`b", "semi;colon", "it's", r"back\slash", "${x}", "select", "--", "a,b (c)"];
    let database = unique("hive_it");
    let table = quote::table(&database, "t");
    let columns: Vec<String> =
        names.iter().map(|name| format!("{} int comment {}", quote::name(name), quote::text(name))).collect();
    let properties = quote::properties(&[("it's;", r"a\b;'"), ("b", "${x}")]);
    for statement in [
        format!("create database {database}"),
        format!("create table {table} ({}) tblproperties ({properties})", columns.join(", ")),
    ] {
        session.execute(&statement, &Stop::new()).await.unwrap();
    }
    let described = session.query(&format!("describe {table}"), &Stop::new()).await.unwrap();
    for (name, row) in names.iter().zip(&described.rows) {
        let seen = [0, 2].map(|i| quote::described(row[i].as_str().unwrap_or("").trim()));
        assert_eq!(seen, [*name, *name]);
    }
    let shown = session.query(&format!("show tblproperties {table}"), &Stop::new()).await.unwrap();
    for pair in [["it's;", r"a\b;'"], ["b", "${x}"]] {
        assert!(
            shown.rows.iter().any(|row| [row[0].as_str(), row[1].as_str()] == pair.map(Some)),
            "{pair:?}: {shown:?}"
        );
    }
    session.execute(&format!("drop database {database} cascade"), &Stop::new()).await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_the_server_does_not_know_is_left_out() {
    let settings = [("hive.nobody.knows.this", "1"), ("hive.mapjoin.full.outer", "false")];
    let session = Session::open_with(&hiveserver2(), &settings).await.unwrap();
    let set = session.query("set hive.mapjoin.full.outer", &Stop::new()).await.unwrap();
    assert_eq!(set.rows[0][0].as_str(), Some("hive.mapjoin.full.outer=false"));
    session.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_tez_is_told_by_its_last_cause() {
    let name = unique("it_tez");
    let session = session().await;
    let run = async |sql: String| session.execute(&sql, &Stop::new()).await;
    run(format!("create table default.{name} (k int)")).await.unwrap();
    run(format!("insert into default.{name} values (1), (2)")).await.unwrap();
    let several = format!("select * from default.{name} x where x.k = (select k from default.{name} y where y.k > 0)");
    let said = run(several).await.unwrap_err().to_string();
    run(format!("drop table default.{name}")).await.unwrap();
    assert!(said.contains("Vertex failed, vertexName=") && said.contains("returns more than one row"), "{said}");
    assert!(said.len() < 400 && !said.contains("vertexId") && !said.contains("TezTask"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_named() {
    let address = address("HIVESERVER2_PORT");
    let options = HiveServer2Options::new(format!("jdbc:hive2://{address}/it_no_such"), "root");
    let error = Session::open(&options).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert!(error.to_string().contains("it_no_such") && error.remedy().unwrap().contains("database"), "{error}");
    let error = session().await.query("use it_no_such", &Stop::new()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert!(error.to_string().contains("Database does not exist: it_no_such"), "{error}");
}

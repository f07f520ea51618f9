//! Text that Hive's own reader has to give back: what it cannot is refused before anything is visible.

use sakia::error::Kind;

use super::Scene;

/// Values that mean something to somebody on the way.
const ODD: &str = "INSERT INTO odd VALUES (1, 'plain', 'z'), (2, '', ''), (3, NULL, 'z'), (4, '\\\\N', '\\\\\\\\N'),
    (5, 'a\\\\b\\\\', 'it''s \"so\"'), (6, CONCAT('nul ', CHAR(0), ' tab \\t'), ''), (7, 'null', 'NULL'), (8, ' ', '|'),
    (9, 'gr\u{fc}n \u{1f40e}', CONCAT(CHAR(2), CHAR(3)))";

/// The same as hexadecimal digits, as MariaDB prints them.
const HEX: &str = "SELECT id, COALESCE(HEX(a), 'none'), HEX(b) FROM odd ORDER BY id";

#[tokio::test(flavor = "multi_thread")]
async fn hive_gives_back_what_was_written() {
    let mut scene =
        Scene::set(&["CREATE TABLE odd (id INT PRIMARY KEY, a VARCHAR(40), b VARCHAR(40) NOT NULL)", ODD]).await;
    let want: Vec<String> =
        mysql_async::prelude::Queryable::query_map(&mut scene.conn, HEX, |(id, a, b): (i32, String, String)| {
            format!("{id} {a} {b}")
        })
        .await
        .unwrap();
    let tables = [
        ("escaped", "as = 'text'\ntext.escaped-by = '\\\\'"),
        (
            "comma",
            "as = 'text'\ntext.escaped-by = '\\\\'\ntext.fields-terminated-by = ','\ntext.optionally-enclosed-by = '\"'",
        ),
        ("records", "as = 'sequence'\ntext.escaped-by = '\\\\'"),
        ("bare", "as = 'text'\nwhere = 'id <> 4'"),
    ];
    for (table, options) in tables {
        scene.import_into("odd", table, options).await;
    }
    let selects: Vec<String> = tables
        .iter()
        .map(|(table, _)| format!("select '{table}' t, id, coalesce(hex(a), 'none') a, hex(b) b from @db.{table}"))
        .collect();
    let found = scene.hive(&format!("select * from ({}) x order by t, id", selects.join(" union all ")));
    for (table, _) in tables {
        let rows = found.iter().filter(|row| row[0] == table);
        let found: Vec<String> =
            rows.map(|row| format!("{} {} {}", row[1], row[2], row.get(3).map_or("", String::as_str))).collect();
        let want: Vec<String> = want.iter().filter(|row| table != "bare" || !row.starts_with("4 ")).cloned().collect();
        assert_eq!(found, want, "{table}");
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hive_is_not_given_what_it_would_not_give_back() {
    let scene = Scene::set(&[
        "CREATE TABLE odd (id INT PRIMARY KEY, a VARCHAR(40))",
        "INSERT INTO odd VALUES (1, 'a\\nb'), (2, 'a\\rb'), (3, CONCAT('a', CHAR(1), 'b')), (4, '\\\\N')",
    ])
    .await;
    let escaped = "as = 'text'\ntext.escaped-by = '\\\\'";
    for (rows, options) in [
        ("id = 1", "as = 'text'"),
        ("id = 1", escaped),
        ("id = 2", escaped),
        ("id = 3", "as = 'text'"),
        ("id = 4", "as = 'text'"),
        ("id = 1", "as = 'text'\ncompat = 'sqoop'"),
        ("id = 3", "as = 'text'\ncompat = 'sqoop'"),
    ] {
        let error = scene.try_import("odd", &format!("where = '{rows}'\n{options}")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{rows} {options}: {error}");
        assert!(error.remedy().unwrap().contains("parquet"), "{:?}", error.remedy());
    }
    let error = scene.try_import("odd", "as = 'text'\ntext.enclosed-by = '\"'").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    assert_eq!(scene.visible("odd").await, None);
    let dropping = "where = 'id < 4'\nas = 'text'\ntext.drop-delims = true";
    scene.import("odd", dropping).await;
    assert_eq!(scene.hive("select count(*), count(if(a = 'ab', 1, null)) from @db.odd"), [["3", "3"]]);
    // A table that is read in another way than the files would be written.
    for other in ["text.fields-terminated-by = '|'", "text.escaped-by = '\\\\'", "text.null-string = 'nil'"] {
        let error = scene.try_import("odd", &format!("{dropping}\n{other}")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Schema, "{other}: {error}");
    }
    assert_eq!(scene.try_import("odd", "as = 'parquet'").await.unwrap_err().kind(), Kind::Schema);
    scene.clear().await;
}

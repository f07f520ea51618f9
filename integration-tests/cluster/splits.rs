//! Splits on real servers: over every kind of key the splits together are the table, no row twice; however skewed the key,
//! no split gets much more than its share; and what it costs to find the boundaries.

mod vectors;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sakia::error::{Kind, Result};
use sakia::mysql::Connection;
use sakia::mysql::session::Session;
use sakia::mysql::split::{self, Planned, Split, SplitKey, SplitOptions, SplitSource};
use sakia::mysql::table::Table;
use sakia::mysql::types::Column;

use crate::mysql::Server;
use crate::stack::unique;

const ROWS: u32 = 2_500;

/// A database of its own on one of the servers.
struct Scene {
    server: Server,
    name: String,
    conn: Conn,
    reader: Connection,
}

impl Scene {
    async fn set(server: &Server, statements: &[String]) -> Self {
        let name = unique("it_split");
        let mut conn = server.writer(None).await;
        conn.query_drop(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
        conn.query_drop(format!("USE {name}")).await.unwrap();
        for statement in statements {
            conn.query_drop(statement).await.unwrap_or_else(|e| panic!("{statement:.300}: {e}"));
        }
        let reader = server.client(&name).connect().await.unwrap();
        Self { server: server.clone(), name, conn, reader }
    }

    async fn table(&self, name: &str) -> Table {
        let client = self.server.client(&self.name);
        let mut conn = client.connect().await.unwrap();
        Table::describe(&mut conn, client.database(), name).await.unwrap()
    }

    async fn plan(&mut self, source: &SplitSource, key: &SplitKey, options: &SplitOptions) -> Result<Vec<Split>> {
        let Planned { splits, cuts } = split::plan(&mut self.reader, source, key, options).await?;
        if let Some(cuts) = cuts {
            // As they are kept: as text.
            let kept = serde_json::from_str(&serde_json::to_string(&cuts).unwrap()).unwrap();
            let options = SplitOptions { kept: Some(kept), ..options.clone() };
            let again = split::plan(&mut self.reader, source, key, &options).await?;
            // A text that the boundary query gave says nothing of a collation; the column's is meant.
            let conditions = |splits: &[Split]| -> Vec<Option<String>> {
                splits.iter().map(|s| Some(s.condition.as_ref()?.replace(" COLLATE utf8mb4_general_ci", ""))).collect()
            };
            assert_eq!(conditions(&again.splits), conditions(&splits), "{} cut again", key.name());
            assert_eq!(again.cuts, Some(cuts));
        }
        Ok(splits)
    }

    /// The ids in each split of a table or a query; each id must be in one split, and all of them together are `all`.
    async fn rows(&mut self, select: impl Fn(&str) -> String, splits: &[Split], all: &[String]) -> Vec<usize> {
        let (mut seen, mut counts) = (BTreeMap::new(), Vec::new());
        for split in splits {
            let sql = select(split.condition.as_deref().unwrap_or("1 = 1"));
            let ids = self.reader.texts(&sql, "read").await.unwrap();
            counts.push(ids.len());
            for id in ids {
                let id = id[0].clone().unwrap();
                if let Some(before) = seen.insert(id.clone(), &split.label) {
                    panic!("{}: row {id} is in split {before} and in {}", self.server.name(), split.label);
                }
            }
        }
        let missing: Vec<_> = all.iter().filter(|id| !seen.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{}: rows {missing:?} are in no split of {splits:#?}", self.server.name());
        assert_eq!(seen.len(), all.len());
        counts
    }

    async fn ids(&mut self, table: &str) -> Vec<String> {
        let rows = self.reader.texts(&format!("SELECT id FROM {table}"), "read").await.unwrap();
        rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
    }

    async fn clear(mut self) {
        self.conn.query_drop(format!("DROP DATABASE {}", self.name)).await.unwrap();
    }
}

/// A column, its type, and how a random value of it is written.
type Sample = (&'static str, &'static str, fn(&mut ChaCha8Rng) -> String);

/// Columns of every kind that can be split by.
fn kinds(server: &Server) -> Vec<Sample> {
    fn any_of(rng: &mut ChaCha8Rng, values: &[&str]) -> String {
        values[rng.random_range(0..values.len())].to_owned()
    }
    fn sometimes(rng: &mut ChaCha8Rng, values: &[&str], other: String) -> String {
        if rng.random_bool(0.1) { any_of(rng, values) } else { other }
    }
    /// Text of which some differs in case, accents and trailing blanks alone.
    fn text(rng: &mut ChaCha8Rng, alphabet: &str) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        let length = rng.random_range(0..7);
        let mut text: String = (0..length).map(|_| alphabet[rng.random_range(0..alphabet.len())]).collect();
        text.push_str(["", "", "", " ", "  "][rng.random_range(0..5)]);
        text
    }
    fn hex(text: &str) -> String {
        let digits: String = text.bytes().map(|b| format!("{b:02X}")).collect();
        format!("_utf8mb4 X'{digits}'")
    }
    const LATIN: &str = "aAbBcCzZäÄåÅéÉèÈeEoOöÖøØßsS019'\"\\%_-.,;";
    let mut kinds: Vec<Sample> = vec![
        ("tiny", "TINYINT", |r| r.random_range(-128..=127).to_string()),
        ("usmall", "SMALLINT UNSIGNED", |r| r.random_range(0..=65535).to_string()),
        ("big", "BIGINT", |r| {
            let any = r.random::<i64>().to_string();
            sometimes(r, &["-9223372036854775808", "9223372036854775807", "0", "-1"], any)
        }),
        ("ubig", "BIGINT UNSIGNED", |r| {
            let high = (u64::MAX - r.random_range(0..2000)).to_string();
            sometimes(r, &["0", "9223372036854775807", "9223372036854775808", "18446744073709551615"], high)
        }),
        ("flag", "BOOL", |r| r.random_range(0..=1).to_string()),
        ("y", "YEAR", |r| {
            let any = r.random_range(1901..=2155).to_string();
            sometimes(r, &["0"], any)
        }),
        ("bit1", "BIT(1)", |r| format!("b'{}'", r.random_range(0..=1))),
        ("bit64", "BIT(64)", |r| r.random::<u64>().to_string()),
        ("whole", "DECIMAL(20,0)", |r| r.random::<i64>().to_string()),
        ("wide", "DECIMAL(65,30)", |r| {
            let any = format!("{}.{}", r.random::<i64>(), r.random::<u32>());
            sometimes(
                r,
                &[
                    "99999999999999999999999999999999999.999999999999999999999999999999",
                    "-0.000000000000000000000000000001",
                ],
                any,
            )
        }),
        ("f", "FLOAT", |r| {
            let any = format!("{:e}", r.random_range(-1.0f32..1.0));
            sometimes(r, &["3.4028234e38", "-3.4028234e38", "0.1", "0.7", "16777216", "123456.7", "0"], any)
        }),
        ("d", "DOUBLE", |r| {
            let any = format!("{:e}", r.random_range(-100.0..100.0));
            sometimes(r, &["1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "0.1", "-0.0"], any)
        }),
        ("day", "DATE", |r| {
            let any = format!(
                "'{}-{:02}-{:02}'",
                r.random_range(1000..=9999),
                r.random_range(0..=12),
                r.random_range(0..=28)
            );
            sometimes(r, &["'0000-00-00'", "'2024-00-00'", "'2024-02-00'"], any)
        }),
        ("at", "DATETIME(6)", |r| {
            let any = format!(
                "'{}-01-01 {:02}:00:00.{:06}'",
                r.random_range(1970..=2030),
                r.random_range(0..24),
                r.random_range(0..999_999)
            );
            sometimes(r, &["'0000-00-00 00:00:00'", "'9999-12-31 23:59:59.999999'", "'2024-00-00 10:00:00'"], any)
        }),
        ("stamp", "TIMESTAMP(3)", |r| {
            let any = format!("FROM_UNIXTIME({}.{:03})", r.random_range(1..2_000_000_000), r.random_range(0..999));
            sometimes(r, &["'0000-00-00 00:00:00'", "'2038-01-19 03:14:07.999'"], any)
        }),
        ("span", "TIME(2)", |r| {
            let any =
                format!("'{}:{:02}:{:02}.5'", r.random_range(-838..=838), r.random_range(0..60), r.random_range(0..60));
            sometimes(r, &["'-838:59:59'", "'838:59:59'", "'00:00:00'"], any)
        }),
        ("general", "VARCHAR(20) COLLATE utf8mb4_general_ci", |r| hex(&text(r, &format!("{LATIN}αΑβΒ日本𝄞")))),
        ("unicode", "VARCHAR(20) COLLATE utf8mb4_unicode_ci", |r| hex(&text(r, &format!("{LATIN}αΑβΒ日本𝄞")))),
        ("binary_order", "VARCHAR(20) COLLATE utf8mb4_bin", |r| hex(&text(r, &format!("{LATIN}αΑβΒ日本𝄞")))),
        ("swedish", "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", |r| hex(&text(r, LATIN))),
        ("german", "CHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci", |r| hex(&text(r, LATIN))),
        ("two_bytes", "VARCHAR(20) CHARACTER SET ucs2", |r| hex(&text(r, &format!("{LATIN}αΑ日本")))),
        ("chinese", "VARCHAR(20) CHARACTER SET gbk", |r| hex(&text(r, "abAB日本中文012"))),
        ("long_text", "TEXT", |r| hex(&text(r, LATIN).repeat(20))),
        ("fixed", "BINARY(4)", |r| format!("X'{:08X}'", r.random::<u32>())),
        ("bytes", "VARBINARY(9)", |r| {
            let (length, bytes) = (r.random_range(0..8), r.random::<u64>().to_be_bytes());
            format!("X'{}'", bytes[..length].iter().map(|b| format!("{b:02X}")).collect::<String>())
        }),
    ];
    match server {
        Server::MariaDb | Server::OwnMariaDb(..) => {
            kinds.push(("uuids", "UUID", |r| format!("'{}'", uuid::Uuid::from_u128(r.random()))));
            kinds.push(("v4", "INET4", |r| format!("'{}'", std::net::Ipv4Addr::from_bits(r.random()))));
            kinds.push(("uca1400", "VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci", |r| hex(&text(r, LATIN))));
        }
        Server::MySql(_) => kinds.push(("uca900", "VARCHAR(20) COLLATE utf8mb4_0900_ai_ci", |r| hex(&text(r, LATIN)))),
    }
    kinds
}

/// A table with a column of every kind and an index on each, and the same without one.
async fn every_kind(server: &Server) -> Scene {
    let (kinds, mut rng) = (kinds(server), ChaCha8Rng::seed_from_u64(4));
    let columns: Vec<String> = kinds.iter().map(|(name, of, _)| format!("{name} {of} NULL")).collect();
    let keys: Vec<String> = kinds
        .iter()
        .map(|(name, ..)| match *name {
            "long_text" => "KEY (long_text(9))".to_owned(),
            name => format!("KEY ({name})"),
        })
        .collect();
    let mut statements = vec![
        format!("CREATE TABLE indexed (id INT PRIMARY KEY, {}, {}) ENGINE=InnoDB", columns.join(", "), keys.join(", ")),
        format!("CREATE TABLE plain (id INT PRIMARY KEY, {}) ENGINE=InnoDB", columns.join(", ")),
    ];
    for first in (0..ROWS).step_by(250) {
        let row = |id: u32, rng: &mut ChaCha8Rng| {
            let values =
                kinds.iter().map(|(_, _, value)| if rng.random_bool(0.05) { "NULL".to_owned() } else { value(rng) });
            format!("({id}, {})", values.collect::<Vec<_>>().join(", "))
        };
        let rows: Vec<String> = (first..first + 250).map(|id| row(id, &mut rng)).collect();
        statements.push(format!("INSERT INTO indexed VALUES {}", rows.join(", ")));
    }
    statements.push("INSERT INTO plain SELECT * FROM indexed".to_owned());
    statements.push("ANALYZE TABLE indexed, plain".to_owned());
    Scene::set(server, &statements).await
}

/// Splits however few the rows are.
/// As many splits as can be, and as much time to find them as a busy machine takes: who runs short of it gets cuts that
/// are right and less even.
fn fine() -> SplitOptions {
    SplitOptions { min_rows: 1, time: Duration::from_secs(60), ..SplitOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_over_every_kind_of_key_are_the_table() {
    for server in Server::both().await {
        let mut scene = every_kind(&server).await;
        for table in [scene.table("indexed").await, scene.table("plain").await] {
            let all = scene.ids(&table.name).await;
            for (name, ..) in kinds(&server) {
                let what = format!("{}, {}.{name}", server.name(), table.name);
                let source = SplitSource::table(&table, None, &Session::Ours);
                let key = SplitKey::new(table.column(name).unwrap(), &Session::Ours).unwrap();
                let splits = scene.plan(&source, &key, &fine()).await.unwrap_or_else(|e| panic!("{what}: {e}"));
                let counts = scene.rows(|c| format!("SELECT id FROM {} WHERE {c}", table.name), &splits, &all).await;
                assert!(splits.last().unwrap().label.ends_with("is null"), "{what}: {splits:?}");
                let (wanted, share) = match (name, table.name.as_str()) {
                    ("flag" | "bit1", _) => (2, all.len() * 6 / 10),
                    // The server orders UUIDs by the digits at their end, where no guess is made.
                    ("uuids", "indexed") => (4, all.len()),
                    // No index on a beginning orders the whole.
                    ("long_text", _) | (_, "plain") => (4, all.len() / 4 * 2),
                    _ => (10, all.len() / 16 * 3),
                };
                assert!(splits.len() > wanted, "{what}: {} splits: {splits:?}", splits.len());
                let seen: Vec<_> = splits.iter().map(|s| (s.estimated_rows, &s.label)).collect();
                assert!(counts.iter().all(|rows| *rows <= share), "{what}: {counts:?} of {seen:#?}");
            }
        }
        scene.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_keys_and_queries_are_covered() {
    for server in Server::both().await {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut statements = vec![
            "CREATE TABLE composite (id INT, tenant VARCHAR(9) COLLATE utf8mb4_general_ci, day DATE, n INT, \
             PRIMARY KEY (tenant, day, n)) ENGINE=InnoDB"
                .to_owned(),
        ];
        for first in (0..5_000).step_by(500) {
            // Most rows are of one tenant, and most of those of one day.
            let row = |id: u32, rng: &mut ChaCha8Rng| {
                let tenant = ["big", "BIGGER", "a'b", "ä\\"][rng.random_range(0u32..13).saturating_sub(9) as usize];
                let day =
                    ["2024-01-01", "2024-01-02", "2024-02-29"][rng.random_range(0u32..9).saturating_sub(6) as usize];
                format!("({id}, '{}', '{day}', {id})", tenant.replace('\\', "\\\\").replace('\'', "''"))
            };
            let rows: Vec<String> = (first..first + 500).map(|id| row(id, &mut rng)).collect();
            statements.push(format!("INSERT INTO composite VALUES {}", rows.join(", ")));
        }
        statements.push("ANALYZE TABLE composite".to_owned());
        let mut scene = Scene::set(&server, &statements).await;
        let (table, all) = (scene.table("composite").await, scene.ids("composite").await);
        let key = SplitKey::of_primary_key(&table, &Session::Ours).unwrap();
        assert_eq!(key.name(), "tenant, day, n");
        let splits = scene.plan(&SplitSource::table(&table, None, &Session::Ours), &key, &fine()).await.unwrap();
        let counts = scene.rows(|c| format!("SELECT id FROM composite WHERE {c}"), &splits, &all).await;
        assert!(splits.len() > 12 && counts.iter().all(|n| *n <= 3 * all.len() / 16), "{}: {counts:?}", server.name());

        let query = "SELECT c.id, c.tenant AS who, d.n FROM composite c JOIN composite d USING (tenant, day, n) WHERE $CONDITIONS";
        for (name, column) in [("c.tenant", "tenant"), ("d.n", "n")] {
            let mut described: Column = table.column(column).unwrap().clone();
            if column == "tenant" {
                described.name = "who".to_owned();
            }
            let key = SplitKey::of_query(name, &described, &Session::Ours).unwrap();
            let splits = scene.plan(&SplitSource::query(query, &Session::Ours), &key, &fine()).await.unwrap();
            let counts = scene.rows(|c| query.replace("$CONDITIONS", &format!("({c})")), &splits, &all).await;
            assert!(splits.len() >= 3, "{}: {counts:?}", server.name());
        }
        scene.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boundary_queries_filter_and_limits_hold() {
    let statements = [
        "CREATE TABLE t (id INT PRIMARY KEY, v INT, name VARCHAR(20), KEY (name))",
        "INSERT INTO t VALUES (1, 8, 'Mr T.'), (3, 6, 'D''Artagnan'), (5, 4, 'Jean D''Arc'), (7, 2, 'Jeremy')",
        "CREATE TABLE wide (id INT PRIMARY KEY, k INT NULL, KEY (k))",
        "INSERT INTO wide SELECT seq, IF(seq % 10, seq * 100, NULL) FROM seq_1_to_1000",
        "CREATE TABLE void (id INT PRIMARY KEY)",
    ];
    let mut scene = Scene::set(&Server::MariaDb, &statements.map(str::to_owned)).await;
    let table = scene.table("t").await;
    let source = SplitSource::table(&table, None, &Session::Ours);
    let ids = |rows: &[u32]| rows.iter().map(u32::to_string).collect::<Vec<_>>();
    let by = |name: &str| SplitKey::new(table.column(name).unwrap(), &Session::Ours).unwrap();
    let bounded =
        |query: &str, connections| SplitOptions { boundary_query: Some(query.to_owned()), connections, ..fine() };
    let of_t = |c: &str| format!("SELECT id FROM t WHERE {c}");
    for connections in [1, 2] {
        let options = bounded("SELECT MIN(id), MAX(id) FROM t WHERE id IN (3, 5)", connections);
        let splits = scene.plan(&source, &by("id"), &options).await.unwrap();
        scene.rows(of_t, &splits, &ids(&[3, 5])).await;
        let options = bounded("SELECT 'D''Artagnan', 'Jeremy'", connections);
        let splits = scene.plan(&source, &by("name"), &options).await.unwrap();
        scene.rows(of_t, &splits, &ids(&[3, 5, 7])).await;
    }
    let nothing = scene.plan(&source, &by("id"), &bounded("SELECT NULL, NULL", 2)).await.unwrap();
    assert_eq!(nothing[0].condition.as_deref(), Some("`id` IS NULL"));
    for (query, kind) in
        [("SELECT 1, 'x'", Kind::Data), ("SELECT 1", Kind::Data), ("SELECT 1, 2 FROM void", Kind::Data)]
    {
        assert_eq!(scene.plan(&source, &by("id"), &bounded(query, 2)).await.unwrap_err().kind(), kind, "{query}");
    }
    // Without splits there is one connection and no question.
    let all = scene.plan(&source, &by("name"), &SplitOptions { connections: 1, ..fine() }).await.unwrap();
    assert_eq!(all.iter().map(|s| s.condition.clone()).collect::<Vec<_>>(), [None]);

    let (table, all) = (scene.table("wide").await, scene.ids("wide").await);
    let (source, key) = (
        SplitSource::table(&table, None, &Session::Ours),
        SplitKey::new(table.column("k").unwrap(), &Session::Ours).unwrap(),
    );
    for connections in [1, 4] {
        let options = SplitOptions { limit: Some(1500), connections, ..SplitOptions::default() };
        let splits = scene.plan(&source, &key, &options).await.unwrap();
        scene.rows(|c| format!("SELECT id FROM wide WHERE {c}"), &splits, &all).await;
        for split in &splits {
            let sql = format!("SELECT MAX(k) - MIN(k) FROM wide WHERE {}", split.condition.as_ref().unwrap());
            let width = scene.reader.texts(&sql, "width").await.unwrap().remove(0).remove(0);
            assert!(width.is_none_or(|w| w.parse::<u32>().unwrap() <= 1500), "{split:?}");
        }
    }
    let table = scene.table("void").await;
    let key = SplitKey::of_primary_key(&table, &Session::Ours).unwrap();
    assert_eq!(scene.plan(&SplitSource::table(&table, None, &Session::Ours), &key, &fine()).await.unwrap().len(), 1);
    scene.clear().await;
}

/// Keys that crowd: most of them lie in a small part of their range.
const SKEWED: &str = "CREATE TABLE skewed (id INT AUTO_INCREMENT PRIMARY KEY, k BIGINT NOT NULL, code VARCHAR(40) NOT NULL, \
                      hash CHAR(32) NOT NULL, tenant INT NOT NULL, KEY (k), KEY (code), KEY (hash), KEY (tenant, id)) ENGINE=InnoDB";

const CROWD: &str = "INSERT INTO skewed (k, code, hash, tenant) SELECT FLOOR(EXP(RAND(1) * 43)), \
                     CONCAT(ELT(1 + FLOOR(LOG2(1 + seq % 64) / 3), 'Cust-', 'cust-', 'vendor/'), seq % 7, '-', FLOOR(EXP(RAND(2) * 18))), \
                     MD5(seq), FLOOR(EXP(RAND(3) * 6)) FROM seq_1_to_ROWS";

async fn skew(rows: u32, check: bool) {
    let crowd = CROWD.replace("ROWS", &rows.to_string());
    let mut scene = Scene::set(&Server::MariaDb, &[SKEWED.to_owned(), crowd]).await;
    let table = scene.table("skewed").await;
    let source = SplitSource::table(&table, None, &Session::Ours);
    let column = |name: &str| SplitKey::new(table.column(name).unwrap(), &Session::Ours).unwrap();
    let mut keys: Vec<SplitKey> = ["id", "k", "code", "hash"].map(column).into();
    keys.push(SplitKey { columns: vec![column("tenant").columns.remove(0), column("id").columns.remove(0)] });
    for key in keys {
        let options = SplitOptions { min_rows: 1_000, ..fine() };
        let started = Instant::now();
        let splits = scene.plan(&source, &key, &options).await.unwrap();
        let took = started.elapsed();
        let mut counts = Vec::new();
        for split in &splits {
            let sql = format!("SELECT COUNT(*) FROM skewed WHERE {}", split.condition.as_ref().unwrap());
            let count = scene.reader.texts(&sql, "count").await.unwrap().remove(0).remove(0);
            counts.push(count.unwrap().parse::<u64>().unwrap());
        }
        assert_eq!(counts.iter().sum::<u64>(), u64::from(rows), "{}: {splits:#?}", key.name());
        let most = *counts.iter().max().unwrap() as f64 / (f64::from(rows) / 16.0);
        println!(
            "{rows} rows by {}: {} splits in {took:?}, the largest has {most:.2} times its share",
            key.name(),
            splits.len()
        );
        if check {
            assert!(splits.len() >= 12, "{}: {counts:?}", key.name());
            assert!(most < 2.5, "{}: {counts:?}", key.name());
        }
    }
    scene.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_split_of_a_skewed_key_gets_much_more_than_its_share() {
    skew(100_000, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_tables_cost_one_question() {
    let statements = ["CREATE TABLE small (id INT PRIMARY KEY)", "INSERT INTO small SELECT seq FROM seq_1_to_1000"];
    let mut scene = Scene::set(&Server::MariaDb, &statements.map(str::to_owned)).await;
    let table = scene.table("small").await;
    let key = SplitKey::of_primary_key(&table, &Session::Ours).unwrap();
    let asked = async |scene: &mut Scene| {
        let rows = scene.reader.texts("SHOW SESSION STATUS LIKE 'Questions'", "count").await.unwrap();
        rows[0][1].clone().unwrap().parse::<u64>().unwrap()
    };
    let before = asked(&mut scene).await;
    let splits =
        scene.plan(&SplitSource::table(&table, None, &Session::Ours), &key, &SplitOptions::default()).await.unwrap();
    assert_eq!((splits.len(), splits[0].condition.clone()), (1, None));
    assert!(splits[0].estimated_rows.is_some_and(|rows| (500..2000).contains(&rows)), "{splits:?}");
    assert_eq!(asked(&mut scene).await - before, 2, "one question and the one that asks for the count");
    scene.clear().await;
}

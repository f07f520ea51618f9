//! A MySQL in Berlin, which makes the clock's text of an instant before a view or a query gives it: of a table every
//! instant is exact, elsewhere one that may be one of two is refused.

use std::sync::Arc;

use sakia::error::Kind;
use sakia::load::Cluster;
use sakia::mysql::{MySqlClient, MySqlOptions};
use sakia::shutdown::Stop;
use sakia::storage::local::LocalFilesystem;
use sakia::transfer::{Ends, export, import};

use super::INSTANTS;
use crate::stack::{python, root};
use crate::wire::mysql::server;

/// One statement a line, as an init file wants them.
const SETUP: &str = "\
CREATE DATABASE it;
CREATE USER it IDENTIFIED WITH caching_sha2_password BY '';
GRANT ALL ON it.* TO it;
CREATE TABLE it.tz (id INT PRIMARY KEY, t TIMESTAMP(6) NULL);
CREATE TABLE it.written LIKE it.tz;
INSERT INTO it.tz VALUES (1, '2024-07-01 00:30:00'), (2, '2024-07-01 12:00:00'), (3, '2024-07-02 01:00:00');
SET time_zone = '+00:00';
INSERT INTO it.tz VALUES (4, '2024-10-27 00:30:00.5'), (5, '2024-10-27 01:30:00'), (6, '2024-03-31 01:00:00'), (7, NULL);
CREATE SQL SECURITY INVOKER VIEW it.v AS SELECT id, t FROM it.tz;
";

#[tokio::test(flavor = "multi_thread")]
async fn an_instant_that_may_be_one_of_two_is_refused() {
    let server = server(SETUP, "CET-1CEST,M3.5.0,M10.5.0/3");
    let port = server.port();
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster { fs: Arc::new(LocalFilesystem::new(dir.path())), metastore: None };
    let client = |query: &str| {
        let url = Some(format!("jdbc:mysql://it@127.0.0.1:{port}/it?{query}"));
        MySqlClient::new(&MySqlOptions { url, ..Default::default() }, root()).unwrap()
    };
    let run = async |query: &str, target: &str, args: &str| {
        let args = sakia::config::parse(&format!("target-dir = '/{target}'\nnum-mappers = 1\n{args}"), "test").unwrap();
        import::run(&args, &Ends::new(&client(query), &cluster), "it-1", &Stop::new()).await
    };
    let instants =
        |target: &str| python(INSTANTS, &[&dir.path().join(target).display().to_string()]).trim_end().to_owned();
    let all = "1,1719786600000000\n2,1719828000000000\n3,1719874800000000\n4,1729989000500000\n5,1729992600000000\n\
               6,1711846800000000\n7,null";
    run("", "table", "table = 'tz'\nwhere = 'id > 0'").await.unwrap();
    assert_eq!(instants("table"), all);
    let day = "DATE(t) = '2024-07-01'";
    for (target, args) in [
        ("view", format!("table = 'v'\nwhere = \"{day}\"")),
        ("query", format!("query = \"SELECT id, t FROM tz WHERE {day} AND $CONDITIONS\"")),
    ] {
        run("", target, &args).await.unwrap();
        assert_eq!(instants(target), all.lines().take(2).collect::<Vec<_>>().join("\n"), "{target}");
    }
    for args in ["table = 'v'", "query = 'SELECT id, t FROM tz WHERE $CONDITIONS'"] {
        let refused = run("", "refused", args).await.unwrap_err();
        assert!(refused.kind() == Kind::Data && refused.to_string().contains("shows this time twice"), "{refused}");
        let utc = "connectionTimeZone=UTC&forceConnectionTimeZoneToSession=true";
        run(utc, "utc", &format!("{args}\nexisting = 'delete'")).await.unwrap();
        assert_eq!(instants("utc"), all);
    }
    let args = sakia::config::parse("export-dir = '/table'\ntable = 'written'", "test").unwrap();
    export::run(&args, &client(""), &cluster, "it-1", &Stop::new()).await.unwrap();
    run("", "back", "table = 'written'\nwhere = 'id > 0'").await.unwrap();
    assert_eq!(instants("back"), all);
}

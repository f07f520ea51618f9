//! Tables as nobody should make them, and somebody does: names, types, values, character sets, collations, comments, keys
//! and NULLs by chance, on servers whose zone and `sql_mode` are their own. Each goes to every format and into Hive, is
//! read there by beeline, compared by `verify` and exported back, and every cell must be what it was.
//!
//! What a format or Hive cannot hold may be refused, if the error names the table or the column; a table of ordinary
//! names and values may not. A failure is shrunk to the fewest columns and rows that still fail and printed as SQL, with
//! the seed. `SAKIA_HOSTILE_SEED` and `SAKIA_HOSTILE_TABLES` give other tables, and more of them.

mod cells;
mod names;
mod road;
mod server;
mod shrink;
mod table;

use std::collections::BTreeSet;

use self::road::Road;
use self::server::Server;
use self::table::Table;

/// Covers every type, kind of name, key and collation with `TABLES` tables, which the test proves.
const SEED: u64 = 20_261_128;
const TABLES: u64 = 24;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tables_come_back_cell_by_cell() {
    let (seed, tables) = (number("SAKIA_HOSTILE_SEED", SEED), number("SAKIA_HOSTILE_TABLES", TABLES));
    println!("SAKIA_HOSTILE_SEED={seed} SAKIA_HOSTILE_TABLES={tables}");
    let mariadb = Server::mariadb().await;
    let mysql = Server::mysql(&mariadb).await;
    let servers = [mariadb, mysql];
    let tables: Vec<Table> = (0..tables).map(|number| Table::random(seed, number)).collect();
    if seed == SEED {
        covers_everything(&tables);
    }
    let road = Road::new();
    // One process after the other would leave a core idle.
    let halves = tables.chunks(tables.len().div_ceil(2).max(1));
    let runs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = halves.map(|half| scope.spawn(|| walk(&road, &servers, half))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut failed: Vec<(Table, String)> = runs.into_iter().flatten().collect();
    failed.extend(road.hive_differs(&servers, &tables));
    for (table, why) in &failed {
        println!("table {} failed: {why}", table.number);
    }
    if let Some((table, why)) = failed.first() {
        let (least, why) = shrink::shrink(&road, &servers, table, why);
        let numbers: Vec<u64> = failed.iter().map(|(table, _)| table.number).collect();
        road.clear();
        panic!(
            "seed {seed}: the tables {numbers:?} failed; the first, shrunk:\n{}\n{why}",
            least.script(server_of(&servers, table))
        );
    }
    road.clear();
}

/// The server a table is made on: types that only one of them has decide, else they take turns.
fn server_of<'a>(servers: &'a [Server; 2], table: &Table) -> &'a Server {
    &servers[usize::from(table.number % 3 == 2)]
}

fn walk(road: &Road, servers: &[Server; 2], tables: &[Table]) -> Vec<(Table, String)> {
    let failed = |table: &Table| road.walk(server_of(servers, table), table).err().map(|why| (table.clone(), why));
    tables.iter().filter_map(failed).collect()
}

/// The fixed seed leaves out no type, kind of name, key or collation.
fn covers_everything(tables: &[Table]) {
    let columns = || tables.iter().flat_map(|table| &table.columns);
    let types: BTreeSet<String> = columns().map(|column| format!("{:?}", column.kind)).collect();
    let missing: Vec<_> = cells::KINDS.iter().filter(|kind| !types.contains(&format!("{kind:?}"))).collect();
    assert!(missing.is_empty(), "no column of {missing:?}");
    let found: BTreeSet<_> =
        columns().map(|column| column.name_kind).chain(tables.iter().map(|t| t.name_kind)).collect();
    let missing: Vec<_> = names::KINDS.iter().filter(|kind| !found.contains(kind)).collect();
    assert!(missing.is_empty(), "no name of {missing:?}");
    let keys: BTreeSet<_> = tables.iter().map(|table| table.key.len().min(2)).collect();
    assert_eq!(keys.len(), 3, "tables with no key, with one column, and with two");
    let texts: BTreeSet<_> = columns().filter_map(|column| column.collation).collect();
    assert_eq!(texts.len(), table::COLLATIONS.len(), "{texts:?}");
}

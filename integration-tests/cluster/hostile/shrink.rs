//! The fewest columns and rows of a table that still fail.

use super::road::Road;
use super::server::Server;
use super::server_of;
use super::table::Table;

/// Leaves out columns one by one, then rows by halves and one by one, as long as what is left still fails.
pub fn shrink(road: &Road, servers: &[Server; 2], table: &Table, why: &str) -> (Table, String) {
    let in_hive = why.contains("beeline");
    let fails = |table: &Table| fails(road, servers, table, in_hive);
    let (mut least, mut why) = (table.clone(), why.to_owned());
    let mut place = 0;
    while least.columns.len() > 1 && place < least.columns.len() {
        let fewer = without_column(&least, place);
        match fails(&fewer) {
            Some(reason) => (least, why) = (fewer, reason),
            None => place += 1,
        }
    }
    let mut step = least.rows.len().div_ceil(2);
    while step > 0 {
        let mut at = 0;
        while at < least.rows.len() {
            let mut fewer = least.clone();
            fewer.rows.drain(at..(at + step).min(least.rows.len()));
            match fails(&fewer) {
                Some(reason) => (least, why) = (fewer, reason),
                None => at += step,
            }
        }
        step /= 2;
    }
    (least, why)
}

fn fails(road: &Road, servers: &[Server; 2], table: &Table, in_hive: bool) -> Option<String> {
    if let Err(why) = road.walk(server_of(servers, table), table) {
        return (!in_hive).then_some(why);
    }
    let mut shown = if in_hive { road.hive_differs(servers, std::slice::from_ref(table)) } else { Vec::new() };
    shown.pop().map(|(_, why)| why)
}

fn without_column(table: &Table, place: usize) -> Table {
    let mut fewer = table.clone();
    fewer.columns.remove(place);
    fewer.key = table.key.iter().filter(|at| **at != place).map(|at| at - usize::from(*at > place)).collect();
    for row in &mut fewer.rows {
        row.remove(place);
    }
    fewer
}

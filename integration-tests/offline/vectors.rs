//! The list of what Sqoop does (`docs/sqoop-vectors.md`) is whole: a hundred cases, each with tests that exist, and every
//! test whose name begins with numbers of cases is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The cases by number, with the tests the list names.
fn listed() -> BTreeMap<usize, Vec<String>> {
    let list = include_str!("../../docs/sqoop-vectors.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = cells.get(1)?.parse().ok()?;
        Some((number, cells.get(3)?.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()))
    };
    let rows: Vec<(usize, Vec<String>)> = list.lines().filter_map(row).collect();
    let count = rows.len();
    let by_number = BTreeMap::from_iter(rows);
    assert_eq!(by_number.len(), count, "a number stands there twice");
    by_number
}

/// The names of functions below an attribute that makes them tests.
fn tests_of(text: &str, found: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("::test(");
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| is_test) {
            found.insert(name.split(['(', '<']).next().unwrap_or_default().to_owned());
            is_test = false;
        }
    }
}

fn read(dir: &Path, found: &mut BTreeSet<String>) {
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests_of(&std::fs::read_to_string(&path).unwrap(), found);
        }
    }
}

/// Whether a test's name begins with a number of a case: `v65_`.
fn is_numbered(name: &str) -> bool {
    name.strip_prefix('v').and_then(|rest| rest.split('_').next()).is_some_and(|number| number.parse::<u8>().is_ok())
}

#[test]
fn every_case_has_tests_that_exist() {
    let (listed, mut found) = (listed(), BTreeSet::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for dir in ["src", "integration-tests/cluster", "integration-tests/offline"] {
        read(&root.join(dir), &mut found);
    }
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
    for (number, tests) in &listed {
        for test in tests {
            assert!(found.contains(test), "case {number}: there is no test {test}");
        }
    }
    let named: BTreeSet<&String> = listed.values().flatten().collect();
    let left_out: Vec<_> = found.iter().filter(|name| is_numbered(name) && !named.contains(name)).collect();
    assert!(left_out.is_empty(), "docs/sqoop-vectors.md leaves out {left_out:?}");
}

#[test]
fn tests_are_told_from_other_functions() {
    let mut found = BTreeSet::new();
    let text = "#[test]\nfn a() {}\nfn b() {}\n  #[tokio::test(flavor = \"x\")]\n  async fn v1_c() {}\n#[derive(D)]\nfn d() {}";
    tests_of(text, &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "v1_c"]);
    assert!(is_numbered("v65_eval") && !is_numbered("value_is") && !is_numbered("v1alpha_x"));
}

//! The list of what Sqoop does (`docs/sqoop-vectors.md`) is whole: a hundred cases, each with tests that exist, and every
//! test whose name begins with numbers of cases is in it; so is that of what Flume does (`docs/flume-vectors.md`). The list
//! of faults (`docs/faults.md`) names tests where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The cases of a list by number, with the tests that it names.
fn listed(list: &str) -> BTreeMap<usize, Vec<String>> {
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
fn is_numbered(name: &str, letters: &str) -> bool {
    name.strip_prefix(letters)
        .and_then(|rest| rest.split('_').next())
        .is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Holds a list and the tests against each other: all that it names exist, and all that are named so are in it.
fn held(listed: &BTreeMap<usize, Vec<String>>, letters: &str) {
    let (root, mut found) = (Path::new(env!("CARGO_MANIFEST_DIR")), BTreeSet::new());
    for dir in ["src", "integration-tests/cluster", "integration-tests/offline"] {
        read(&root.join(dir), &mut found);
    }
    for (number, tests) in listed {
        for test in tests {
            assert!(found.contains(test), "case {number}: there is no test {test}");
        }
    }
    let named: BTreeSet<&String> = listed.values().flatten().collect();
    let left_out: Vec<_> = found.iter().filter(|name| is_numbered(name, letters) && !named.contains(name)).collect();
    assert!(left_out.is_empty(), "the list leaves out {left_out:?}");
}

#[test]
fn every_case_of_sqoop_has_tests_that_exist() {
    let listed = listed(include_str!("../../docs/sqoop-vectors.md"));
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
    held(&listed, "v");
}

#[test]
fn every_case_of_flume_has_tests_that_exist() {
    let listed = listed(include_str!("../../docs/flume-vectors.md"));
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), (1..=109).collect::<Vec<_>>());
    held(&listed, "fv");
}

/// The files that may hold a test: of `a::b::tests::name` those are `a/b/tests.rs`, `a/b.rs` and their like.
fn homes(suite: &str, test: &str) -> Vec<PathBuf> {
    let dir = match suite {
        "unit" => "src".to_owned(),
        suite => format!("integration-tests/{suite}"),
    };
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let rooms: Vec<&str> = test.split("::").collect();
    let rooms = &rooms[..rooms.len() - 1];
    let inline = rooms.strip_suffix(&["tests"]).unwrap_or(rooms);
    let of = |rooms: &[&str]| dir.join(rooms.join("/"));
    vec![
        of(rooms).with_extension("rs"),
        of(rooms).join("mod.rs"),
        of(inline).with_extension("rs"),
        of(inline).join("mod.rs"),
    ]
}

#[test]
fn every_fault_names_tests_that_exist() {
    let list = include_str!("../../docs/faults.md");
    let quoted = list.lines().filter(|line| line.starts_with("| ")).flat_map(|line| line.split('`').skip(1).step_by(2));
    let named: Vec<(&str, &str)> = quoted.filter_map(|quoted| quoted.split_once(": ")).collect();
    assert!(named.len() > 100, "{}", named.len());
    for (suite, test) in named {
        let mut found = BTreeSet::new();
        for home in homes(suite, test) {
            tests_of(&std::fs::read_to_string(home).unwrap_or_default(), &mut found);
        }
        let name = test.rsplit("::").next().unwrap_or_default();
        assert!(found.contains(name), "there is no test {suite}: {test}");
    }
}

#[test]
fn tests_are_told_from_other_functions() {
    let mut found = BTreeSet::new();
    let text = "#[test]\nfn a() {}\nfn b() {}\n  #[tokio::test(flavor = \"x\")]\n  async fn v1_c() {}\n#[derive(D)]\nfn d() {}";
    tests_of(text, &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "v1_c"]);
    assert!(is_numbered("v65_eval", "v") && !is_numbered("value_is", "v") && !is_numbered("v1alpha_x", "v"));
}

//! Every one of the hundred vectors of Sqoop's behaviour is named by a test: `V17`, or in the name of a test, where
//! `v1_to_v17_` stands for all between.

use std::path::Path;

/// The number at the beginning of a text, and what follows it.
fn number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok().map(|number| (number, &text[end..]))
}

/// Takes the vectors that a name of a test or a comment names.
fn named(text: &str, seen: &mut [bool; 101]) {
    let mut first_of_range = None;
    for (at, _) in text.match_indices(['v', 'V']) {
        let is_word = !text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let Some((number, rest)) = number(&text[at + 1..]).filter(|(number, _)| is_word && (1..=100).contains(number))
        else {
            continue;
        };
        if rest.starts_with(char::is_alphanumeric) {
            continue;
        }
        seen[first_of_range.take().unwrap_or(number)..=number].fill(true);
        if rest.starts_with("_to_v") || rest.starts_with(" to V") {
            first_of_range = Some(number);
        }
    }
}

/// What names vectors in a line: the name of a test, or a comment or table of the tests that says `V17`.
fn of_line(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some((_, name)) = line.split_once("fn v") {
        return Some(&line[line.len() - name.len() - 1..]);
    }
    line.starts_with("// ").then_some(line).filter(|line| line.contains('V'))
}

fn read(dir: &Path, seen: &mut [bool; 101]) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            read(&path, seen);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            text.lines().filter_map(of_line).for_each(|line| named(line, seen));
        }
    }
}

#[test]
fn every_vector_is_named_by_a_test() {
    let mut seen = [false; 101];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for dir in ["src", "integration-tests/cluster", "integration-tests/offline"] {
        read(&root.join(dir), &mut seen);
    }
    let missing: Vec<String> = (1..=100).filter(|v| !seen[*v]).map(|v| format!("V{v}")).collect();
    assert!(missing.is_empty(), "no test names {}", missing.join(", "));
}

#[test]
fn ranges_and_words_are_told_apart() {
    let mut seen = [false; 101];
    named("fn v3_to_v5_and_v7_names() // V9, V11 to V13, v1alpha, env2, V200", &mut seen);
    let found: Vec<usize> = (0..=100).filter(|v| seen[*v]).collect();
    assert_eq!(found, [3, 4, 5, 7, 9, 11, 12, 13]);
}

//! Row counts and sizes that Hive may plan by and answer `select count(*)` from: claimed only while they are surely
//! right, that is while the files that lie there are exactly those that were counted.

use std::collections::BTreeMap;

const ROWS: &str = "numRows";
const BYTES: &str = "totalSize";
const FILES: &str = "numFiles";
/// Says that Hive may answer from the numbers.
const ACCURATE: &str = "COLUMN_STATS_ACCURATE";
const BASIC_ONLY: &str = r#"{"BASIC_STATS":"true"}"#;
/// The load that was counted last, so that a repeated registration does not count it twice.
const COUNTED: &str = "sakia.counted";
/// The load that took the claim back because it was about to change the files.
const UNCOUNTED: &str = "sakia.uncounted";

/// What a load did to the files of a table without partitions, or of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Rows it wrote.
    pub rows: u64,
    /// Bytes it wrote.
    pub bytes: u64,
    /// Files it wrote.
    pub files: u64,
    /// Files and bytes that lie there now, of this load and of others.
    pub present: (u64, u64),
    /// Names the load.
    pub load_id: String,
}

impl Statistics {
    /// Whether the files of this load are all there are.
    fn is_all(&self) -> bool {
        self.present == (self.files, self.bytes)
    }

    /// Takes back what is claimed about rows, for files that this load is about to change: until it is registered,
    /// Hive has to count. The number stays, for this load to add to.
    pub(super) fn withdraw(&self, parameters: &mut BTreeMap<String, String>) {
        if let Some(claim) = parameters.remove(ACCURATE)
            && claim.contains("BASIC_STATS")
        {
            parameters.insert(UNCOUNTED.to_owned(), self.load_id.clone());
        }
    }

    /// Brings the parameters of a table or partition up to date; safe to repeat.
    pub(super) fn apply(&self, parameters: &mut BTreeMap<String, String>) {
        let counted = parameters.get(COUNTED) == Some(&self.load_id);
        let withdrawn = parameters.remove(UNCOUNTED).is_some_and(|id| id == self.load_id);
        let number = |name: &str| parameters.get(name).and_then(|text| text.parse::<u64>().ok());
        let claimed = withdrawn || parameters.get(ACCURATE).is_some_and(|text| text.contains("BASIC_STATS"));
        let rows = match (number(ROWS), number(FILES)) {
            _ if self.is_all() => Some(self.rows),
            (Some(rows), Some(files)) if claimed && counted && files == self.present.0 => Some(rows),
            (Some(rows), Some(files)) if claimed && !counted && files + self.files == self.present.0 => {
                Some(rows + self.rows)
            }
            _ => None,
        };
        let mut set = |name: &str, value: String| parameters.insert(name.to_owned(), value);
        set(FILES, self.present.0.to_string());
        set(BYTES, self.present.1.to_string());
        set(COUNTED, self.load_id.clone());
        match rows {
            Some(rows) => {
                set(ROWS, rows.to_string());
                set(ACCURATE, BASIC_ONLY.to_owned());
            }
            None => {
                parameters.remove(ROWS);
                parameters.remove(ACCURATE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(id: &str, rows: u64, present: (u64, u64)) -> Statistics {
        Statistics { rows, bytes: 10, files: 1, present, load_id: id.into() }
    }

    #[test]
    fn rows_add_up_while_every_file_is_accounted_for() {
        let mut all = BTreeMap::new();
        load("1", 5, (1, 10)).apply(&mut all);
        assert_eq!((all[ROWS].as_str(), all[FILES].as_str(), all[BYTES].as_str()), ("5", "1", "10"));
        for _ in 0..2 {
            load("2", 7, (2, 20)).apply(&mut all);
            assert_eq!((all[ROWS].as_str(), all[FILES].as_str(), all[ACCURATE].as_str()), ("12", "2", BASIC_ONLY));
        }
        load("3", 1, (1, 10)).apply(&mut all);
        assert_eq!(all[ROWS], "1", "a replacing load counts anew");
    }

    #[test]
    fn a_claim_is_withdrawn_while_files_change_and_the_same_load_adds_to_it() {
        let mut all = BTreeMap::new();
        load("1", 5, (1, 10)).apply(&mut all);
        let second = load("2", 7, (2, 20));
        second.withdraw(&mut all);
        assert!(!all.contains_key(ACCURATE), "hive has to count meanwhile");
        let mut other = all.clone();
        for _ in 0..2 {
            second.apply(&mut all);
            assert_eq!((all[ROWS].as_str(), all[ACCURATE].as_str(), all.get(UNCOUNTED)), ("12", BASIC_ONLY, None));
        }
        load("3", 7, (2, 20)).apply(&mut other);
        assert!(!other.contains_key(ROWS), "the load that withdrew it never said what it did");
    }

    #[test]
    fn nothing_is_claimed_about_files_of_others() {
        let mut all = BTreeMap::new();
        load("1", 5, (3, 99)).apply(&mut all);
        assert!(!all.contains_key(ROWS) && !all.contains_key(ACCURATE));
        assert_eq!(all[FILES], "3");
        load("2", 5, (4, 109)).apply(&mut all);
        assert!(!all.contains_key(ROWS), "what was not known stays unknown");

        let mut all = BTreeMap::new();
        load("1", 5, (1, 10)).apply(&mut all);
        load("2", 5, (3, 99)).apply(&mut all);
        assert!(!all.contains_key(ROWS) && !all.contains_key(ACCURATE), "somebody put a file there in between");
    }
}

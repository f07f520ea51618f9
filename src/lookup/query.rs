//! The query text of a lookup: read from a file, `${database}` filled in, nothing else.

use std::path::Path;

use crate::error::{self, Result};

const DATABASE: &str = "${database}";

/// Reads the query in `file` and fills in the database.
///
/// # Errors
/// Config: the file cannot be read or is empty, a bad database name, an unknown `${...}`.
pub(super) fn read(file: &Path, database: &str) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| error::config(format!("cannot read query {}", file.display())).hint("check the path").source(e))?;
    fill_in(&text, database).map_err(|e| e.context(format!("query {}", file.display())))
}

fn fill_in(text: &str, database: &str) -> Result<String> {
    check_name("database", database)?;
    let text = text.replace(DATABASE, database);
    if let Some((_, rest)) = text.split_once("${") {
        let name = rest.split_once('}').map_or(rest, |(name, _)| name);
        return Err(error::config(format!("unknown variable ${{{name}}}")).hint(format!("there is {DATABASE}")));
    }
    // HiveServer2 takes one statement, without the semicolon that beeline wants.
    let query = text.trim().trim_end_matches(';').trim_end();
    if query.is_empty() {
        return Err(error::config("it holds no statement"));
    }
    Ok(query.to_owned())
}

/// Refuses what would not be one plain identifier in HiveQL.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(error::config(format!("{what} \"{name}\" is not a name in hive")).hint("letters, digits and _ are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_filled_in_and_the_semicolon_dropped() {
        let query = fill_in("SELECT 1\nFROM `${database}`.a JOIN `${database}`.b;\n", "shop").unwrap();
        assert_eq!(query, "SELECT 1\nFROM `shop`.a JOIN `shop`.b");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, database, said) in [
            ("SELECT '${day}'", "shop", "${day}"),
            ("SELECT 1", "shop; drop", "\"shop; drop\""),
            (" ;\n", "shop", "no statement"),
        ] {
            let error = fill_in(text, database).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}

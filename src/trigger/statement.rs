//! The queries of a trigger: files of one statement each, with `${NAME}` filled in as it stands.

use std::path::Path;

use super::TriggerArgs;
use crate::error::{self, Result};

/// The queries, ready to be run.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub query: String,
    pub consent: Option<String>,
}

impl Statements {
    /// Reads the files, relative ones below `base`.
    ///
    /// # Errors
    /// Config: a file cannot be read, holds no statement, or names a variable that nobody sets.
    pub(super) fn read(args: &TriggerArgs, base: &Path) -> Result<Self> {
        let of = |file: &Path| {
            let file = base.join(file);
            let text = std::fs::read_to_string(&file).map_err(|e| {
                error::config(format!("cannot read query {}", file.display())).hint("check the path").source(e)
            })?;
            fill_in(&text, args).map_err(|e| e.context(format!("query {}", file.display())))
        };
        Ok(Self { query: of(&args.query_file)?, consent: args.consent_file.as_deref().map(of).transpose()? })
    }
}

fn fill_in(text: &str, args: &TriggerArgs) -> Result<String> {
    // Comments are for people, and may hold a `${` of their own.
    let text: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    let mut filled = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| error::config("it has ${ without }"))?;
        let value = match name {
            "database" if !args.variables.contains_key(name) => &args.database,
            name => args.variables.get(name).ok_or_else(|| {
                error::config(format!("nobody sets the variable ${{{name}}}")).hint("set it in the step's variables")
            })?,
        };
        filled.extend([before, value.as_str()]);
        rest = after;
    }
    filled.push_str(rest);
    let statement = filled.trim().trim_end_matches(';').trim_end();
    if statement.is_empty() {
        return Err(error::config("it holds no statement").hint("write a SELECT"));
    }
    Ok(statement.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_unknown_ones_refused() {
        let mut args = TriggerArgs { database: "shop".to_owned(), ..TriggerArgs::default() };
        args.variables.insert("min".to_owned(), "10".to_owned());
        let text = "-- more than ${min}, ${what}\nselect * from ${database}.carts where value > ${min};\n";
        assert_eq!(fill_in(text, &args).unwrap(), "select * from shop.carts where value > 10");
        for (text, said) in [("select ${max}", "${max}"), ("-- nothing\n;", "no statement"), ("${a", "without")] {
            let error = fill_in(text, &args).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}

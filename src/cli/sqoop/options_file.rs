//! `--options-file FILE`: arguments kept in files, one a line, expanded anywhere in the argument vector.
//!
//! Lines are trimmed; blank ones and those that begin with `#` are left out; a backslash at the end joins a line with
//! the next; quotes around a whole line are taken off.

use std::path::Path;

use crate::error::{self, Error, Result};

/// The option that names a file.
const OPTION: &str = "--options-file";

/// Puts the arguments of options files in the place of the options that name them.
///
/// # Errors
/// Usage: no file named, or a malformed line. Config: the file cannot be read.
pub(super) fn expand(args: &[String]) -> Result<Vec<String>> {
    let (mut expanded, mut rest) = (Vec::with_capacity(args.len()), args.iter());
    while let Some(arg) = rest.next() {
        if arg != OPTION {
            expanded.push(arg.clone());
            continue;
        }
        let file =
            rest.next().ok_or_else(|| error::usage("Missing options file").hint("name it after --options-file"))?;
        let text = std::fs::read_to_string(Path::new(file)).map_err(|e| {
            error::config(format!("Unable to read options file: {file}")).hint("check its path").source(e)
        })?;
        expanded.extend(read(&text, file)?);
    }
    Ok(expanded)
}

/// The arguments of one file.
fn read(text: &str, file: &str) -> Result<Vec<String>> {
    let (mut args, mut pending) = (Vec::new(), String::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        pending.push_str(line);
        if pending.ends_with('\\') {
            if pending.starts_with(['\'', '"']) {
                let what = format!("Multiline quoted strings not supported in file({file}): {pending}");
                return Err(error::usage(what).hint("write the quoted text on one line"));
            }
            pending.pop();
        } else {
            args.push(unquote(&pending).ok_or_else(|| malformed(file, &pending))?);
            pending.clear();
        }
    }
    if pending.is_empty() { Ok(args) } else { Err(malformed(file, &pending)) }
}

/// Takes off the quotes around a whole argument. Quotes inside one stay, as long as they come in pairs: that lets
/// through a little more than Sqoop, which wants a `=` before them.
fn unquote(arg: &str) -> Option<String> {
    for quote in ['"', '\''] {
        let (starts, ends) = (arg.starts_with(quote), arg.ends_with(quote));
        if starts && ends {
            return arg.get(1..arg.len().checked_sub(1)?).filter(|_| arg.len() > 1).map(str::to_owned);
        }
        if (starts || ends) && arg.matches(quote).count() % 2 == 1 {
            return None;
        }
    }
    Some(arg.to_owned())
}

fn malformed(file: &str, arg: &str) -> Error {
    error::usage(format!("Malformed option in options file({file}): {arg}"))
        .hint("close the quote, or put the next line after the backslash")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        read(&lines.join("\n"), "f").unwrap()
    }

    fn wrong(text: &str) -> String {
        read(text, "f").unwrap_err().to_string()
    }

    #[test]
    fn v42_lines_comments_and_joined_lines() {
        let file = ["--archives", "a.jar,b.jar,\\", "c.jar", "--password", "", "# x", "kryptonite"];
        assert_eq!(lines(&file), ["--archives", "a.jar,b.jar,c.jar", "--password", "kryptonite"]);
    }

    #[test]
    fn v43_quotes_around_an_argument_come_off_and_inner_ones_stay() {
        let file =
            ["\"     leading spaces\"", "''", "\"SELECT * FROM table\"", "SELECT * FROM t WHERE a = '1'", "x=\"y\""];
        let want = ["     leading spaces", "", "SELECT * FROM table", "SELECT * FROM t WHERE a = '1'", "x=\"y\""];
        assert_eq!(lines(&file), want);
    }

    #[test]
    fn v44_what_is_not_closed_is_refused() {
        assert!(wrong("--table\nt\\").starts_with("Malformed option in options file(f)"));
        assert!(wrong("'").starts_with("Malformed option"));
        assert!(wrong("'abc").starts_with("Malformed option"));
        assert!(wrong("\"quoted \\\ntext\"").starts_with("Multiline quoted strings not supported"));
    }

    #[test]
    fn a_file_takes_the_place_of_its_option() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "--connect\njdbc:mysql://h/d\n").unwrap();
        let args = ["import", "--options-file", file.path().to_str().unwrap(), "--table", "t"].map(str::to_owned);
        assert_eq!(expand(&args).unwrap(), ["import", "--connect", "jdbc:mysql://h/d", "--table", "t"]);
        assert!(expand(&["--options-file".to_owned()]).is_err());
        let error = expand(&["--options-file".to_owned(), "/nowhere".to_owned()]).unwrap_err();
        assert!(error.to_string().starts_with("Unable to read options file: /nowhere"), "{error}");
    }
}

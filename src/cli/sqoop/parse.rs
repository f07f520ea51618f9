//! From an argument vector to options, as Sqoop's parser (commons-cli) reads it: `--name value`, `--name=value`,
//! `-name value`, `-m4`; names are not abbreviated; a value may begin with a dash unless it is an option itself.
//!
//! It refuses what Sqoop passes over in silence: an option typed twice with two values.

use super::catalogue::{self, Does, Opt};
use super::given::Given;
use super::tool::Tool;
use crate::config;
use crate::error::{self, Error, Result};

/// Generic options of Hadoop, which stand before a tool's own.
const GENERIC: [&str; 8] = ["D", "conf", "fs", "jt", "files", "libjars", "archives", "tokenCacheFile"];

/// Reads the options of a tool; the notes say which of them do nothing here.
///
/// # Errors
/// Usage: an option that the tool does not take, that lacks its value, that is typed twice, or that is refused.
pub(super) fn parse(tool: Tool, args: &[String], notes: &mut Vec<String>) -> Result<Given> {
    let mut options: Vec<(&'static Opt, Option<String>)> = Vec::new();
    let mut at = 0;
    while let Some(arg) = args.get(at).filter(|arg| *arg != "--") {
        at += 1;
        let (opt, attached) = option(tool, arg).ok_or_else(|| unknown(tool, arg))?;
        let value = match (opt.value, attached) {
            (None, None) => None,
            (None, Some(_)) => return Err(unknown(tool, arg)),
            (Some(_), Some(value)) => Some(value.to_owned()),
            (Some(_), None) => {
                let value = args.get(at).filter(|value| *value != "--" && option(tool, value).is_none());
                at += 1;
                let missing = || error::usage(format!("Missing argument for option: {}", opt.name));
                Some(value.cloned().ok_or_else(|| missing().hint(format!("write {} VALUE", opt.typed())))?)
            }
        };
        match opt.does {
            Does::Refused(instead) => {
                return Err(error::usage(format!("{} is refused", opt.typed())).hint(instead));
            }
            Does::Note(why) => notes.push(format!("{} does nothing here: {why}", opt.typed())),
            Does::Mapped => {}
        }
        match options.iter().find(|(earlier, _)| earlier.name == opt.name) {
            Some((_, earlier)) if *earlier != value => {
                return Err(error::usage(format!("{} is given twice", opt.typed())).hint("give it once"));
            }
            Some(_) => {}
            None => options.push((opt, value)),
        }
    }
    Ok(Given::new(tool, options, args.get(at + 1..).unwrap_or_default().to_vec()))
}

/// The option that an argument is, with a value that is part of it.
fn option(tool: Tool, arg: &str) -> Option<(&'static Opt, Option<&str>)> {
    let bare = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).filter(|bare| !bare.is_empty())?;
    if let Some(opt) = catalogue::find(tool, bare) {
        return Some((opt, None));
    }
    if let Some((name, value)) = bare.split_once('=')
        && let Some(opt) = catalogue::find(tool, name)
    {
        return Some((opt, Some(value)));
    }
    // `-m4`: one dash, one letter, the value at once.
    let mut letters = arg.strip_prefix('-')?.chars();
    let letter = letters.next().filter(|letter| *letter != '-')?;
    let opt = catalogue::find(tool, letter.encode_utf8(&mut [0; 4])).filter(|opt| opt.value.is_some())?;
    Some((opt, Some(letters.as_str())))
}

fn unknown(tool: Tool, arg: &str) -> Error {
    let error = error::usage(format!("Unrecognized argument: {arg}").replace('\n', " "));
    let bare = arg.trim_start_matches('-').split('=').next().unwrap_or_default();
    if arg.starts_with("-D") || arg.starts_with('-') && GENERIC.contains(&bare) {
        return error.hint(format!(
            "-D, -conf, -fs, -jt, -files, -libjars and -archives stand before the options of the tool: sqoop {} -D name=value ...",
            tool.name()
        ));
    }
    let names: Vec<&str> = catalogue::of_tool(tool).map(|opt| opt.name).collect();
    match config::nearest(bare, &names).filter(|_| arg.starts_with('-')) {
        Some(near) => error.hint(format!("did you mean --{near}?")),
        None => error.hint(format!("Try sqoop help {} for usage instructions", tool.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<Given> {
        parse(Tool::Import, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(), &mut Vec::new())
    }

    fn said(args: &[&str]) -> String {
        let error = of(args).unwrap_err();
        format!("{error}; {}", error.remedy().unwrap())
    }

    #[test]
    fn options_are_written_in_several_ways() {
        for args in [
            &["--table", "t", "-m", "4", "-z"][..],
            &["-table", "t", "--num-mappers", "4", "--compress"],
            &["--table=t", "-m4", "-z"],
            &["--table=t", "-m=4", "-compress"],
        ] {
            let given = of(args).unwrap();
            assert_eq!((given.text("table"), given.text("num-mappers")), (Some("t"), Some("4")), "{args:?}");
            assert!(given.has("compress"));
        }
    }

    #[test]
    fn a_value_may_begin_with_a_dash() {
        let given = of(&["--last-value", "-1", "--null-string", "-", "--", "--schema", "x"]).unwrap();
        assert_eq!((given.text("last-value"), given.text("null-string")), (Some("-1"), Some("-")));
        assert_eq!(given.rest, ["--schema", "x"]);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(said(&["--tabel", "t"]), "Unrecognized argument: --tabel; did you mean --table?");
        assert!(said(&["--tab", "t"]).starts_with("Unrecognized argument: --tab"), "no abbreviations");
        assert!(said(&["--table", "--append"]).starts_with("Missing argument for option: table"));
        assert!(said(&["--table"]).starts_with("Missing argument for option: table"));
        assert!(said(&["stray"]).starts_with("Unrecognized argument: stray"));
        assert_eq!(said(&["--table", "a", "--table", "b"]), "--table is given twice; give it once");
        assert!(of(&["--table", "a", "--table", "a"]).is_ok());
        assert!(said(&["--table", "t", "-D", "a=b"]).contains("before the options of the tool"));
        assert!(said(&["--accumulo-table", "t"]).contains("--hbase-table"));
    }

    #[test]
    fn what_does_nothing_is_noted() {
        let mut notes = Vec::new();
        parse(Tool::Import, &["--driver".to_owned(), "com.mysql.jdbc.Driver".to_owned()], &mut notes).unwrap();
        assert!(notes[0].starts_with("--driver does nothing here: the mysql protocol is built in"), "{notes:?}");
    }

    #[test]
    fn an_option_that_was_not_looked_at_is_a_mistake_of_ours() {
        let given = of(&["--table", "t", "--driver", "d"]).unwrap();
        assert!(given.all_asked().unwrap_err().to_string().contains("--table"));
        assert!(given.has("table") && given.all_asked().is_ok());
    }
}

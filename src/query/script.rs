//! The statements of a run, read and cut before the first of them is run.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::split::split;
use crate::error::{self, Result};

/// Files that name each other by `source` are followed so far.
const DEEPEST: usize = 16;
/// The commands of beeline that mean something here: to end.
const QUIT: [&str; 4] = ["quit", "q", "exit", "done"];

/// Where statements come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The command line.
    Text(String),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Input,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A statement is run.
    Run(Statement),
    /// The run ends, and well.
    Quit,
}

/// A statement and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Without comments and delimiter.
    pub text: String,
    /// What it was read from, as errors name it.
    pub origin: Arc<str>,
    /// The line it begins in, from 1.
    pub line: usize,
    /// Which statement of the run it is, from 1.
    pub number: usize,
}

/// Reads and cuts all sources.
///
/// # Errors
/// Usage: a file that cannot be read, a quote that nothing closes, a command that has no meaning here.
pub(crate) fn acts(sources: &[Source], delimiter: &str) -> Result<Vec<Act>> {
    acts_below(Path::new(""), sources, delimiter)
}

/// As [`acts`], with relative paths, also those of `source FILE`, below a directory.
///
/// # Errors
/// As there.
pub(super) fn acts_below(base: &Path, sources: &[Source], delimiter: &str) -> Result<Vec<Act>> {
    let mut acts = Vec::new();
    for source in sources {
        let (name, script) = match source {
            Source::Text(text) => ("-e".to_owned(), text.clone()),
            Source::File(file) => (file.display().to_string(), read(base, file)?),
            Source::Input => ("standard input".to_owned(), input()?),
        };
        Reader { base, delimiter, acts: &mut acts }.add(&script, &name, DEEPEST)?;
    }
    Ok(acts)
}

/// Where statements go while scripts are read.
struct Reader<'r> {
    base: &'r Path,
    delimiter: &'r str,
    acts: &'r mut Vec<Act>,
}

impl Reader<'_> {
    fn add(&mut self, script: &str, name: &str, deeper: usize) -> Result<()> {
        let origin: Arc<str> = name.into();
        for piece in split(script, self.delimiter, name)? {
            let place = format!("{name}, line {}", piece.line);
            if piece.is_command {
                if !QUIT.contains(&piece.text.as_str()) {
                    let word = piece.text.split_whitespace().next().unwrap_or_default();
                    return Err(error::usage(format!(
                        "{place}: `!{word}` is a command of beeline that has no meaning here"
                    ))
                    .hint("take it out: of beeline's commands !quit is understood; what is set by them has flags"));
                }
                self.acts.push(Act::Quit);
            } else if let Some(file) = sourced(&piece.text) {
                let deeper = deeper.checked_sub(1).ok_or_else(|| {
                    error::usage(format!("{place}: files that source each other go too deep")).hint("look for a circle")
                })?;
                let script = read(self.base, Path::new(file)).map_err(|e| e.context(&place))?;
                self.add(&script, file, deeper)?;
            } else {
                let number = self.acts.iter().filter(|act| matches!(act, Act::Run(_))).count() + 1;
                let statement = Statement { text: piece.text, origin: origin.clone(), line: piece.line, number };
                self.acts.push(Act::Run(statement));
            }
        }
        Ok(())
    }
}

/// The file of a `source FILE`, which is a statement of the shell's own.
fn sourced(text: &str) -> Option<&str> {
    let (word, file) = text.split_once(char::is_whitespace)?;
    word.eq_ignore_ascii_case("source").then(|| file.trim())
}

fn read(base: &Path, file: &Path) -> Result<String> {
    let name = file.display();
    let bytes = std::fs::read(base.join(file)).map_err(|e| error::usage(format!("cannot read {name}")).source(e))?;
    in_utf8(bytes, &name.to_string())
}

fn input() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|e| error::usage("cannot read standard input").source(e))?;
    in_utf8(bytes, "standard input")
}

fn in_utf8(bytes: Vec<u8>, name: &str) -> Result<String> {
    String::from_utf8(bytes).map_err(|e| error::usage(format!("{name} is not UTF-8")).source(e.utf8_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(acts: &[Act]) -> Vec<String> {
        acts.iter()
            .map(|act| match act {
                Act::Run(s) => format!("{} {}:{} {}", s.number, s.origin, s.line, s.text),
                Act::Quit => "quit".to_owned(),
            })
            .collect()
    }

    #[test]
    fn sources_follow_one_another_and_statements_are_numbered_through() {
        let dir = tempfile::tempdir().unwrap();
        let (outer, inner) = (dir.path().join("outer.sql"), dir.path().join("inner.sql"));
        std::fs::write(&inner, "select 3;").unwrap();
        std::fs::write(&outer, format!("select 2;\nSOURCE {};\n!quit\nselect 4", inner.display())).unwrap();
        let all = acts(&[Source::Text("select 1;".to_owned()), Source::File(outer.clone())], ";").unwrap();
        assert_eq!(
            texts(&all),
            [
                "1 -e:1 select 1".to_owned(),
                format!("2 {}:1 select 2", outer.display()),
                format!("3 {}:1 select 3", inner.display()),
                "quit".to_owned(),
                format!("4 {}:4 select 4", outer.display()),
            ]
        );
    }

    #[test]
    fn what_cannot_be_done_is_found_before_anything_is_run() {
        let of = |text: &str| acts(&[Source::Text(text.to_owned())], ";").unwrap_err();
        assert!(of("select 1;\n!sh rm x").to_string().starts_with("-e, line 2: `!sh` is a command of beeline"));
        assert!(of("source /no/such.sql;").to_string().contains("-e, line 1: cannot read /no/such.sql"));
        let dir = tempfile::tempdir().unwrap();
        let circle = dir.path().join("circle.sql");
        std::fs::write(&circle, format!("source {};", circle.display())).unwrap();
        assert!(acts(&[Source::File(circle)], ";").unwrap_err().to_string().contains("too deep"));
    }
}

//! A script cut into statements, as Hive's own shell cuts it, with the place of each.
//!
//! `;` ends a statement, but not inside quotes, back quotes or `/* */`, nor as `\;`. `--` begins a comment outside of quotes,
//! `#` does where a line begins; both are left out, and their lines stay, so that the lines that Hive's errors name can be
//! found. A line that begins with `!` where a statement could is a command of the shell.
//!
//! Where beeline cuts wrongly this does not: it takes the line ends and blanks of a text in quotes away, ends a statement at
//! a `;` that ends a line even in quotes, and knows no `/* */`. A quote that nothing closes is an error before anything is
//! run.

use std::iter::Peekable;
use std::str::Chars;

use crate::error::{self, Result};

/// A statement, or a command of the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Without comments, the delimiter, and blanks around it.
    pub text: String,
    /// The line it begins in, from 1.
    pub line: usize,
    /// Whether it is a command, without its `!`.
    pub is_command: bool,
}

/// Cuts a script; `name` is what errors call it.
///
/// # Errors
/// Usage: a quote or a comment that nothing closes.
pub(crate) fn split(script: &str, delimiter: &str, name: &str) -> Result<Vec<Piece>> {
    let script = script.strip_prefix('\u{feff}').unwrap_or(script);
    let mut reader = Reader { rest: script.chars().peekable(), line: 1, is_line_start: true };
    let mut splitter = Splitter { delimiter, pieces: Vec::new(), text: String::new(), line: 1 };
    while let Some(c) = reader.next() {
        let was_start = reader.was_line_start(c);
        match c {
            '!' if was_start && splitter.is_empty() => {
                let line = reader.line;
                let command = reader.rest_of_line();
                let text = command.trim().trim_end_matches(delimiter).trim_end().to_owned();
                splitter.pieces.push(Piece { text, line, is_command: true });
            }
            '#' if was_start => drop(reader.rest_of_line()),
            '-' if reader.rest.peek() == Some(&'-') => drop(reader.rest_of_line()),
            '/' if reader.rest.peek() == Some(&'*') => {
                let line = reader.line;
                let comment = reader.rest_of_comment().ok_or_else(|| open("comment", name, line))?;
                // Before a statement it says nothing to the server; inside of one it may be a hint.
                if !splitter.is_empty() {
                    splitter.text.push_str(&comment);
                }
            }
            '\\' => {
                let escaped = reader.next();
                if escaped != Some(';') || delimiter != ";" {
                    splitter.push('\\', reader.line);
                }
                escaped.into_iter().for_each(|c| splitter.push(c, reader.line));
            }
            '\'' | '"' | '`' => {
                let line = reader.line;
                let quoted = reader.rest_of_quote(c).ok_or_else(|| open("quote", name, line))?;
                splitter.push(c, line);
                splitter.text.push_str(&quoted);
            }
            c => {
                splitter.push(c, reader.line);
                splitter.end_at_delimiter();
            }
        }
    }
    splitter.end();
    Ok(splitter.pieces)
}

fn open(what: &str, name: &str, line: usize) -> error::Error {
    error::usage(format!("{name}, line {line}: a {what} begins here and nothing closes it")).hint("nothing was run")
}

/// The characters, and the line that was come to.
struct Reader<'s> {
    rest: Peekable<Chars<'s>>,
    line: usize,
    /// Whether only blanks were read of the line.
    is_line_start: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    /// Whether a character was the first of its line that is no blank.
    fn was_line_start(&mut self, c: char) -> bool {
        let was = self.is_line_start;
        self.is_line_start = c == '\n' || (was && c.is_whitespace());
        was
    }

    /// Without its end.
    fn rest_of_line(&mut self) -> String {
        let mut line = String::new();
        while let Some(c) = self.rest.next_if(|c| *c != '\n') {
            line.push(c);
        }
        line
    }

    /// The comment that was begun, whole.
    fn rest_of_comment(&mut self) -> Option<String> {
        let mut comment = String::from("/");
        while !(comment.len() > 3 && comment.ends_with("*/")) {
            comment.push(self.next()?);
        }
        Some(comment)
    }

    /// What follows a quote up to the same quote, that included.
    fn rest_of_quote(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        loop {
            let c = self.next()?;
            text.push(c);
            if c == '\\' && quote != '`' {
                text.push(self.next()?);
            } else if c == quote {
                return Some(text);
            }
        }
    }
}

/// The statements so far, and the one that is being read.
struct Splitter<'d> {
    delimiter: &'d str,
    pieces: Vec<Piece>,
    text: String,
    line: usize,
}

impl Splitter<'_> {
    /// Whether a statement could begin here.
    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn push(&mut self, c: char, line: usize) {
        if self.is_empty() {
            if c.is_whitespace() {
                return;
            }
            self.line = line;
        }
        self.text.push(c);
    }

    fn end_at_delimiter(&mut self) {
        if self.text.ends_with(self.delimiter) {
            self.text.truncate(self.text.len() - self.delimiter.len());
            self.end();
        }
    }

    fn end(&mut self) {
        let text = self.text.trim_end();
        if !text.is_empty() {
            self.pieces.push(Piece { text: text.to_owned(), line: self.line, is_command: false });
        }
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(script: &str) -> Vec<String> {
        split(script, ";", "s.sql").unwrap().into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn hostile_scripts_are_cut_where_hive_means_it() {
        const CASES: &[(&str, &[&str])] = &[
            ("", &[]),
            (" ;; \n ; ", &[]),
            ("select 1", &["select 1"]),
            ("select 1;", &["select 1"]),
            ("select 1; select 2 ;", &["select 1", "select 2"]),
            ("select ';'; select \";\"", &["select ';'", "select \";\""]),
            (r"select 'it\'s; it'; select 2", &[r"select 'it\'s; it'", "select 2"]),
            ("select 'it''s; it'; x", &["select 'it''s; it'", "x"]),
            (r"select '\\'; select 2", &[r"select '\\'", "select 2"]),
            (r"select `a;b\`; x", &[r"select `a;b\`", "x"]),
            (r#"select "it's; ok"; x"#, &[r#"select "it's; ok""#, "x"]),
            (r"select 1 \; 2; x", &["select 1 ; 2", "x"]),
            (r"select \'a; b", &[r"select \'a", "b"]),
            ("select 1 -- don't; do\n, 2; x", &["select 1 \n, 2", "x"]),
            ("-- all of it; is said\nselect 1", &["select 1"]),
            ("  # don't; do\nselect 1", &["select 1"]),
            ("select 1 # 2; x", &["select 1 # 2", "x"]),
            ("select '-- no', '# no'; x", &["select '-- no', '# no'", "x"]),
            ("select '\n# kept\n-- kept\n'; x", &["select '\n# kept\n-- kept\n'", "x"]),
            ("select a\n#gone\nfrom t", &["select a\n\nfrom t"]),
            ("/* don't; */ select 1; x", &["select 1", "x"]),
            ("select /*+ MAPJOIN(b) */ 1 /* ; */; x", &["select /*+ MAPJOIN(b) */ 1 /* ; */", "x"]),
            ("/**/ select 1; /* ; */", &["select 1"]),
            ("select 1 /*/ ; */ ; x", &["select 1 /*/ ; */", "x"]),
            ("select 1;--x", &["select 1"]),
            ("select 'a;\nb'; x", &["select 'a;\nb'", "x"]),
            ("select '${a;b}'; select ${hivevar:x}", &["select '${a;b}'", "select ${hivevar:x}"]),
            ("\u{feff}select 1;\r\nselect 2\r\n", &["select 1", "select 2"]),
            ("select 'ä;日本';x", &["select 'ä;日本'", "x"]),
            ("select 1 - -1; x", &["select 1 - -1", "x"]),
            ("select 4/2; x", &["select 4/2", "x"]),
            ("\\", &["\\"]),
        ];
        for (script, expected) in CASES {
            assert_eq!(texts(script), *expected, "{script:?}");
        }
    }

    #[test]
    fn statements_know_their_lines() {
        let pieces = split("-- report\n\nselect 1;\n/* two\nlines */\n  select\n 2; select '\n'; x", ";", "s").unwrap();
        let lines: Vec<usize> = pieces.iter().map(|piece| piece.line).collect();
        assert_eq!(lines, [3, 6, 7, 8]);
    }

    #[test]
    fn a_line_that_begins_with_an_exclamation_mark_is_a_command() {
        let pieces = split("select 1;\n  !sh echo; x\nselect 2\n!= 3;\n!quit;\n", ";", "s").unwrap();
        let seen: Vec<(&str, bool)> = pieces.iter().map(|piece| (piece.text.as_str(), piece.is_command)).collect();
        assert_eq!(seen, [("select 1", false), ("sh echo; x", true), ("select 2\n!= 3", false), ("quit", true)]);
    }

    #[test]
    fn another_delimiter_lets_a_semicolon_stand() {
        let pieces = split("begin; x; end //\nselect ' // ' //", "//", "s").unwrap();
        let seen: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(seen, ["begin; x; end", "select ' // '"]);
    }

    #[test]
    fn what_nothing_closes_is_an_error_with_its_line() {
        for (script, said) in
            [("select 1;\nselect 'x", "s.sql, line 2: a quote"), ("a\n\n/* x", "s.sql, line 3: a comment")]
        {
            let error = split(script, ";", "s.sql").unwrap_err();
            assert!(error.to_string().starts_with(said), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_nothing_breaks_and_quotes_stay_whole(script in "[a'\"`;\\\\\n!#/* -]{0,40}", text in "[a;\n# -]{0,12}") {
            let _ = split(&script, ";", "s");
            prop_assert_eq!(texts(&format!("select '{text}'; x")), [format!("select '{text}'"), "x".to_owned()]);
        }
    }
}

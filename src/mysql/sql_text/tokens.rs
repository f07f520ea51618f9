//! The words, texts and comments of SQL text, as MySQL and MariaDB tell them apart.
//!
//! Source: MySQL 8.4 "String Literals", "Schema Object Names", "Comments".

/// What a piece of the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name without quotes, a keyword or a number.
    Word,
    /// A name or a text in quotes.
    Quoted,
    /// Any other character.
    Symbol,
    /// A comment; one whose content the server runs is two of these with tokens between them.
    Comment,
}

/// What makes a quote inside a text harmless, beside doubling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// A backslash before it.
    Backslash,
    /// Nothing: sql_mode has NO_BACKSLASH_ESCAPES.
    None,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    /// The piece itself.
    pub(super) fn text(self, sql: &str) -> &str {
        &sql[self.start..self.end]
    }

    /// A name without its quotes.
    pub(super) fn name(self, sql: &str) -> &str {
        let text = self.text(sql);
        if self.kind == Kind::Quoted && text.len() > 1 { &text[1..text.len() - 1] } else { text }
    }

    /// Whether it is a certain keyword.
    pub(super) fn is(self, sql: &str, word: &str) -> bool {
        self.kind == Kind::Word && self.text(sql).eq_ignore_ascii_case(word)
    }
}

/// The pieces of a text in order, without the blanks between them.
pub(super) fn tokens(sql: &str, escapes: Escapes) -> impl DoubleEndedIterator<Item = Token> {
    let (mut all, mut at, mut in_run_comment) = (Vec::new(), 0, false);
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, len) = match first {
            '\'' | '"' | '`' => (Kind::Quoted, quoted(rest, first, escapes)),
            '#' => (Kind::Comment, line(rest)),
            '-' if dashes(rest) => (Kind::Comment, line(rest)),
            '/' if rest.starts_with("/*!") || rest.starts_with("/*M!") => {
                in_run_comment = true;
                let version = rest.find('!').map_or(0, |at| at + 1);
                (Kind::Symbol, version + rest[version..].chars().take_while(char::is_ascii_digit).count())
            }
            '/' if rest.starts_with("/*") => (Kind::Comment, rest[2..].find("*/").map_or(rest.len(), |end| end + 4)),
            '*' if in_run_comment && rest.starts_with("*/") => {
                in_run_comment = false;
                (Kind::Symbol, 2)
            }
            _ if is_word(first) => (Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            _ => (Kind::Symbol, first.len_utf8()),
        };
        all.push(Token { kind, start: at, end: at + len });
        at += len;
    }
    all.into_iter()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Two dashes begin a comment only where a blank follows, or nothing.
fn dashes(rest: &str) -> bool {
    rest.strip_prefix("--").is_some_and(|rest| rest.chars().next().is_none_or(|c| c.is_whitespace() || c.is_control()))
}

fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// Length of a text or name in quotes; a quote inside is doubled, or in a text has a backslash before it.
fn quoted(rest: &str, quote: char, escapes: Escapes) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote != '`' && escapes == Escapes::Backslash {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + quote.len_utf8();
        }
    }
    rest.len()
}

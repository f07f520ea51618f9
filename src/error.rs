//! The one error type of the crate and the exit codes it leads to.
//!
//! An error says what was attempted on which object (`what`), what the reader can do (`hint`) and, for the
//! program, which [`Kind`] of condition it is: the kind alone decides retry and exit code, never the text.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The condition behind an error; decides retry and exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong.
    Config,
    /// The server does not accept our identity.
    Auth,
    /// The named object does not exist.
    NotFound,
    /// The named object exists already, or is not ours.
    Exists,
    /// Two schemas do not fit each other.
    Schema,
    /// A value cannot be carried exactly.
    Data,
    /// Somebody else holds it, or the server asks to come back later.
    Busy,
    /// The server cannot be reached or the connection broke.
    Unreachable,
    /// A file being written was lost, as with a dead datanode: it has to be written again from its source.
    Lost,
    /// A disk is full or a quota is used up. It passes once somebody makes room or raises the quota.
    Full,
    /// The server understood and declined.
    Refused,
    /// A signal or a stop request ended the work; the number of the signal.
    Stopped(i32),
    /// A condition that cannot happen if the program is right.
    Bug,
}

impl Kind {
    /// The word for it in JSON; a stable interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Auth => "auth",
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::Schema => "schema",
            Self::Data => "data",
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::Full => "full",
            Self::Refused => "refused",
            Self::Stopped(_) => "stopped",
            Self::Bug => "bug",
        }
    }
}

/// What a failure left behind that others can see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing visible changed; running again is safe.
    #[default]
    None,
    /// The data is complete and visible, its registration is pending; running again finishes it.
    RegistrationPending,
    /// The data is complete and visible, and the metastore declined to register it: running again with the same settings
    /// would end the same way.
    RegistrationRefused,
    /// A visible part of the work was done on a target that cannot be undone.
    Partial,
}

impl Effect {
    /// The word for it in JSON; a stable interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RegistrationPending => "registration-pending",
            Self::RegistrationRefused => "registration-refused",
            Self::Partial => "partial",
        }
    }
}

/// The exit codes of the process and what each means; the help and the README say the same.
pub const EXIT_CODES: [(&str, &str); 9] = [
    ("0", "done, or nothing to do"),
    ("1", "failed; nothing half-visible was left, run it again once the cause is gone"),
    ("2", "the command line or the configuration is wrong"),
    ("3", "failed with a visible partial effect, which the error names"),
    ("4", "the data is visible, its registration is pending; run it again"),
    ("5", "the data is visible, the metastore declines to register it; change the settings, the error says which"),
    ("75", "somebody else holds the target, or the server asks to come back later"),
    ("130", "stopped by Ctrl-C"),
    ("143", "stopped by SIGTERM"),
];

/// What went wrong, on which object, and what to do about it.
///
/// `what` and `hint` are lower case without a full stop; secrets never reach either.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    what: String,
    hint: Option<String>,
    effect: Effect,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error of `kind`; `what` names the object and the attempted act.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hint: None, effect: Effect::None, source: None }
    }

    /// Adds the remedy, shown on a line of its own.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the error underneath; its text ends the line.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says what the failure left visible; the graver of two effects stays.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = self.effect.max(effect);
        self
    }

    /// Puts the attempted act of an outer layer in front: `what: inner what`.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.what = format!("{what}: {}", self.what);
        self
    }

    /// The condition.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The remedy, where one is known.
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same attempt may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Busy | Kind::Unreachable | Kind::Lost)
    }

    /// Whether it may pass without a change here: by itself, or because somebody makes room.
    pub fn may_pass(&self) -> bool {
        self.is_transient() || self.kind == Kind::Full
    }

    /// What the failure left visible.
    pub fn left(&self) -> Effect {
        self.effect
    }

    /// The process exit code; [`EXIT_CODES`] says what each means.
    pub fn exit_code(&self) -> u8 {
        match (self.kind, self.effect) {
            (Kind::Stopped(signal), _) => 128u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
            (_, Effect::Partial) => 3,
            (_, Effect::RegistrationPending) => 4,
            (_, Effect::RegistrationRefused) => 5,
            (Kind::Usage | Kind::Config, Effect::None) => 2,
            (Kind::Busy, Effect::None) => 75,
            (_, Effect::None) => 1,
        }
    }
}

impl fmt::Display for Error {
    /// One line: what, then the text of each error underneath that adds something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.what))?;
        let mut below = self.source.as_deref().map(|s| s as &dyn StdError);
        let mut said = self.what.clone();
        while let Some(error) = below {
            let text = error.to_string();
            if !text.is_empty() && !said.contains(&text) {
                write!(f, ": {}", one_line(&text))?;
                said.push_str(&text);
            }
            below = error.source();
        }
        Ok(())
    }
}

/// Most characters of each text of an error; a server may answer with a page.
const MOST_CHARS: usize = 600;

/// Keeps the first line of a text that a server may have sent with a whole stack trace, and not more than a paragraph.
fn one_line(text: &str) -> Cow<'_, str> {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim_end();
    match line.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{} ...", &line[..end])),
        None => Cow::Borrowed(line),
    }
}

/// Names for an error: the first few, and how many more there are.
pub fn some_of<T: AsRef<str>>(names: &[T]) -> String {
    const FEW: usize = 8;
    let shown: Vec<&str> = names.iter().take(FEW).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(FEW) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

/// Shorthands for the kinds: `error::not_found("table shop.orders")`.
macro_rules! kinds {
    ($($name:ident => $kind:ident),* $(,)?) => {
        $(
            #[doc = concat!("Makes an error of kind [`Kind::", stringify!($kind), "`].")]
            pub fn $name(what: impl Into<String>) -> Error {
                Error::new(Kind::$kind, what)
            }
        )*
    };
}

kinds! {
    usage => Usage, config => Config, auth => Auth, not_found => NotFound, exists => Exists, schema => Schema,
    data => Data, busy => Busy, unreachable => Unreachable, lost => Lost, full => Full,
    refused => Refused, bug => Bug,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_follows_kind_and_effect() {
        assert_eq!(data("x").exit_code(), 1);
        assert_eq!(usage("x").exit_code(), 2);
        assert_eq!(config("x").exit_code(), 2);
        assert_eq!(busy("x").exit_code(), 75);
        assert_eq!((lost("x").exit_code(), unreachable("x").exit_code(), full("x").exit_code()), (1, 1, 1));
        assert_eq!(refused("x").effect(Effect::Partial).exit_code(), 3);
        assert_eq!(unreachable("x").effect(Effect::RegistrationPending).exit_code(), 4);
        assert_eq!(refused("x").effect(Effect::RegistrationRefused).exit_code(), 5);
        assert_eq!(Error::new(Kind::Stopped(2), "x").exit_code(), 130);
        assert_eq!(Error::new(Kind::Stopped(15), "x").exit_code(), 143);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some_of(&["a", "b"]), "a, b");
        let many: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        assert_eq!(some_of(&many), "0, 1, 2, 3, 4, 5, 6, 7 and 292 more");
    }

    #[test]
    fn the_graver_effect_stays() {
        let error = data("x").effect(Effect::Partial).effect(Effect::RegistrationPending);
        assert_eq!(error.exit_code(), 3);
    }

    #[test]
    fn display_is_one_line_and_says_nothing_twice() {
        let inner = std::io::Error::other("connection refused\n\tat java.net.Socket");
        let error = unreachable("cannot reach namenode localhost:8020").source(inner).context("import orders");
        assert_eq!(error.to_string(), "import orders: cannot reach namenode localhost:8020: connection refused");
        let long = data("x".repeat(5_000)).to_string();
        assert!(long.len() < 700 && long.ends_with(" ..."), "{}", long.len());
        let outer = data("a: b").source(std::io::Error::other("b"));
        assert_eq!(outer.to_string(), "a: b");
    }
}

//! Names of tables and columns that servers take.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// What is odd about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    Plain,
    MixedCase,
    Reserved,
    Blank,
    Dash,
    Dot,
    Quote,
    DoubleQuote,
    Backtick,
    Backslash,
    Latin,
    BeyondLatin,
    LeadingDigit,
    LeadingUnderscore,
    Dollar,
    Comma,
    Colon,
    Semicolon,
    Slash,
    Percent,
    Braces,
    Comment,
    Equals,
    Long,
}

pub const KINDS: [NameKind; 24] = [
    NameKind::Plain,
    NameKind::MixedCase,
    NameKind::Reserved,
    NameKind::Blank,
    NameKind::Dash,
    NameKind::Dot,
    NameKind::Quote,
    NameKind::DoubleQuote,
    NameKind::Backtick,
    NameKind::Backslash,
    NameKind::Latin,
    NameKind::BeyondLatin,
    NameKind::LeadingDigit,
    NameKind::LeadingUnderscore,
    NameKind::Dollar,
    NameKind::Comma,
    NameKind::Colon,
    NameKind::Semicolon,
    NameKind::Slash,
    NameKind::Percent,
    NameKind::Braces,
    NameKind::Comment,
    NameKind::Equals,
    NameKind::Long,
];

impl NameKind {
    /// Whether every format, directory and Hive takes such a name: refusing it would be a fault.
    pub fn is_ordinary(self) -> bool {
        matches!(self, Self::Plain | Self::MixedCase | Self::Reserved | Self::LeadingDigit)
    }

    /// A name of this kind, made unlike all others by its number.
    pub fn name(self, number: usize) -> String {
        match self {
            Self::Plain => format!("c{number}"),
            Self::MixedCase => format!("MixedCase{number}"),
            // Where one table has several, the first is the bare word.
            Self::Reserved => ["select", "table", "date", "timestamp", "order", "group"]
                .get(number)
                .map_or_else(|| format!("from{number}"), |word| (*word).to_owned()),
            Self::Blank => format!("a b{number}"),
            Self::Dash => format!("a-b{number}"),
            Self::Dot => format!("a.b{number}"),
            Self::Quote => format!("it's{number}"),
            Self::DoubleQuote => format!("say \"{number}\""),
            Self::Backtick => format!("tick`{number}"),
            Self::Backslash => format!("back\\n{number}"),
            Self::Latin => format!("größe{number}"),
            Self::BeyondLatin => format!("列{number}"),
            Self::LeadingDigit => format!("{number}st"),
            Self::LeadingUnderscore => format!("_lead{number}"),
            Self::Dollar => format!("pay$${number}"),
            Self::Comma => format!("a,b{number}"),
            Self::Colon => format!("a:b{number}"),
            Self::Semicolon => format!("a;b{number}"),
            Self::Slash => format!("a/b{number}"),
            Self::Percent => format!("100%{number}"),
            Self::Braces => format!("{{a}}[{number}]*?"),
            Self::Comment => format!("a--b/*{number}"),
            Self::Equals => format!("a=b{number}"),
            Self::Long => format!("l{number:_>63}"),
        }
    }

    /// Any kind, an ordinary one every second time.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        if rng.random_ratio(1, 2) { Self::Plain } else { KINDS[rng.random_range(0..KINDS.len())] }
    }
}

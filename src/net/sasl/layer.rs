//! What a SASL login agreed to do with every message afterwards.

use std::fmt;

use super::digest::Seals;
use crate::error::{self, Result};
use crate::kerberos::gssapi::Context;

/// How messages are protected, as SASL's quality of protection names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protection {
    /// `auth`: not at all once both sides are proved.
    Authentication,
    /// `auth-int`: signed.
    Integrity,
    /// `auth-conf`: encrypted.
    Privacy,
}

impl Protection {
    /// All, the best first.
    pub(crate) const ALL: [Self; 3] = [Self::Privacy, Self::Integrity, Self::Authentication];

    /// Reads a list as Hadoop (`authentication`, `integrity`, `privacy`) or SASL (`auth`, `auth-int`, `auth-conf`) has
    /// it, in any case; order is preference.
    ///
    /// # Errors
    /// Config: an unknown word.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let read = |word: &str| match word.to_ascii_lowercase().as_str() {
            "authentication" | "auth" => Ok(Self::Authentication),
            "integrity" | "auth-int" => Ok(Self::Integrity),
            "privacy" | "auth-conf" => Ok(Self::Privacy),
            _ => Err(error::config(format!("`{word}` is not a level of protection"))
                .hint("known are auth, auth-int and auth-conf, in site files authentication, integrity and privacy")),
        };
        words.map(read).collect()
    }

    /// The word that SASL has for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Integrity => "auth-int",
            Self::Privacy => "auth-conf",
        }
    }

    /// Chooses one: the first that is wanted and offered, else a better one that is offered; the best of all if nothing
    /// special is wanted.
    ///
    /// # Errors
    /// Refused: the server offers less only; names both sides' levels.
    pub(super) fn choose(wanted: &[Self], offered: &[Self]) -> Result<Self> {
        let wanted = if wanted.is_empty() { &Self::ALL } else { wanted };
        let better = || Self::ALL.iter().find(|level| offered.contains(level) && wanted.iter().any(|w| w < level));
        wanted.iter().find(|level| offered.contains(level)).or_else(better).copied().ok_or_else(|| {
            let names = |levels: &[Self]| levels.iter().map(|level| level.as_str()).collect::<Vec<_>>().join(", ");
            error::refused(format!("the server offers the protection {} and not {}", names(offered), names(wanted)))
                .hint(
                    "set the level that the server has: hadoop.rpc.protection in core-site.xml, saslQop in a hive url",
                )
        })
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Seals messages and opens them again.
#[derive(Debug)]
pub(crate) enum Layer {
    /// They stay as they are.
    None,
    /// Kerberos signs them, or encrypts them as well.
    Gssapi {
        /// The conversation.
        context: Context,
        /// Whether they are encrypted.
        encrypt: bool,
    },
    /// DIGEST-MD5 does.
    Digest(Box<Seals>),
}

impl Layer {
    /// Whether messages are changed at all.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// A message for the server.
    ///
    /// # Errors
    /// Auth: the login has ended.
    pub(crate) fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::None => Ok(message.to_vec()),
            Self::Gssapi { context, encrypt } => context.wrap(message, *encrypt),
            Self::Digest(seals) => Ok(seals.seal(message)),
        }
    }

    /// A message of the server.
    ///
    /// # Errors
    /// Auth: it is not the server's, or was changed on the way.
    pub(crate) fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::None => Ok(sealed.to_vec()),
            Self::Gssapi { context, .. } => context.unwrap(sealed),
            Self::Digest(seals) => seals.open(sealed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wanted_level_that_is_offered_is_taken() {
        use Protection::{Authentication, Integrity, Privacy};
        assert_eq!(Protection::choose(&[], &[Authentication, Privacy]).unwrap(), Privacy);
        assert_eq!(Protection::choose(&[Authentication, Privacy], &[Privacy, Authentication]).unwrap(), Authentication);
        assert_eq!(Protection::choose(&[Authentication], &[Privacy]).unwrap(), Privacy, "more does no harm");
        let error = Protection::choose(&[Privacy, Integrity], &[Authentication]).unwrap_err();
        assert_eq!(error.to_string(), "the server offers the protection auth and not auth-conf, auth-int");
        assert_eq!(Protection::parse_list("privacy, Auth-Int,").unwrap(), [Privacy, Integrity]);
        assert!(Protection::parse_list("private").is_err());
    }
}

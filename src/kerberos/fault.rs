//! What Kerberos calls an error, as our kinds with a remedy: one table. Numbers and words are those of MIT's
//! `krb5_err.et`.

use super::krb5_conf;
use crate::error::{self, Error, Kind};

const BASE: i32 = -1_765_328_384;
/// In the place of a number: no error has it, so that only words tell this one.
const BY_WORDS: i32 = 0;

/// Conditions by their number above [`BASE`], and by what MIT calls them: GSSAPI puts numbers of its own in the place of
/// some.
const CONDITIONS: &[(i32, &str, Kind, &str)] = &[
    (
        6,
        "not found in Kerberos database",
        Kind::Auth,
        "the KDC does not know this client, or this server: check principal and realm",
    ),
    (
        7,
        "Server not found",
        Kind::Auth,
        "the KDC does not know this server: check the principal in the site file, and the host's name",
    ),
    (23, "Password has expired", Kind::Auth, "the principal's password has expired: let it be renewed"),
    (
        24,
        "Preauthentication failed",
        Kind::Auth,
        "the key does not fit the KDC's: the keytab is older than the last change of the password",
    ),
    (
        31,
        "Decrypt integrity check failed",
        Kind::Auth,
        "the key does not fit the KDC's: the keytab is older than the last change of the password",
    ),
    (32, "expired", Kind::Auth, EXPIRED),
    (
        37,
        "Clock skew too great",
        Kind::Auth,
        "the clocks of this host and of the server or the KDC differ too much: set them by NTP",
    ),
    (
        140,
        "Unknown credential cache type",
        Kind::Config,
        "the Kerberos library of this host knows no such kind of cache: FILE:, DIR:, KEYRING:, KCM: and MEMORY: are common",
    ),
    (154, "Cannot find KDC", Kind::Config, "no KDC is known for the realm: name it in {files}"),
    (156, "Cannot contact any KDC", Kind::Unreachable, "no KDC of the realm answers: {kdcs}"),
    (181, "Key table entry not found", Kind::Auth, NO_KEY),
    (199, "Bad format in credentials cache", Kind::Auth, NO_CACHE),
    (212, "Unsupported credentials cache format", Kind::Auth, NO_CACHE),
    (
        BY_WORDS,
        "No KCM server found",
        Kind::Config,
        "a KCM: cache is kept by a daemon, which does not run here: start it (sssd-kcm), or name another cache",
    ),
    (
        BY_WORDS,
        "Principal in credential cache does not match",
        Kind::Auth,
        "name the cache's principal or none, name the cache of this one by KRB5CCNAME, or its keytab",
    ),
    (
        BY_WORDS,
        "Failed to store credentials",
        Kind::Config,
        "new tickets cannot be kept in the cache: name one that this user may write to, or none",
    ),
    (195, "redentials", Kind::Auth, "there is no ticket: run kinit, or name a principal and keytab"),
];

/// Of a keytab without the key.
pub(super) const NO_KEY: &str =
    "name a keytab that holds the principal's key, or another principal: klist -k FILE lists them";
const EXPIRED: &str = "the ticket has expired: run kinit, or name a principal and keytab";
const NO_CACHE: &str = "what the cache is to be in holds something else: name another cache, or run kinit again";

/// The routine error of a status of GSSAPI, and the one that says that tickets have ended: its second status is empty
/// then, and its words are "Success".
const ROUTINE: u32 = 0x00ff_0000;
const CREDENTIALS_EXPIRED: u32 = 11 << 16;

/// What to do where the condition is not in the table.
const OTHERWISE: &str = "look at the tickets with klist, and at the log of the KDC";

/// The remedy for what the library says.
pub(crate) fn remedy(words: &str) -> String {
    by_text(words).map_or_else(|| OTHERWISE.to_owned(), |(.., hint)| filled(hint, words))
}

fn by_text(words: &str) -> Option<&'static (i32, &'static str, Kind, &'static str)> {
    CONDITIONS.iter().find(|(_, text, ..)| words.contains(text))
}

/// A remedy with the files and the KDCs that the library uses for the realm of its words.
fn filled(hint: &str, words: &str) -> String {
    let files = krb5_conf::files();
    let realm = words.split_once("realm ").map(|(_, rest)| rest.trim_matches(['\'', '"'])).unwrap_or_default();
    let kdcs = match krb5_conf::kdcs(realm) {
        found if found.is_empty() => format!("{files} names none, so DNS was asked; check that it runs"),
        found => format!("{files} names {}; check that it runs there and can be reached from here", found.join(", ")),
    };
    hint.replace("{files}", &files).replace("{kdcs}", &kdcs)
}

/// An error of the library, in its words.
pub(super) fn of_status(status: (u32, u32), words: &[String; 2]) -> Error {
    let ((major, minor), [general, detail]) = (status, words);
    if major & ROUTINE == CREDENTIALS_EXPIRED {
        return Error::new(Kind::Auth, "kerberos").source("the ticket has expired").hint(EXPIRED);
    }
    let text = if detail.is_empty() { general } else { detail };
    // The number of some is that of what happened inside.
    let by_words = by_text(detail).filter(|(code, ..)| *code == BY_WORDS);
    let by_number = || CONDITIONS.iter().find(|(code, ..)| BASE.checked_add(*code) == Some(minor.cast_signed()));
    let (kind, hint) = match by_words.or_else(by_number).or_else(|| by_text(&format!("{detail}\n{general}"))) {
        Some((.., kind, hint)) => (*kind, filled(hint, text)),
        None => (Kind::Auth, OTHERWISE.to_owned()),
    };
    Error::new(kind, "kerberos").source(text.clone()).hint(hint)
}

/// Whether an error says that a cache has the tickets of somebody else.
pub(super) fn is_other_principal(error: &Error) -> bool {
    error.to_string().contains("does not match desired name")
}

/// Whether all that the library says is that there are no tickets, or no place for them.
pub(super) fn is_about_cache(error: &Error) -> bool {
    error.to_string().contains("redentials")
}

/// The error of a keytab that is named without its principal.
pub(super) fn keytab_without_principal() -> Error {
    error::config("a keytab is named without a principal")
        .hint("add the principal whose key it holds; klist -k FILE lists them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i32) -> Error {
        of_status(
            (0xd_0000, (BASE + code).cast_unsigned()),
            &["Unspecified GSS failure".to_owned(), "in words".to_owned()],
        )
    }

    #[test]
    fn conditions_have_their_remedy() {
        assert_eq!(of(156).kind(), Kind::Unreachable);
        assert!(of(37).remedy().unwrap().contains("clocks"));
        assert_eq!(of(37).to_string(), "kerberos: in words");
        let renumbered = of_status(
            (0xd_0000, 100_001),
            &["Unspecified GSS failure".to_owned(), "Clock skew too great in KDC reply".to_owned()],
        );
        assert!(renumbered.remedy().unwrap().contains("clocks"));
        let other = of_status((0xd_0000, 100_001), &["No credentials were supplied".to_owned(), String::new()]);
        assert!(other.remedy().unwrap().contains("kinit"), "{other}");
        let ended =
            of_status((0xb_0000, 100_001), &["The referenced credential has expired".to_owned(), "Success".to_owned()]);
        assert_eq!(ended.to_string(), "kerberos: the ticket has expired");
        let words = "Cannot contact any KDC for realm 'NO.SUCH.REALM'";
        let away = of_status((0xd_0000, (BASE + 156).cast_unsigned()), &[String::new(), words.to_owned()]);
        assert!(away.remedy().unwrap().contains(&krb5_conf::files()), "{away:?}");
    }
}

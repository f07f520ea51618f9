//! Whose tickets are used: those of a cache, or those that a keytab gives.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::gssapi::{Context, Credential, Mechanism};
use super::{cache, fault, keytab};
use crate::error::{self, Result};

/// Whose tickets are used; the `[kerberos]` table of a pipeline. Without any of it they are those of the default cache,
/// which `KRB5CCNAME` names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KerberosOptions {
    /// Kerberos principal to act as, such as etl@EXAMPLE.COM [default: that of the ticket cache]
    #[arg(id = "kerberos_principal", long = "kerberos-principal", value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Keytab of the principal; tickets are got with it, and again before they end
    #[arg(id = "kerberos_keytab", long = "kerberos-keytab", value_name = "FILE")]
    pub keytab: Option<PathBuf>,
    /// Ticket cache, such as FILE:/tmp/krb5cc_1000 [default: KRB5CCNAME, or with a keytab one in memory]
    #[arg(id = "kerberos_cache", long = "kerberos-cache", value_name = "CACHE")]
    pub cache: Option<String>,
}

/// How the name of a cache of our own begins.
const IN_MEMORY: &str = "MEMORY:sakia-";

/// Tickets of a principal: how they are come to, decided once for all connections of a run.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials(Arc<Parts>);

#[derive(Clone, Default, PartialEq, Eq)]
struct Parts {
    principal: Option<String>,
    keytab: Option<String>,
    cache: Option<String>,
}

/// Whose ticket it is, and for how long it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// `user@REALM`.
    pub principal: String,
    /// Zero if it has ended.
    pub left: Duration,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("principal", &self.0.principal).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Decides them; a relative keytab is below `base`. Nothing is read yet.
    ///
    /// # Errors
    /// Config: a keytab without principal, or a path that is not UTF-8.
    pub(crate) fn new(options: &KerberosOptions, base: &Path) -> Result<Self> {
        let keytab = options.keytab.as_ref().map(|file| base.join(file));
        let keytab = keytab.map(|file| {
            file.to_str().map(str::to_owned).ok_or_else(|| {
                error::config(format!("the path of keytab {} is not UTF-8", file.display())).hint("name another one")
            })
        });
        let keytab = keytab.transpose()?;
        if keytab.is_some() && options.principal.is_none() {
            return Err(fault::keytab_without_principal());
        }
        // All connections of the process share the tickets in memory: one question to the KDC for all of them.
        let in_memory = || format!("{IN_MEMORY}{}", std::process::id());
        let cache = options.cache.clone().or_else(|| keytab.is_some().then(in_memory));
        Ok(Self(Arc::new(Parts { principal: options.principal.clone(), keytab, cache })))
    }

    /// The keytab, if one was named.
    pub(crate) fn keytab(&self) -> Option<&str> {
        self.0.keytab.as_deref()
    }

    /// The cache, if it is not the default one.
    pub(crate) fn cache(&self) -> Option<&str> {
        self.0.cache.as_deref()
    }

    /// The ticket, got now if a keytab stands behind it. Blocks.
    ///
    /// # Errors
    /// Auth, Config, Unreachable: there is no ticket; the error says why.
    pub(crate) fn ticket(&self) -> Result<Ticket> {
        let (principal, left) = self.acquire()?.inquire().map_err(|e| self.named(e))?;
        Ok(Ticket { principal, left })
    }

    /// Begins a conversation with the server of a principal. Blocks in its steps.
    ///
    /// # Errors
    /// As for [`ticket`](Self::ticket).
    pub(crate) fn context(&self, server: &str, mechanism: Mechanism) -> Result<Context> {
        Context::new(self.acquire()?, server, mechanism)
    }

    fn acquire(&self) -> Result<Credential> {
        let Parts { principal, keytab, cache } = &*self.0;
        if let Some(keytab) = keytab {
            keytab::open(keytab)?;
        }
        let take = |cache: Option<&str>| Credential::acquire(principal.as_deref(), cache, keytab.as_deref());
        let taken = take(cache.as_deref()).map_err(|e| self.named(e))?;
        // The library goes on with an old ticket where it got no new one, and does not say why: a cache that holds nothing
        // makes it say so.
        if keytab.is_some() && taken.inquire().is_err() {
            let anew = take(Some(&format!("{IN_MEMORY}{}", uuid::Uuid::now_v7().simple())));
            return anew.and_then(|anew| anew.inquire().map(|_| anew)).map_err(|e| self.named(e));
        }
        Ok(taken)
    }

    /// Says which tickets were asked for, and what is wrong with the keytab or the cache where the library says only that
    /// there are none.
    fn named(&self, error: error::Error) -> error::Error {
        let Parts { principal, keytab, cache } = &*self.0;
        let has_none = fault::is_about_cache(&error);
        let cause = match (principal, keytab) {
            _ if fault::is_other_principal(&error) => {
                let theirs = Credential::acquire(None, cache.as_deref(), None).and_then(|found| found.inquire());
                theirs.ok().map(|(theirs, _)| error::auth(format!("the tickets there are those of {theirs}")))
            }
            (Some(principal), Some(keytab)) if has_none => keytab::fault(keytab, principal),
            _ => None,
        };
        let cause = cause.or_else(|| has_none.then(|| cache::fault(cache.as_deref())).flatten());
        let hint = error.remedy().map(str::to_owned);
        let error = match cause {
            Some(cause) if cause.remedy().is_some() => cause,
            Some(cause) => hint.into_iter().fold(cause, error::Error::hint),
            None => error,
        };
        let place = match cache.as_deref().filter(|name| !name.starts_with(IN_MEMORY)) {
            Some(name) => format!(" in {name}"),
            None if keytab.is_some() => String::new(),
            None => cache::by_environment().map(|name| format!(" in {name} (KRB5CCNAME)")).unwrap_or_default(),
        };
        let with = keytab.as_ref().map(|keytab| format!(" with keytab {keytab}")).unwrap_or_default();
        let of = principal.as_ref().map(|principal| format!(" of {principal}")).unwrap_or_default();
        error.context(format!("no ticket{of}{with}{place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keytab_needs_its_principal_and_has_a_cache_in_memory() {
        let options = KerberosOptions { keytab: Some("etl.keytab".into()), ..KerberosOptions::default() };
        assert!(Credentials::new(&options, Path::new("/etc")).is_err());
        let options = KerberosOptions { principal: Some("etl@R".into()), ..options };
        let credentials = Credentials::new(&options, Path::new("/etc")).unwrap();
        assert_eq!(credentials.keytab(), Some("/etc/etl.keytab"));
        assert!(credentials.cache().unwrap().starts_with("MEMORY:"));
        assert_eq!(Credentials::new(&KerberosOptions::default(), Path::new("/etc")).unwrap().cache(), None);
    }
}

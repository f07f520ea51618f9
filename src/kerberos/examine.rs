//! What a doctor asks about the tickets of this host, and about the KDC that gives them.

use std::time::Duration;

use super::{Credentials, Tokens, clock, krb5_conf};
use crate::checkup::Checkup;
use crate::config::CONNECT_TIMEOUT;
use crate::site::Site;

/// A ticket that ends sooner than this ends in the middle of a long run.
const SHORT: Duration = Duration::from_secs(3600);
/// The setting by which servers make users' names of principals.
const RULES: &str = "hadoop.security.auth_to_local";

/// Asks whose ticket is there and for how long, which tokens, and what time the KDC has. Blocks, since a keytab asks the
/// KDC.
pub(crate) fn examine(credentials: &Credentials, tokens: &Tokens, hadoop: &Site, checkup: &mut Checkup) {
    if !tokens.is_empty() {
        checkup.fine("delegation tokens", tokens.label());
    }
    let ticket = match credentials.ticket() {
        // Tokens stand in for it.
        Err(e) if !tokens.is_empty() => return checkup.skipped("ticket", e),
        ticket => ticket,
    };
    let words = |ticket: &super::Ticket| format!("{} for {}", ticket.principal, in_words(ticket.left));
    let Some(ticket) = checkup.take("ticket", ticket, words) else { return };
    if ticket.left < SHORT && credentials.keytab().is_none() {
        checkup.warning(
            "ticket's life",
            format!("the ticket ends in {}", in_words(ticket.left)),
            "a keytab lets long runs get new ones: [kerberos] principal and keytab",
        );
    }
    clock_of_kdc(&ticket.principal, checkup);
    match hadoop.get(RULES) {
        Some(rules) => checkup.fine("auth_to_local", rules.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => checkup.fine("auth_to_local", "DEFAULT here; each server has its own"),
    }
}

fn clock_of_kdc(principal: &str, checkup: &mut Checkup) {
    const QUESTION: &str = "clock of the kdc";
    let realm = principal.rsplit_once('@').map_or("", |(_, realm)| realm);
    let kdcs = krb5_conf::kdcs(realm);
    let Some(kdc) = kdcs.first() else {
        return checkup.skipped(QUESTION, format!("{} names no kdc of {realm}: DNS knows it", krb5_conf::files()));
    };
    match clock::ask(kdc, principal, CONNECT_TIMEOUT) {
        Ok(Some(time)) => checkup.clock(QUESTION, time),
        Ok(None) => checkup.skipped(QUESTION, format!("{kdc} does not tell")),
        Err(e) => checkup.failed(QUESTION, &e),
    }
}

fn in_words(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

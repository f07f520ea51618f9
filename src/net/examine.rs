//! What a doctor asks of any server before its protocol is spoken.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::Server;
use super::thrift::{Transport, blocking};
use super::tls::Tls;
use crate::checkup::Checkup;
use crate::error::{self, Result};
use crate::kerberos::canonical_host;

/// A server to be reached: what it is called, and what TLS to it stands on.
pub(crate) struct Hop {
    /// Its heading in the answers.
    pub name: String,
    /// Where it is.
    pub server: Server,
    /// How it is spoken to.
    pub transport: Transport,
}

/// Asks whether one of some servers of a kind can be reached; `hops` finds them out. What hinders it is among the answers.
///
/// # Errors
/// Bug: the thread of the questions broke down.
pub(crate) async fn any_reached(
    kind: &'static str,
    hops: impl FnOnce() -> Result<Vec<Hop>> + Send + 'static,
    checkup: &mut Checkup,
) -> Result<bool> {
    asking(checkup, move |checkup| {
        let Some(hops) = checkup.note("address", hops()) else { return false };
        let (began, mut any) = (checkup.checks().len(), false);
        for Hop { name, server, transport } in hops {
            checkup.hop(name);
            checkup.fine("spoken", &transport);
            any |= reach(&server, checkup) && transport.tls.is_none_or(|tls| encrypted(&server, &tls, checkup));
        }
        // Whoever lives stands in for one that is away.
        if any {
            checkup.soften(began);
        } else {
            let error = error::unreachable(format!("no {kind} can be reached")).hint("see the lines above");
            checkup.failed("address", &error);
        }
        any
    })
    .await
}

/// Asks questions that block, on a thread for such.
///
/// # Errors
/// Bug: the thread broke down.
pub(crate) async fn asking<T: Send + 'static>(
    checkup: &mut Checkup,
    ask: impl FnOnce(&mut Checkup) -> T + Send + 'static,
) -> Result<T> {
    let mut taken = std::mem::take(checkup);
    let (answer, back) = blocking(move || {
        let answer = ask(&mut taken);
        Ok((answer, taken))
    })
    .await?;
    *checkup = back;
    Ok(answer)
}

/// Asks whether the host's name is known, whether its address leads back to it, and whether the port answers. Blocks.
/// Gives false where there is no use in asking further.
pub(crate) fn reach(server: &Server, checkup: &mut Checkup) -> bool {
    let addresses = server.address_only().to_socket_addrs().map_err(|e| server.unreachable(e));
    let words = |found: &std::vec::IntoIter<SocketAddr>| {
        let found: Vec<String> = found.as_slice().iter().map(|address| address.ip().to_string()).collect();
        format!("{} is {}", server.host(), found.join(", "))
    };
    if checkup.take("name", addresses, words).is_none() {
        return false;
    }
    // An address that is given as such needs no name.
    if server.host().parse::<IpAddr>().is_err() {
        let back = canonical_host(server.host());
        if back == server.host().to_lowercase() {
            checkup.fine("reverse name", back);
        } else {
            checkup.warning(
                "reverse name",
                format!("the address of {} leads back to {back}", server.host()),
                "principals with _HOST are made with that name: let DNS or /etc/hosts give the one that the keytab has",
            );
        }
    }
    checkup.take("port", server.connect(), |_| format!("{} accepts connections", server.address)).is_some()
}

/// Asks whether the server speaks TLS by a certificate that is good, and takes ours. Blocks.
fn encrypted(server: &Server, tls: &Tls, checkup: &mut Checkup) -> bool {
    let agreed = server.connect().and_then(|socket| tls.try_out(server, socket));
    let words = |version: &&str| format!("{version}, the certificate is good for {}", server.host());
    checkup.take("tls", agreed, words).is_some()
}

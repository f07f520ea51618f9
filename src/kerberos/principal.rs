//! The principals of servers, as Hadoop's configuration names them.

use std::net::{IpAddr, ToSocketAddrs};

use crate::error::{self, Result};

/// What stands for the server's host.
const HOST: &str = "_HOST";

/// The principal of the server on `host`: where the configured one is `service/_HOST@REALM`, its host is the server's
/// canonical name in lower case.
///
/// Source: Hadoop 3.4 `SecurityUtil.getServerPrincipal`, and the clients of Hive, which ask for the canonical name first.
///
/// # Errors
/// Config: it does not have three parts.
pub(crate) fn server_principal(configured: &str, host: &str) -> Result<String> {
    let parts: Vec<&str> = configured.split(['/', '@']).collect();
    let [service, instance, realm] = parts[..] else {
        return Err(error::config(format!("{configured} is not the principal of a server"))
            .hint("write it as service/_HOST@REALM, as in the cluster's site files"));
    };
    match instance {
        HOST => Ok(format!("{service}/{}@{realm}", canonical_host(host))),
        _ => Ok(configured.to_owned()),
    }
}

/// The name that a host's address has, where that name leads back to the address; else the name it was given, which is
/// an address where Java would have one.
///
/// Source: OpenJDK 17 `InetAddress.getCanonicalHostName`.
pub(crate) fn canonical_host(host: &str) -> String {
    let addresses = |name: &str| (name, 0).to_socket_addrs().map(|found| found.map(|a| a.ip()).collect::<Vec<_>>());
    let first = |found: &[IpAddr]| found.iter().find(|ip| ip.is_ipv4()).or(found.first()).copied();
    let canonical = addresses(host).ok().and_then(|found| first(&found)).and_then(|address| {
        let name = dns_lookup::lookup_addr(&address).ok()?;
        addresses(&name).is_ok_and(|back| back.contains(&address)).then_some(name)
    });
    canonical.unwrap_or_else(|| host.to_owned()).trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_put_in_where_it_is_asked_for() {
        let fixed = "hive/db.example.com@EXAMPLE.COM";
        assert_eq!(server_principal(fixed, "localhost").unwrap(), fixed);
        let principal = server_principal("hive/_HOST@EXAMPLE.COM", "No.Such.Host.invalid").unwrap();
        assert_eq!(principal, "hive/no.such.host.invalid@EXAMPLE.COM");
        for wrong in ["hive", "hive@EXAMPLE.COM", "a/b/c@R"] {
            assert!(server_principal(wrong, "localhost").is_err(), "{wrong}");
        }
    }
}

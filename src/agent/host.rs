//! This host, as events and paths name it.

use std::net::UdpSocket;

/// The address that this host shows to others; nothing is sent to find it.
pub(super) fn own_address() -> String {
    let found = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        // An address of a documentation network: the system chooses the way out, and no packet leaves.
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    found.map_or_else(|_| "127.0.0.1".to_owned(), |address| address.ip().to_string())
}

/// The name of this host.
pub(super) fn own_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

/// The name that this host's address leads back to.
pub(super) fn full_name() -> String {
    let address = own_address().parse().ok();
    address.and_then(|address| dns_lookup::lookup_addr(&address).ok()).unwrap_or_else(own_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_names_and_an_address() {
        assert!(!own_name().is_empty() && !full_name().is_empty());
        assert!(own_address().parse::<std::net::IpAddr>().is_ok());
    }
}

//! Lines in datagrams, as Flume's `netcatudp` source takes them. Each line of a datagram is an event; Flume takes the
//! first of them alone.

use std::borrow::Cow;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use super::{Source, SourceReport, datagrams};
use crate::agent::event::{Event, Headers};
use crate::agent::outlet::Outlet;
use crate::agent::position::PositionForm;
use crate::error::Result;

pub(in crate::agent) const FORM: PositionForm = PositionForm { kind: Cow::Borrowed("netcat-udp"), version: 1 };

/// What the source is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NetcatUdpOptions {
    /// The address to listen on.
    #[serde(default = "super::loopback")]
    pub bind: String,
    pub port: u16,
    /// The header that gets the address and port of the sender.
    #[serde(default)]
    pub client_header: Option<String>,
}

/// Listens for datagrams.
#[derive(Debug)]
pub(in crate::agent) struct NetcatUdpSource {
    options: NetcatUdpOptions,
    socket: UdpSocket,
}

impl NetcatUdpSource {
    /// # Errors
    /// Those of [`datagrams::bind`].
    pub(in crate::agent) fn bind(options: NetcatUdpOptions) -> Result<Self> {
        let socket = datagrams::bind(&options.bind, options.port)?;
        Ok(Self { options, socket })
    }
}

impl Source for NetcatUdpSource {
    fn run(self: Box<Self>, outlet: Arc<Outlet>) -> Result<SourceReport> {
        let name = self.options.client_header.map(ByteString::from);
        datagrams::serve(&self.socket, &outlet, |bytes, from, out| out.extend(lines(bytes, name.as_ref(), from)))
    }
}

/// The lines of a datagram; a newline at its end is not followed by one.
fn lines(bytes: &[u8], name: Option<&ByteString>, from: SocketAddr) -> impl Iterator<Item = Event> {
    let text = Bytes::copy_from_slice(bytes.strip_suffix(b"\n").unwrap_or(bytes));
    // As Java writes an address that has no name.
    let client = name.map(|name| (name.clone(), ByteString::from(format!("/{from}"))));
    let pieces: Vec<Bytes> = text.split(|byte| *byte == b'\n').map(|line| text.slice_ref(line)).collect();
    pieces
        .into_iter()
        .map(move |body| Event { headers: Headers::new(None, client.clone().into_iter().collect()), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_datagram_is_an_event() {
        let from: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let bodies = |bytes: &[u8]| {
            lines(bytes, None, from).map(|event| String::from_utf8(event.body.to_vec()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(bodies(b"one\n"), ["one"]);
        assert_eq!(bodies(b"one\r\n\ntwo"), ["one\r", "", "two"]);
        assert_eq!(bodies(b""), [""]);
        let name = ByteString::from_static("client");
        let event = lines(b"x", Some(&name), from).next().unwrap();
        assert_eq!(event.headers.get("client"), Some("/192.0.2.7:4000"));
    }
}

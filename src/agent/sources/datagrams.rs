//! What the sources of datagrams have in common: whatever comes is taken at once and put, many datagrams a batch.
//!
//! Nobody is told what became of a datagram. Those that come while the agent does not run are lost, and while the channel
//! is full those that the system has no more room for, which it counts.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::{SourceReport, intake};
use crate::agent::event::Event;
use crate::agent::outlet::Outlet;
use crate::error::{self, Result};
use crate::telemetry::summary::counted;

/// How long a datagram is waited for before it is looked whether the agent still runs.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes that the system is asked to keep while nobody takes; it may give less.
const SYSTEM_BYTES: usize = 8 << 20;
/// The longest datagram that there is.
const MOST_BYTES: usize = 64 << 10;
/// Events and bytes of a batch.
const BATCH_EVENTS: usize = 2_000;
const BATCH_BYTES: usize = 1 << 20;

/// Takes a port for datagrams.
///
/// # Errors
/// Those of [`intake::bind`].
pub(super) fn bind(bind: &str, port: u16) -> Result<UdpSocket> {
    let cannot = |e| intake::cannot_listen(bind, port, e);
    let socket = UdpSocket::bind((bind, port)).map_err(cannot)?;
    if let Err(e) = socket2::SockRef::from(&socket).set_recv_buffer_size(SYSTEM_BYTES) {
        tracing::warn!("cannot ask for {SYSTEM_BYTES} bytes of room for datagrams on {bind}:{port}: {e}");
    }
    Ok(socket)
}

/// Takes datagrams until the outlet takes no more; `events` makes events of each.
///
/// # Errors
/// Refused: the port is lost. Those of [`Outlet::put`].
pub(super) fn serve(
    socket: &UdpSocket,
    outlet: &Outlet,
    mut events: impl FnMut(&[u8], SocketAddr, &mut Vec<Event>),
) -> Result<SourceReport> {
    let port = socket.local_addr().map_or(0, |address| address.port());
    tracing::warn!(
        "datagrams to port {port} are taken as they come: those that come while the agent does not run, or the channel \
         is full, are lost"
    );
    let lost = |e: std::io::Error| error::refused("cannot go on taking datagrams").source(e);
    let mut buffer = vec![0; MOST_BYTES];
    while outlet.is_open() {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        socket.set_nonblocking(false).and_then(|()| socket.set_read_timeout(Some(LOOK))).map_err(lost)?;
        while batch.len() < BATCH_EVENTS && bytes < BATCH_BYTES {
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    events(&buffer[..length], from, &mut batch);
                    bytes += length;
                    // What is there already goes along, and is not waited for.
                    socket.set_nonblocking(true).map_err(lost)?;
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
                // An answer of ours to nobody, or a signal.
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionRefused | ErrorKind::Interrupted) => {}
                Err(e) => return Err(lost(e)),
            }
        }
        let count = batch.len() as u64;
        if count > 0 && !outlet.put(batch, BTreeMap::new(), None)? {
            tracing::warn!("{} that had come when the agent ended are lost", counted(count, "event", "events"));
            break;
        }
    }
    let dropped = dropped(socket).filter(|dropped| *dropped > 0);
    let note = |dropped| format!("{} to port {port} lost for want of room", counted(dropped, "datagram", "datagrams"));
    Ok(SourceReport { notes: dropped.map(note).into_iter().collect(), ..SourceReport::default() })
}

/// How many datagrams the system had no room for; `None` where it does not say.
fn dropped(socket: &UdpSocket) -> Option<u64> {
    // The socket's file is known by its inode, which the system's table names.
    let fd = std::os::fd::AsRawFd::as_raw_fd(socket);
    let inode = fs::metadata(format!("/proc/self/fd/{fd}")).ok()?.ino().to_string();
    ["/proc/net/udp", "/proc/net/udp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let own = columns.into_iter().find(|columns| columns.get(9) == Some(&inode.as_str()))?;
        own.last()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::agent::channels::memory::MemoryChannel;
    use crate::agent::channels::{Channel, ChannelLimits, Take};
    use crate::agent::interceptors::Interceptors;
    use crate::agent::outlet::Feed;
    use crate::agent::position::PositionForm;
    use crate::agent::selector::{Selector, SelectorArgs};

    fn outlet(max_events: u64) -> (Arc<Outlet>, Arc<dyn Channel>) {
        let limits = ChannelLimits { max_bytes: 64 << 20, max_events, segment_bytes: 0, min_free_bytes: 0 };
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let form = PositionForm { kind: "datagrams".into(), version: 1 };
        (Arc::new(Outlet::new("d", form, vec![feed], selector, Interceptors::default())), channel)
    }

    fn one(bytes: &[u8], _: SocketAddr, out: &mut Vec<Event>) {
        out.push(Event { body: bytes.to_vec().into(), ..Event::default() });
    }

    #[test]
    fn datagrams_are_events_and_a_full_channel_waits_until_the_system_has_no_more_room() {
        let (outlet, channel) = outlet(1);
        let socket = bind("127.0.0.1", 0).unwrap();
        let to = socket.local_addr().unwrap();
        let running = std::thread::spawn(move || serve(&socket, &outlet, one));
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"first", to).unwrap();
        let Take::Record { number, batch } = channel.take(Duration::from_secs(20)).unwrap() else { panic!("no event") };
        assert_eq!((number, &*batch.events[0].body), (0, &b"first"[..]));
        // One more waits for room, and behind it the system's buffer fills.
        let datagram = vec![b'x'; 60_000];
        for _ in 0..2_000 {
            client.send_to(&datagram, to).unwrap();
        }
        channel.close();
        let report = running.join().unwrap().unwrap();
        assert!(report.notes[0].contains("lost for want of room"), "{:?}", report.notes);
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(bind("127.0.0.1", port).unwrap_err().to_string().contains(&format!("127.0.0.1:{port}")));
    }
}

//! Messages as they are taken apart, and connections.

use std::io::Write;
use std::time::Duration;

use super::*;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{Channel, ChannelLimits, Take};
use crate::agent::interceptors::Interceptors;
use crate::agent::outlet::Feed;
use crate::agent::selector::{Selector, SelectorArgs};
use crate::net::tls::{Identity, server_config};

fn rules(dialect: Dialect, keep: &[Field]) -> Rules {
    Rules { dialect, keep: keep.to_vec(), zone: jiff::tz::TimeZone::UTC }
}

/// Headers in the order of their names, and the body.
fn shown(event: &Event) -> String {
    let mut headers: Vec<String> = event.headers.all().map(|(name, value)| format!("{name}={value}")).collect();
    headers.sort();
    format!("{} | {}", headers.join(" "), String::from_utf8_lossy(&event.body))
}

fn parsed(rules: &Rules, message: &str, is_cut: bool) -> String {
    let now = "2024-05-01T00:00:00Z".parse().unwrap();
    shown(&rules.event(Bytes::copy_from_slice(message.as_bytes()), is_cut, now))
}

#[test]
fn fv99_messages_as_syslogtcp_takes_them_apart() {
    let rules = rules(Dialect::Syslog, &[]);
    for (message, wanted) in [
        (
            "<10>1 2012-04-13T11:11:11Z host msg",
            "Facility=1 Severity=2 host=host priority=10 timestamp=1334315471000 version=1 | msg",
        ),
        (
            "<10>2012-04-13T11:11:11.123456Z ubuntu-11.example.com some msg",
            "Facility=1 Severity=2 host=ubuntu-11.example.com priority=10 timestamp=1334315471123 | some msg",
        ),
        ("<10>1 - host some msg", "Facility=1 Severity=2 host=host priority=10 version=1 | some msg"),
        (
            "<10>1 2012-04-13T11:11:11+08:00 - some msg",
            "Facility=1 Severity=2 priority=10 timestamp=1334286671000 version=1 | some msg",
        ),
        (
            "<34>Apr  1 13:14:04 web-1 su: failed",
            "Facility=4 Severity=2 host=web-1 priority=34 timestamp=1711977244000 | su: failed",
        ),
        (
            "<10>Apr 11 13:14:04 h - hyphen [07/Jun/2012:14:46:44 -0600]",
            "Facility=1 Severity=2 host=h priority=10 timestamp=1712841244000 | - hyphen [07/Jun/2012:14:46:44 -0600]",
        ),
        ("<165>hello there", "Facility=20 Severity=5 | <165>hello there"),
        ("<10F> bad", "Facility=0 Severity=0 flume.syslog.status=Invalid | <10F> bad"),
        ("<> bad", "Facility=0 Severity=0 flume.syslog.status=Invalid | <> bad"),
        ("<1234>bad", "Facility=0 Severity=0 flume.syslog.status=Invalid | <1234>bad"),
        ("no priority", "Facility=0 Severity=0 flume.syslog.status=Invalid | no priority"),
    ] {
        assert_eq!(parsed(&rules, message, false), wanted, "{message}");
    }
    let cut = "Facility=1 Severity=2 flume.syslog.status=Incomplete host=h priority=10 version=1 | x";
    assert_eq!(parsed(&rules, "<10>1 - h x", true), cut);
}

#[test]
fn fields_stay_in_the_body_where_asked() {
    let message = "<34>1 2012-04-13T11:11:11Z h msg";
    let body = |dialect, keep: &[Field], message| {
        parsed(&rules(dialect, keep), message, false).split_once(" | ").unwrap().1.to_owned()
    };
    for dialect in [Dialect::Syslog, Dialect::Multiport] {
        assert_eq!(body(dialect, &[Field::All], message), message);
        assert_eq!(body(dialect, &[Field::Priority, Field::Hostname], message), "<34>h msg");
        assert_eq!(body(dialect, &[Field::Version, Field::Timestamp], message), "1 2012-04-13T11:11:11Z msg");
        assert_eq!(body(dialect, &[], "<34>1 2012-04-13T11:11:11Z h "), "<34>1 2012-04-13T11:11:11Z h ");
    }
    assert_eq!(body(Dialect::Syslog, &[Field::Timestamp, Field::Hostname], "<34>1 - - msg"), "- - msg");
}

#[test]
fn messages_as_multiport_syslogtcp_takes_them_apart() {
    let rules = rules(Dialect::Multiport, &[]);
    for (message, wanted) in [
        (
            "<10>1 2012-04-13T11:11:11Z host msg",
            "Facility=1 Priority=10 Severity=2 Version=1 host=host timestamp=1334315471000 | msg",
        ),
        (
            "<10>Apr 11 13:14:04 10.0.0.1 a b",
            "Facility=1 Priority=10 Severity=2 host=10.0.0.1 timestamp=1712841244000 | a b",
        ),
        ("<10>- host msg", "Facility=1 Priority=10 Severity=2 host=host timestamp=1714521600000 | msg"),
        ("<10>no time", "flume.syslog.status=Invalid | <10>no time"),
        ("<10>1 2012-04-13T11:11:11Z host", "flume.syslog.status=Invalid | <10>1 2012-04-13T11:11:11Z host"),
        ("<10>", "flume.syslog.status=Invalid | <10>"),
        ("<10>1 ", "flume.syslog.status=Invalid | <10>1 "),
        ("none", "flume.syslog.status=Invalid | none"),
    ] {
        assert_eq!(parsed(&rules, message, false), wanted, "{message}");
    }
}

#[test]
fn messages_are_cut_at_their_most_bytes() {
    let cut = |text: &str| {
        let mut buffer = BytesMut::from(text);
        let found = Framer::new(Framing::Lines, 10).take(&mut buffer).unwrap().into_iter();
        let found: Vec<_> = found.map(|(message, cut)| (String::from_utf8(message.to_vec()).unwrap(), cut)).collect();
        (found, String::from_utf8(buffer.to_vec()).unwrap())
    };
    let whole = |text: &str| (text.to_owned(), false);
    assert_eq!(cut("<1>a\n\n<2>b\nre"), (vec![whole("<1>a"), whole("<2>b")], "re".to_owned()));
    assert_eq!(cut("0123456789\nx"), (vec![whole("0123456789")], "x".to_owned()));
    assert_eq!(cut("0123456789ab\n"), (vec![("0123456789".to_owned(), true), whole("ab")], String::new()));
    assert_eq!(cut("0123456789"), (vec![], "0123456789".to_owned()));
    assert_eq!(cut("0123456789a"), (vec![("0123456789".to_owned(), true)], "a".to_owned()));
}

fn options(transport: Transport, ports: usize) -> SyslogOptions {
    SyslogOptions {
        bind: "127.0.0.1".to_owned(),
        ports: vec![0; ports],
        transport,
        rules: rules(Dialect::Syslog, &[]),
        entrance: Entrance { tls: None, deflates: false },
        framing: Framing::Lines,
        max_message_bytes: 2_500,
        port_header: Some("port".to_owned()),
        client_ip_header: Some("client".to_owned()),
    }
}

/// A source that listens on ports of its own, and its channel.
fn listening(
    options: SyslogOptions,
    max_events: u64,
) -> (Vec<u16>, Arc<dyn Channel>, tokio::task::JoinHandle<Result<SourceReport>>) {
    let limits = ChannelLimits { max_bytes: 1 << 20, max_events, segment_bytes: 0, min_free_bytes: 0 };
    let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
    let source = SyslogSource::bind(options).unwrap();
    let ports = match &source.listening {
        Listening::Tcp(listeners) => listeners.iter().map(|tcp| tcp.local_addr().unwrap().port()).collect(),
        Listening::Udp(socket) => vec![socket.local_addr().unwrap().port()],
    };
    let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
    let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
    let outlet = Arc::new(Outlet::new("s", FORM, vec![feed], selector, Interceptors::default()));
    let running = tokio::task::spawn_blocking(move || Box::new(source).run(outlet));
    (ports, channel, running)
}

fn take(channel: &dyn Channel, count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < count {
        match channel.take(Duration::from_secs(20)).unwrap() {
            Take::Record { batch, .. } => events.extend(batch.events),
            // Room was made, and whoever waits for it has not seen it yet.
            Take::Full => std::thread::sleep(Duration::from_millis(1)),
            other => panic!("no event: {other:?}"),
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_on_several_ports() {
    let (ports, channel, running) = listening(options(Transport::Tcp, 2), 100);
    let taken = channel.clone();
    tokio::task::spawn_blocking(move || {
        for port in ports {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"<10>1 - h first\n<10>1 - h sec").unwrap();
            let first = take(&*taken, 1).remove(0);
            assert_eq!(&*first.body, b"first");
            assert_eq!(first.headers.get("port"), Some(&*port.to_string()));
            assert_eq!(first.headers.get("client"), Some("127.0.0.1"));
            stream.write_all(b"ond\n<10>1 - h without end").unwrap();
            drop(stream);
            let rest = take(&*taken, 2);
            assert_eq!((&*rest[0].body, &*rest[1].body), (&b"second"[..], &b"without end"[..]));
            assert_eq!(rest[1].headers.get("flume.syslog.status"), Some("Incomplete"));
        }
    })
    .await
    .unwrap();
    channel.close();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_channel_holds_senders_back_and_loses_nothing() {
    let (ports, channel, running) = listening(options(Transport::Tcp, 1), 1);
    let port = ports[0];
    let sending = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        for number in 0..20_000 {
            stream.write_all(format!("<10>1 - h {number}\n").as_bytes()).unwrap();
        }
    });
    let taken = channel.clone();
    tokio::task::spawn_blocking(move || {
        let (mut next, mut record) = (0, 0);
        while next < 20_000 {
            for event in take(&*taken, 1) {
                assert_eq!(event.body, next.to_string());
                next += 1;
            }
            record += 1;
            let cursor = taken.cursor();
            let cursor = crate::agent::channels::cursor::Cursor { record, epoch: cursor.epoch + 1, ..cursor };
            taken.commit(cursor).unwrap();
        }
    })
    .await
    .unwrap();
    sending.await.unwrap();
    channel.close();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_are_a_message_each() {
    let (ports, channel, running) = listening(options(Transport::Udp, 1), 100);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    for message in ["<10>1 - h one\n", "", "\n", "<10>1 - h two\nlines"] {
        client.send_to(message.as_bytes(), ("127.0.0.1", ports[0])).unwrap();
    }
    let taken = channel.clone();
    let events = tokio::task::spawn_blocking(move || take(&*taken, 2)).await.unwrap();
    assert_eq!((&*events[0].body, &*events[1].body), (&b"one"[..], &b"two\nlines"[..]));
    channel.close();
    running.await.unwrap().unwrap();
}

/// What a process of openssl sends, whose input ends.
fn send_by_openssl(port: u16, said: &'static [u8]) {
    let ca = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("integration-tests/cluster/wire/tls/ca.pem");
    let mut sender = std::process::Command::new("openssl")
        .args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile"])
        .arg(ca)
        .args(["-connect", &format!("127.0.0.1:{port}")])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    sender.stdin.take().unwrap().write_all(said).unwrap();
    let done = sender.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_tls_with_their_lengths_before_them() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("integration-tests/cluster/wire/tls");
    let identity = Identity::Pem { certificate: fixtures.join("server.pem"), key: fixtures.join("server-key.pem") };
    let tls = Some(Arc::new(server_config(&identity).unwrap()));
    let options = SyslogOptions {
        entrance: Entrance { tls, deflates: false },
        framing: Framing::Auto,
        ..options(Transport::Tcp, 1)
    };
    let (ports, channel, running) = listening(options, 100);
    let (port, taken) = (ports[0], channel.clone());
    tokio::task::spawn_blocking(move || {
        send_by_openssl(port, b"19 <10>1 - h two\nlines<10>1 - h a line\n99 <10>1 - h without end");
        let events = take(&*taken, 3);
        let bodies: Vec<&[u8]> = events.iter().map(|event| &*event.body).collect();
        assert_eq!(bodies, [&b"two\nlines"[..], b"a line", b"without end"]);
        let cut: Vec<_> = events.iter().map(|event| event.headers.get("flume.syslog.status")).collect();
        assert_eq!(cut, [None, None, Some("Incomplete")]);
        // In the clear nothing is taken.
        let mut plain = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        plain.write_all(b"<10>1 - h in the clear\n").unwrap();
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut plain, &mut answer);
        assert!(matches!(taken.take(Duration::ZERO).unwrap(), Take::Nothing));
    })
    .await
    .unwrap();
    channel.close();
    running.await.unwrap().unwrap();
}

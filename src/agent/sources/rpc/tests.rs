//! Calls over real connections: the client of our own sink, and bytes that are not calls.

use std::io::{Read, Write};

use tokio::task::JoinHandle;

use super::*;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{Channel, ChannelLimits, Take};
use crate::agent::event::Event;
use crate::agent::interceptors::Interceptors;
use crate::agent::outlet::Feed;
use crate::agent::rpc::{Client, ClientOptions, Deflation, Encoding};
use crate::agent::selector::{Selector, SelectorArgs};
use crate::error::Kind;
use crate::net::tls::{Identity, Tls, Trust, server_config};

struct Serving {
    port: u16,
    channel: Arc<dyn Channel>,
    running: JoinHandle<Result<SourceReport>>,
}

fn options(speech: Speech) -> RpcOptions {
    RpcOptions {
        bind: "127.0.0.1".into(),
        port: 0,
        speech,
        entrance: Entrance { tls: None, deflates: false },
        rules: Vec::new(),
        limits: Limits { message_bytes: 1 << 20 },
        in_flight: InFlight::new(1 << 20),
    }
}

impl Serving {
    fn begin(options: RpcOptions, max_events: u64) -> Self {
        let limits = ChannelLimits { max_bytes: 4 << 20, max_events, segment_bytes: 0, min_free_bytes: 0 };
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
        let form = options.form();
        let source = RpcSource::bind(options).unwrap();
        let port = source.listener.local_addr().unwrap().port();
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let outlet = Arc::new(Outlet::new("r", form, vec![feed], selector, Interceptors::default()));
        let running = tokio::task::spawn_blocking(move || Box::new(source).run(outlet));
        Self { port, channel, running }
    }

    fn client(&self, speech: Speech) -> ClientOptions {
        ClientOptions {
            host: "localhost".to_owned(),
            port: self.port,
            speech,
            tls: None,
            deflation: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
        }
    }

    /// What is in the channel.
    fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Take::Record { batch, .. } = self.channel.take(Duration::ZERO).unwrap() {
            events.extend(batch.events);
        }
        events
    }

    async fn end(self) {
        self.channel.close();
        self.running.await.unwrap().unwrap();
    }
}

fn some(count: usize) -> Vec<Event> {
    let event = |number: usize| {
        let mut event = Event { body: format!("event {number}").repeat(number % 50).into(), ..Event::default() };
        event.headers.set("number", number.to_string());
        event
    };
    (0..count).map(event).collect()
}

const ALL: [Speech; 3] = [Speech::Avro, Speech::Thrift(Encoding::Compact), Speech::Thrift(Encoding::Binary)];

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_answered_once_its_events_are_in_the_channel() {
    for speech in ALL {
        let serving = Serving::begin(options(speech), 10_000);
        let mut client = Client::connect(&serving.client(speech)).await.unwrap();
        for count in [1, 100, 0, 1_000] {
            client.append(&some(count)).await.unwrap();
            assert_eq!(serving.events(), some(count), "{speech:?}");
        }
        serving.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fv102_a_batch_with_deflate_and_a_full_channel() {
    let with = RpcOptions { entrance: Entrance { tls: None, deflates: true }, ..options(Speech::Avro) };
    let serving = Serving::begin(with, 150);
    let deflation = Some(Deflation { level: 6, around_tls: false });
    let client = ClientOptions { deflation, ..serving.client(Speech::Avro) };
    let mut client = Client::connect(&client).await.unwrap();
    client.append(&some(100)).await.unwrap();
    let error = client.append(&some(100)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(error.to_string().ends_with("answered FAILED to a batch"), "{error}");
    assert_eq!(serving.events(), some(100));
    serving.end().await;
}

/// A certificate for localhost, and its key.
fn certificate(dir: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (dir.join("cert.pem"), dir.join("key.pem"))
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_deflate_in_either_order() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(dir.path());
    let tls = Arc::new(server_config(&Identity::Pem { certificate: certificate.clone(), key }).unwrap());
    let trusting = Tls::new(&Trust::Pem(certificate), None).unwrap();
    for (speech, deflation) in [
        (Speech::Avro, None),
        (Speech::Thrift(Encoding::Compact), None),
        (Speech::Avro, Some(Deflation { level: 1, around_tls: false })),
        (Speech::Avro, Some(Deflation { level: 9, around_tls: true })),
    ] {
        let entrance = Entrance { tls: Some(tls.clone()), deflates: deflation.is_some() };
        let serving = Serving::begin(RpcOptions { entrance, ..options(speech) }, 10_000);
        let client = ClientOptions { tls: Some(trusting.clone()), deflation, ..serving.client(speech) };
        let mut client = Client::connect(&client).await.unwrap();
        client.append(&some(300)).await.unwrap();
        client.append(&some(5)).await.unwrap();
        assert_eq!(serving.events().len(), 305, "{deflation:?}");
        serving.end().await;
    }
    // Nobody's certificate is taken on trust.
    let entrance = Entrance { tls: Some(tls), deflates: false };
    let serving = Serving::begin(RpcOptions { entrance, ..options(Speech::Avro) }, 10);
    let client = ClientOptions { tls: Some(Tls::new(&Trust::System, None).unwrap()), ..serving.client(Speech::Avro) };
    let error = Client::connect(&client).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "{error}");
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_call_ends_its_connection_alone() {
    for speech in ALL {
        let serving = Serving::begin(options(speech), 100);
        let port = serving.port;
        let ended = tokio::task::spawn_blocking(move || {
            for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\0\0\x01\0\0\0\x01\0\0\0\x02hi", b"\0\0\0\x02hi"] {
                let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
                stream.write_all(bytes).unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).ok();
                assert_eq!(answer, b"", "{bytes:?}");
            }
        });
        ended.await.unwrap();
        let mut client = Client::connect(&serving.client(speech)).await.unwrap();
        client.append(&some(3)).await.unwrap();
        assert_eq!(serving.events(), some(3));
        serving.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_let_in_and_one_that_speaks_otherwise_are_told() {
    let rules = vec!["deny:ip:127.*".parse().unwrap()];
    let serving = Serving::begin(RpcOptions { rules, ..options(Speech::Avro) }, 100);
    let mut client = Client::connect(&serving.client(Speech::Avro)).await.unwrap();
    let error = client.append(&some(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    serving.end().await;

    let serving = Serving::begin(options(Speech::Thrift(Encoding::Compact)), 100);
    let mut client = Client::connect(&serving.client(Speech::Thrift(Encoding::Binary))).await.unwrap();
    let error = client.append(&some(1)).await.unwrap_err();
    assert!(error.remedy().unwrap().contains("the same compression, protocol and TLS"), "{error}");
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_calls_at_once_wait_for_each_other() {
    for speech in ALL {
        let options = options(speech);
        let in_flight = options.in_flight.clone();
        let serving = Serving::begin(options, 10_000);
        // All that there is, and the one that goes on in any case.
        let (mut all, mut lane) = (in_flight.claim(), in_flight.claim());
        all.grow(1 << 20).await;
        lane.grow(1).await;
        let calls = (0..16).map(|number: u8| {
            let client = serving.client(speech);
            tokio::spawn(async move {
                let mut client = Client::connect(&client).await.unwrap();
                for _ in 0..3 {
                    let event = Event { body: vec![number; 50_000].into(), ..Event::default() };
                    client.append(&[event]).await.unwrap();
                }
            })
        });
        let calls: Vec<_> = calls.collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(serving.events().is_empty() && !calls.iter().any(JoinHandle::is_finished), "{speech:?}");
        drop((all, lane));
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(serving.events().len(), 48);
        serving.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_take_many_times_their_bytes_are_taken_all_the_same() {
    for speech in ALL {
        let serving = Serving::begin(options(speech), 100_000);
        let mut client = Client::connect(&serving.client(speech)).await.unwrap();
        client.append(&vec![Event::default(); 5_000]).await.unwrap();
        assert_eq!(serving.events().len(), 5_000, "{speech:?}");
        serving.end().await;
    }
}

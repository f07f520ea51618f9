//! Requests as clients send them, over real connections.

use std::io::Write;

use super::*;
use crate::agent::channels::cursor::Cursor;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{Channel, ChannelLimits, Take};
use crate::agent::event::Event;
use crate::agent::interceptors::Interceptors;
use crate::agent::outlet::Feed;
use crate::agent::selector::{Selector, SelectorArgs};
use crate::net::tls::{self, Identity, Trust};

/// A certificate of a server on 127.0.0.1, and what belongs to it.
fn fixture(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("integration-tests/cluster/wire/tls").join(name)
}

struct Serving {
    url: String,
    channel: Arc<dyn Channel>,
    running: tokio::task::JoinHandle<Result<SourceReport>>,
    client: reqwest::Client,
    outlet: Arc<Outlet>,
}

fn options() -> HttpOptions {
    HttpOptions {
        bind: "127.0.0.1".into(),
        port: 0,
        handler: Handler::Json,
        max_body_bytes: 1_000,
        in_flight: InFlight::new(1 << 20),
        token: None,
        tls: None,
        cors: Cors::default(),
        rate: None,
        request_headers: Vec::new(),
        client_ip_header: None,
    }
}

impl Serving {
    fn begin(options: HttpOptions, max_events: u64) -> Self {
        let limits = ChannelLimits { max_bytes: 1 << 20, max_events, segment_bytes: 0, min_free_bytes: 0 };
        let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
        let source = HttpSource::bind(options).unwrap();
        let scheme = if source.options.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", source.listener.local_addr().unwrap());
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let outlet = Arc::new(Outlet::new("h", FORM, vec![feed], selector, Interceptors::default()));
        let running = tokio::task::spawn_blocking({
            let outlet = outlet.clone();
            move || Box::new(source).run(outlet)
        });
        let config = tokio_rustls::rustls::ClientConfig::builder_with_provider(crate::net::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(tls::roots(&Trust::Pem(fixture("ca.pem"))).unwrap())
            .with_no_client_auth();
        let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config).build().unwrap();
        Self { url, channel, running, client, outlet }
    }

    async fn post(&self, body: impl Into<reqwest::Body>, headers: &[(&str, &str)]) -> u16 {
        let request =
            headers.iter().fold(self.client.post(&self.url), |request, (name, value)| request.header(*name, *value));
        request.body(body).send().await.unwrap().status().as_u16()
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
        drop(self.client);
        self.running.await.unwrap().unwrap();
    }
}

const TWO: &str = r#"[{"headers":{"a":"b"},"body":"random_body"},{"headers":{"e":"f"},"body":"ünïcode \"<b>\""}]"#;

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn utf32(text: &str) -> Vec<u8> {
    text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fv83_and_fv88_two_events_in_each_character_set() {
    let serving = Serving::begin(options(), 100);
    let bodies = [("utf-8", TWO.as_bytes().to_vec()), ("UTF-16", utf16(TWO)), ("utf-32", utf32(TWO))];
    for (charset, body) in bodies {
        let content = format!("application/json; charset={charset}");
        assert_eq!(serving.post(body, &[("content-type", &content)]).await, 200, "{charset}");
        let events = serving.events();
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].headers.get("a"), &events[0].body[..]), (Some("b"), &b"random_body"[..]));
        assert_eq!(String::from_utf8_lossy(&events[1].body), "ünïcode \"<b>\"");
    }
    assert_eq!(serving.post(TWO, &[("content-type", "application/json; charset=ISO-8859-1")]).await, 400);
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fv84_to_fv86_what_is_not_an_array_of_events_is_refused_whole() {
    let serving = Serving::begin(options(), 100);
    for bad in ["[{\"headers\"", r#"{"headers":{},"body":"x"}"#, "", "nonsense"] {
        assert_eq!(serving.post(bad, &[]).await, 400, "{bad}");
    }
    assert_eq!(serving.outlet.meter().malformed.get(), 4);
    for method in [reqwest::Method::TRACE, reqwest::Method::OPTIONS] {
        assert_eq!(serving.client.request(method, &serving.url).send().await.unwrap().status().as_u16(), 403);
    }
    assert_eq!(serving.post(vec![b' '; 1_001], &[]).await, 413);
    assert!(serving.events().is_empty());
    serving.end().await;
}

/// A header of Flume's memory channel may be null; in its file channel it is an empty text, as here.
#[tokio::test(flavor = "multi_thread")]
async fn fv87_and_fv93_bodies_and_headers_that_are_missing() {
    let serving = Serving::begin(options(), 100);
    let sent = r#"[{"headers":{"a":"b","none":null}},{"body":null},{"body":"<p class=\"x\">\\ \u00e9</p>"}]"#;
    assert_eq!(serving.post(sent, &[]).await, 200);
    let events = serving.events();
    let bodies: Vec<_> = events.iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()).collect();
    assert_eq!(bodies, ["", "", "<p class=\"x\">\\ é</p>"]);
    assert_eq!(["a", "none", "other"].map(|name| events[0].headers.get(name)), [Some("b"), Some(""), None]);
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_compressed_and_bombs_do_not_go_off() {
    let serving = Serving::begin(options(), 100);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let encoded = [("content-encoding", "gzip")];
    assert_eq!(serving.post(gzip(TWO.as_bytes()), &encoded).await, 200);
    assert_eq!(serving.events().len(), 2);
    assert_eq!(serving.post(gzip(&vec![b' '; 100_000]), &encoded).await, 413);
    assert_eq!(serving.post(TWO, &encoded).await, 400);
    assert_eq!(serving.post(TWO, &[("content-encoding", "br")]).await, 415);
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fv89_a_full_channel_is_said_and_nothing_is_kept() {
    let serving = Serving::begin(options(), 2);
    assert_eq!(serving.post(TWO, &[]).await, 200);
    let answer = serving.client.post(&serving.url).body(TWO).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(serving.events().len(), 2);
    let cursor = serving.channel.cursor();
    serving.channel.commit(Cursor { record: 1, epoch: 1, ..cursor }).unwrap();
    assert_eq!(serving.post(TWO, &[]).await, 200);
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_one_event_with_the_query_as_headers() {
    let serving = Serving::begin(HttpOptions { handler: Handler::Blob, ..options() }, 100);
    let url = format!("{}/x?site=shop&name=a%20b+c&flag", serving.url);
    let sent = serving.client.post(url).body(vec![0, 1, 2, 255]).send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 200);
    let events = serving.events();
    assert_eq!((events.len(), &events[0].body[..]), (1, &[0, 1, 2, 255][..]));
    assert_eq!(
        ["site", "name", "flag"].map(|name| events[0].headers.get(name)),
        [Some("shop"), Some("a b c"), Some("")]
    );
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for() {
    let token = Some(Secret::new("s3cret".to_owned()));
    let serving = Serving::begin(HttpOptions { token, ..options() }, 100);
    assert_eq!(serving.post(TWO, &[]).await, 401);
    assert_eq!(serving.post(TWO, &[("authorization", "Bearer s3cres")]).await, 401);
    assert_eq!(serving.post(TWO, &[("authorization", "Bearer s3cret")]).await, 200);
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_in_the_middle_does_not_hold_up_the_end() {
    let serving = Serving::begin(options(), 100);
    let address = serving.url.trim_start_matches("http://").to_owned();
    let mut stalled = std::net::TcpStream::connect(address).unwrap();
    stalled.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
    assert_eq!(serving.post(TWO, &[]).await, 200);
    tokio::time::timeout(Duration::from_secs(20), serving.end()).await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_may_be_inside_tls() {
    let identity = Identity::Pem { certificate: fixture("server.pem"), key: fixture("server-key.pem") };
    let tls = Some(ServerTls::new(&identity).unwrap());
    let serving = Serving::begin(HttpOptions { tls, ..options() }, 100);
    // One that speaks no TLS holds nobody up.
    let port = serving.url.rsplit(':').next().unwrap().to_owned();
    let mut plain = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    plain.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]").unwrap();
    assert_eq!(serving.post(TWO, &[]).await, 200);
    assert_eq!(serving.events().len(), 2);
    serving.end().await;
    let wrong = Identity::Pem { certificate: fixture("server.pem"), key: fixture("client-key.pem") };
    assert!(ServerTls::new(&wrong).unwrap_err().to_string().contains("do not fit each other"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_segment_are_taken_with_their_write_key() {
    let token = Some(Secret::new("old\nk3y\n"));
    let serving = Serving::begin(HttpOptions { handler: Handler::Segment, token, ..options() }, 100);
    let post = async |path: &str, key: Option<&str>, body: &'static str| {
        let request = serving.client.post(format!("{}{path}", serving.url)).body(body);
        let request = match key {
            Some(key) => request.basic_auth(key, Some("")),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let order = r#"{"userId":"u","event":"Order Completed"}"#;
    assert_eq!(post("/v1/track", Some("k3y"), order).await, (200, "{\"success\":true}\n".to_owned()));
    let batch = r#"{"writeKey":"old","batch":[{"type":"page"},{"type":"identify","userId":"u"}]}"#;
    assert_eq!(post("/v1/batch", None, batch).await.0, 200);
    let events = serving.events();
    let types: Vec<_> = events.iter().map(|event| event.headers.get("type").unwrap()).collect();
    assert_eq!(types, ["track", "page", "identify"]);
    for (path, key, body, status) in [
        ("/v1/track", Some("wrong"), order, 401),
        ("/v1/track", Some("wrong"), r#"{"writeKey":"old"}"#, 401),
        ("/v1/track", None, order, 401),
        ("/v1/trak", Some("k3y"), order, 404),
        ("/v1/batch", Some("k3y"), order, 400),
        ("/v1/track", Some("k3y"), "[]", 400),
    ] {
        assert_eq!(post(path, key, body).await.0, status, "{path} {key:?} {body}");
    }
    let asked = serving.client.get(format!("{}/v1/track", serving.url)).send().await.unwrap();
    assert_eq!(asked.status().as_u16(), 405);
    assert!(serving.events().is_empty());
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_send_beacons_and_ask_for_a_pixel() {
    let more = HttpOptions {
        handler: Handler::Beacon,
        cors: Cors(vec!["https://shop.example".to_owned()]),
        request_headers: vec!["user-agent".to_owned(), "x-forwarded-for".to_owned()],
        client_ip_header: Some("ip".to_owned()),
        ..options()
    };
    let serving = Serving::begin(more, 100);
    let asked = serving.client.get(format!("{}/p.gif?utm_source=mail&e=open", serving.url));
    let answer = asked.header("user-agent", "curl/8").header("x-forwarded-for", "203.0.113.7").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "image/gif"));
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    assert_eq!(answer.bytes().await.unwrap().len(), 42);
    let event = serving.events().remove(0);
    assert_eq!(event.body, r#"{"e":"open","utm_source":"mail"}"#);
    let told = ["user-agent", "x-forwarded-for", "ip", "referer"].map(|name| event.headers.get(name));
    assert_eq!(told, [Some("curl/8"), Some("203.0.113.7"), Some("127.0.0.1"), None]);

    let beacon = [("origin", "https://shop.example"), ("content-type", "text/plain;charset=UTF-8")];
    assert_eq!(serving.post("{\"e\":\"leave\"}", &beacon).await, 204);
    assert_eq!(serving.events()[0].body, "{\"e\":\"leave\"}");
    assert_eq!(serving.post("x", &[("origin", "https://evil.example")]).await, 403);
    let head = serving.client.head(&serving.url).send().await.unwrap();
    assert!(head.status().is_success() && serving.events().is_empty(), "a look is not an event");
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_which_pages_may_send() {
    let serving = Serving::begin(HttpOptions { cors: Cors(vec!["https://shop.example".to_owned()]), ..options() }, 100);
    let ask = async |origin: &str| {
        let request = serving.client.request(Method::OPTIONS, &serving.url).header("origin", origin);
        let asked = request.header("access-control-request-method", "POST");
        asked.header("access-control-request-headers", "content-type").send().await.unwrap()
    };
    let answer = ask("https://shop.example").await;
    let told = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(told("access-control-allow-origin").as_deref(), Some("https://shop.example"));
    assert_eq!(told("access-control-allow-headers").as_deref(), Some("content-type"));
    assert_eq!(
        (told("access-control-allow-credentials").as_deref(), told("vary").as_deref()),
        (Some("true"), Some("Origin"))
    );
    let other = ask("https://evil.example").await;
    assert_eq!((other.status().as_u16(), other.headers().get("access-control-allow-origin")), (403, None));
    assert_eq!(serving.post(TWO, &[]).await, 200, "what is not a page has no origin");
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_the_rate_are_told_to_come_again() {
    let serving = Serving::begin(HttpOptions { rate: Some(1), ..options() }, 100);
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(serving.client.post(&serving.url).body("[]").send().await.unwrap());
    }
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status().as_u16() == 429).collect();
    assert!(!refused.is_empty() && answers[0].status().as_u16() == 200);
    assert!(refused.iter().all(|answer| answer.headers()["retry-after"] == "1"));
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_found_no_room_is_not_a_duplicate_when_it_comes_again() {
    let limits = ChannelLimits { max_bytes: 1 << 20, max_events: 1, segment_bytes: 0, min_free_bytes: 0 };
    let channel: Arc<dyn Channel> = Arc::new(MemoryChannel::new(limits, None));
    let args = crate::agent::interceptors::InterceptorArgs::Dedupe {
        header: "id".to_owned(),
        window: "1h".parse().unwrap(),
        max_ids: 10,
    };
    let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
    let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
    let outlet = Outlet::new("h", FORM, vec![feed], selector, Interceptors::new(&[args]).unwrap());
    let event = |id: &str| {
        let mut event = Event::default();
        event.headers.set("id", id);
        vec![event]
    };
    let mut records = 0;
    let mut empty = || {
        while let Take::Record { number, .. } = channel.take(Duration::ZERO).unwrap() {
            records = number + 1;
        }
        let cursor = channel.cursor();
        channel.commit(Cursor { record: records, epoch: cursor.epoch + 1, ..cursor }).unwrap();
    };
    assert!(outlet.offer(&event("a")).unwrap());
    assert!(!outlet.offer(&event("b")).unwrap() && !outlet.offer(&event("b")).unwrap(), "there is no room");
    empty();
    assert!(outlet.offer(&event("b")).unwrap());
    empty();
    assert!(outlet.offer(&event("b")).unwrap(), "it is left out, and answered as the first was");
    assert_eq!(channel.level().put, 2);
    assert_eq!((outlet.meter().duplicates.get(), outlet.meter().filtered.get()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_in_flight_is_answered_with_503() {
    let options = HttpOptions { handler: Handler::Blob, max_body_bytes: 1 << 20, ..options() };
    let in_flight = options.in_flight.clone();
    let serving = Serving::begin(options, 10);
    // All that there is, and the one that goes on in any case.
    let (mut all, mut lane) = (in_flight.claim(), in_flight.claim());
    all.grow(1 << 20).await;
    lane.grow(1).await;
    let send = |bytes| serving.client.post(&serving.url).body(vec![b'x'; bytes]).send();
    let busy = send(1_000).await.unwrap();
    assert_eq!(busy.status(), 503);
    assert_eq!(busy.headers()["retry-after"], "5");
    drop((all, lane));
    assert_eq!(send(300_000).await.unwrap().status(), 200);
    // What is inflated counts as well, in pieces.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![b'y'; 600_000]).unwrap();
    let gzip = gzip.finish().unwrap();
    let posted = serving.client.post(&serving.url).header("content-encoding", "gzip").body(gzip);
    assert_eq!(posted.send().await.unwrap().status(), 200);
    let mut all = in_flight.claim();
    assert!(all.try_grow(1 << 20), "all was given back");
    drop(all);
    serving.end().await;
}

//! Against a server of HTTP that answers as it is told, and keeps what it was sent.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap as Headers, StatusCode};
use axum::response::IntoResponse;
use reqwest::header::HeaderValue;

use super::*;
use crate::agent::event::Event;
use crate::error::Kind;

/// What a server was sent, and what it says next; 200 where nothing is left.
#[derive(Default)]
struct Told {
    bodies: Vec<Vec<u8>>,
    headers: Vec<Headers>,
    answers: VecDeque<(u16, Option<&'static str>)>,
    /// What it never takes.
    poison: Option<&'static [u8]>,
}

type Shared = Arc<Mutex<Told>>;

async fn answer(State(told): State<Shared>, headers: Headers, body: Bytes) -> impl IntoResponse {
    let mut told = told.lock().unwrap();
    told.headers.push(headers);
    told.bodies.push(body.to_vec());
    if told.poison.is_some_and(|poison| body.windows(poison.len()).any(|part| part == poison)) {
        return (StatusCode::BAD_REQUEST, Headers::new(), "cannot read that");
    }
    let (status, after) = told.answers.pop_front().unwrap_or((200, None));
    let mut headers = Headers::new();
    if let Some(after) = after {
        headers.insert("retry-after", after.parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), headers, "")
}

async fn server(answers: &[(u16, Option<&'static str>)], poison: Option<&'static [u8]>) -> (String, Shared) {
    let told: Shared = Arc::default();
    told.lock().unwrap().answers = answers.iter().copied().collect();
    told.lock().unwrap().poison = poison;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(told.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, told)
}

fn options(url: &str, form: Form, rejects: &Path) -> HttpSinkOptions {
    let mut headers = HeaderMap::new();
    headers.insert("x-own", HeaderValue::from_static("1"));
    HttpSinkOptions {
        url: url.parse().unwrap(),
        tls: None,
        headers,
        form,
        gzip: false,
        batch_size: 4,
        batch_bytes: 1 << 20,
        connections: 1,
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(5),
        statuses: Statuses::default(),
        reject_dir: rejects.join("rejects").to_str().unwrap().to_owned(),
        sink: "k".to_owned(),
    }
}

async fn epoch(options: HttpSinkOptions, bodies: &[&'static [u8]]) -> Result<Written> {
    let mut sink = HttpSink::new(options, true)?;
    let cursor = Cursor::new("c".to_owned());
    let Begun::Epoch(mut epoch) = sink.begin(&cursor).await? else { panic!("it keeps nothing") };
    let events: Vec<Event> = bodies.iter().map(|body| Event { body: (*body).into(), ..Event::default() }).collect();
    epoch.write(Chunk::Events(events.into())).await?;
    epoch.commit(&cursor).await
}

#[tokio::test]
async fn an_event_is_a_request_and_several_are_one_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = server(&[], None).await;
    let written = epoch(options(&url, Form::Body, dir.path()), &[b"a", b"", b"\xff"]).await.unwrap();
    assert_eq!((written.rows, written.rejects), (3, 0));
    assert_eq!(told.lock().unwrap().bodies, [&b"a"[..], b"", b"\xff"]);
    assert_eq!(told.lock().unwrap().headers[0]["x-own"], "1");

    let (url, told) = server(&[], None).await;
    let gzipped = HttpSinkOptions { gzip: true, ..options(&url, Form::Lines, dir.path()) };
    epoch(gzipped, &[b"1", b"2", b"3", b"4", b"5"]).await.unwrap();
    let told = told.lock().unwrap();
    let unzipped = |body: &Vec<u8>| std::io::read_to_string(flate2::read::GzDecoder::new(&body[..])).unwrap();
    assert_eq!(told.bodies.iter().map(unzipped).collect::<Vec<_>>(), ["1\n2\n3\n4\n", "5\n"]);
    assert_eq!(told.headers[0]["content-encoding"], "gzip");
    assert!(!dir.path().join("rejects").exists());
}

#[tokio::test]
async fn what_may_be_taken_later_is_sent_again_when_the_server_wants_it() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = server(&[(503, None), (429, Some("1")), (500, None)], None).await;
    let began = Instant::now();
    let written = epoch(options(&url, Form::Array, dir.path()), &[b"1", b"2"]).await.unwrap();
    assert_eq!((written.rows, written.rejects), (2, 0));
    assert_eq!(told.lock().unwrap().bodies, vec![b"[1,2]".to_vec(); 4]);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_event_that_a_server_refuses_is_put_aside_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (url, _) = server(&[], Some(b"bad")).await;
    let written =
        epoch(options(&url, Form::Lines, dir.path()), &[b"a", b"bad", b"c", b"d", b"two\nlines"]).await.unwrap();
    assert_eq!((written.rows, written.rejects), (3, 2));
    let file = std::fs::read_dir(dir.path().join("rejects")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("answered 400 Bad Request: cannot read that") && text.contains("newline"), "{text}");
    assert!(text.contains(r#""line":"bad""#) && text.lines().count() == 2, "{text}");
}

#[tokio::test]
async fn what_is_not_about_the_events_ends_the_sink_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (status, kind, remedy) in
        [(401, Kind::Auth, "token-file"), (404, Kind::Config, "path"), (302, Kind::Config, "redirects")]
    {
        let (url, _) = server(&[(status, None)], None).await;
        let error = epoch(options(&url, Form::Body, dir.path()), &[b"a"]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.remedy().unwrap().contains(remedy), "{error}");
    }
    let (url, _) = server(&[(404, None)], None).await;
    let said = BTreeMap::from([("404".to_owned(), Verdict::Taken)]);
    let options = HttpSinkOptions { statuses: Statuses::new(said).unwrap(), ..options(&url, Form::Body, dir.path()) };
    assert_eq!(epoch(options, &[b"a"]).await.unwrap().rows, 1);
}

#[tokio::test]
async fn requests_go_side_by_side_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = server(&[], None).await;
    let options = HttpSinkOptions { connections: 8, ..options(&url, Form::Body, dir.path()) };
    let bodies: Vec<&'static [u8]> = vec![b"x"; 100];
    assert_eq!(epoch(options, &bodies).await.unwrap().rows, 100);
    assert_eq!(told.lock().unwrap().bodies.len(), 100);
}

#[tokio::test]
async fn nobody_is_waited_for_where_others_can_take_the_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("http://{}/", crate::net::tests::closed_port());
    let error = epoch(options(&url, Form::Body, dir.path()), &[b"a"]).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("an http server at 127.0.0.1"), "{error}");
}

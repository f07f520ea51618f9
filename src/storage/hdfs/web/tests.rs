//! The way over the web against a few lines of HTTP server: redirects to dead nodes, standby NameNodes, broken writes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

/// Answers one request after another; keeps their first lines and bodies.
struct Server {
    url: Url,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// First line and body.
type Request = (String, Vec<u8>);

impl Server {
    /// `answer` gets the number of the request and its first line; an empty answer breaks the connection off.
    fn new(answer: impl Fn(usize, &str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let requests = seen.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let connection = connection.unwrap();
                let Some((line, body)) = request(&connection) else { continue };
                if line.starts_with("HEAD") {
                    let _ = (&connection).write_all(reply("404 Not Found", "").as_bytes());
                    continue;
                }
                let number = {
                    let mut requests = requests.lock().unwrap();
                    requests.push((line.clone(), body));
                    requests.len()
                };
                let _ = (&connection).write_all(answer(number, &line).as_bytes());
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

/// The first line and the body of a request; `None` where somebody only knocked.
fn request(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let first = line().filter(|line| !line.is_empty())?;
    let mut chunked = false;
    loop {
        match line()? {
            header if header.is_empty() => break,
            header => chunked |= header.eq_ignore_ascii_case("transfer-encoding: chunked"),
        }
    }
    let mut body = Vec::new();
    if !chunked {
        return Some((first, body));
    }
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).ok()?;
        body.extend(&chunk[..size]);
        if size == 0 {
            return Some((first, body));
        }
    }
}

fn reply(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn to(url: &Url) -> String {
    reply("200 OK", &format!(r#"{{"Location":"{url}webhdfs/v1/x?op=CREATE"}}"#))
}

fn exception(class: &str, message: &str) -> String {
    let body = format!(r#"{{"RemoteException":{{"exception":"{class}","javaClassName":"x","message":"{message}"}}}}"#);
    reply("403 Forbidden", &body)
}

fn etl() -> Who {
    Who { parameters: vec![("user.name", "etl".to_owned())], ..Who::default() }
}

fn client(namenodes: &[&Server]) -> WebHdfs {
    WebHdfs::new(
        namenodes.iter().map(|s| s.url.clone()).collect(),
        etl(),
        FileDefaults { block_bytes: Some(1 << 20), ..FileDefaults::default() },
        Duration::from_secs(5),
    )
    .unwrap()
}

const OVER: CreateOptions = CreateOptions { overwrite: true, replication: Some(3) };

async fn put(web: &WebHdfs, path: &str, slices: &[&'static str]) -> Result<()> {
    let mut sink = web.create(path, OVER).await?;
    for slice in slices {
        sink.write(Bytes::from_static(slice.as_bytes())).await?;
    }
    sink.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_datanode_is_asked_around() {
    let datanode = Server::new(|_, _| reply("201 Created", ""));
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (dead, living) = (Url::parse(&format!("http://{dead}")).unwrap(), datanode.url.clone());
    let dead_port = dead.port().unwrap();
    let namenode = Server::new(move |number, _| to(if number < 3 { &dead } else { &living }));
    put(&client(&[&namenode]), "/lake/dt=08%3A00/größe 1", &["one", "two"]).await.unwrap();
    let asked: Vec<String> = namenode.seen().into_iter().map(|(line, _)| line).collect();
    assert_eq!(asked.len(), 3);
    assert!(asked[0].starts_with("PUT /webhdfs/v1/lake/dt%3D08%253A00/gr%C3%B6%C3%9Fe%201?op=CREATE"), "{}", asked[0]);
    for part in ["noredirect=true", "user.name=etl", "overwrite=true", "replication=3"] {
        assert!(asked[0].contains(part), "{}", asked[0]);
    }
    assert!(!asked[0].contains("excludedatanodes"), "{}", asked[0]);
    assert!(asked[2].contains("excludedatanodes=") && asked[2].contains(&dead_port.to_string()), "{}", asked[2]);
    assert_eq!(datanode.seen().len(), 1);
    assert_eq!(datanode.seen()[0].1, b"onetwo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_that_broke_off_or_stays_silent_is_left_out() {
    let breaking = Server::new(|_, _| String::new());
    let living = Server::new(|_, _| reply("201 Created", ""));
    // It takes connections, as a proxy in front of a dead node does, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || silent.incoming().for_each(drop));
    let nodes = [silent_url, breaking.url.clone(), living.url.clone()];
    let namenode = Server::new(move |number, _| to(&nodes[(number - 1) % 3]));
    let web = client(&[&namenode]);
    let error = put(&web, "/f", &["one"]).await.unwrap_err();
    assert_eq!((error.kind(), namenode.seen().len()), (Kind::Lost, 2), "{error}");
    put(&web, "/f", &["one"]).await.unwrap();
    put(&web, "/g", &["two"]).await.unwrap();
    assert_eq!((namenode.seen().len(), breaking.seen().len(), living.seen().len()), (6, 1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_active_namenode_is_found_and_an_old_one_redirects() {
    let datanode = Server::new(|_, _| reply("201 Created", ""));
    let standby = Server::new(|_, _| exception("StandbyException", "not me"));
    let location = format!("{}x", datanode.url);
    let active = Server::new(move |_, _| {
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
    });
    put(&client(&[&standby, &active]), "/f", &[]).await.unwrap();
    assert_eq!(datanode.seen()[0].1, b"");
    let error = client(&[&standby]).create("/f", OVER).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Busy, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_datanode_could_not_write_is_lost_unless_it_says_why() {
    for (answer, kind) in [
        (String::new(), Kind::Lost),
        (exception("IOException", "all datanodes are bad"), Kind::Lost),
        (exception("SafeModeException", "in safe mode"), Kind::Lost),
        (reply("500 Internal Server Error", "oops"), Kind::Lost),
        (exception("AccessControlException", "denied"), Kind::Auth),
        (exception("FileAlreadyExistsException", "there"), Kind::Exists),
        (exception("DSQuotaExceededException", "full"), Kind::Full),
    ] {
        let given = answer.clone();
        let datanode = Server::new(move |_, _| given.clone());
        let living = datanode.url.clone();
        let namenode = Server::new(move |_, _| to(&living));
        let error = put(&client(&[&namenode]), "/f", &["one", "two", "three", "four"]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer}: {error}");
        assert!(error.to_string().contains("/f"), "{error}");
    }
    let denying = Server::new(|_, _| exception("AccessControlException", "denied"));
    assert_eq!(client(&[&denying]).create("/f", OVER).await.err().unwrap().kind(), Kind::Auth);
    let other = Server::new(|_, _| reply("200 OK", "<html>"));
    assert_eq!(client(&[&other]).create("/f", OVER).await.err().unwrap().kind(), Kind::Unreachable);
}

#[tokio::test]
async fn a_web_address_that_says_nothing_is_not_waited_for() {
    let (_listener, address) = crate::net::tests::silent_port();
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let web = WebHdfs::new(vec![url.clone()], etl(), FileDefaults::default(), Duration::from_secs(1)).unwrap();
    let began = Instant::now();
    let error = web.create("/f", CreateOptions::default()).await.err().unwrap();
    crate::net::tests::assert_silent(&error, url.as_str(), "the web side of an hdfs namenode", began);
}

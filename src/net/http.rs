//! HTTP with a login: basic or by ticket (SPNEGO, RFC 4559), over TLS or not, and the cookies that servers give so that
//! not every request has to log in. One server a client.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use reqwest::{Client, Request, Response, StatusCode};

use super::login::{self, Login};
use super::tls::{self, Tls};
use super::{Server, is_ended, thrift};
use crate::error::{self, Error, Result};
use crate::kerberos::gssapi::{Context, Mechanism};

/// The header in which HiveServer2, alone of all, takes a delegation token. Source: Hive 4.0 `ThriftHttpServlet`.
const TOKEN: HeaderName = HeaderName::from_static("x-hive-delegation-token");

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Http {
    server: Server,
    client: Client,
    login: Login,
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Http {
    /// Prepares it; nothing is sent.
    ///
    /// # Errors
    /// Bug: it cannot be made.
    pub(crate) fn new(server: &Server, tls: Option<&Tls>, login: &Login) -> Result<Self> {
        let client = client(server, tls)?;
        Ok(Self { server: server.clone(), client, login: login.clone(), cookies: Mutex::default() })
    }

    /// Sends a request, logged in; one that the server lets in no longer is sent once more with a new login. A body that
    /// streams is sent once.
    ///
    /// # Errors
    /// Unreachable: no answer. Auth: not let in. Those of the ticket.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response> {
        let again = request.try_clone();
        let had_cookie = self.add_cookies(request.headers_mut())?;
        let context = if had_cookie { None } else { self.authorize(request.headers_mut()).await? };
        let response = self.exchange(request, context).await?;
        match again {
            Some(mut request) if had_cookie && response.status() == StatusCode::UNAUTHORIZED => {
                self.cookies().clear();
                let context = self.authorize(request.headers_mut()).await?;
                self.let_in(self.exchange(request, context).await?)
            }
            _ => self.let_in(response),
        }
    }

    async fn exchange(&self, request: Request, context: Option<Context>) -> Result<Response> {
        let response = self.client.execute(request).await.map_err(|e| failed(&self.server, e))?;
        self.keep_cookies(response.headers());
        if let (Some(mut context), Some(token)) = (context, negotiated(response.headers())) {
            // The server's own proof. A server that refuses may send rubbish here.
            if response.status() != StatusCode::UNAUTHORIZED {
                thrift::blocking(move || context.step(&token)).await?;
            }
        }
        Ok(response)
    }

    fn let_in(&self, response: Response) -> Result<Response> {
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let offered: Vec<&str> = response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split_whitespace().next())
            .collect();
        let offers = |scheme: &str| offered.iter().any(|offered| offered.eq_ignore_ascii_case(scheme));
        let said = self.server.said;
        let shown = match &self.login {
            Login::Nothing => "without a login".to_owned(),
            login => format!("with {}", login.as_str()),
        };
        let hint = match &self.login {
            Login::Token { .. } => login::OLD_TOKEN.to_owned(),
            Login::Nothing | Login::Password { .. } if offers("negotiate") => {
                format!("it wants Kerberos (Negotiate): {}", said.kerberos)
            }
            Login::Nothing | Login::Kerberos { .. } if offers("basic") => {
                format!("it wants user and password (Basic): {}", said.no_kerberos)
            }
            // HiveServer2 does not say what it asks for.
            Login::Nothing | Login::Password { .. } if offered.is_empty() => {
                format!("check user and password, and the server's log; {}", said.login)
            }
            _ if offered.is_empty() => "check the ticket, and the server's log".to_owned(),
            _ => format!("it asks for {}", offered.join(" or ")),
        };
        Err(error::auth(format!("{} does not let us in {shown}", self.server)).hint(hint))
    }

    async fn authorize(&self, headers: &mut HeaderMap) -> Result<Option<Context>> {
        let (value, context) = match &self.login {
            Login::Nothing => return Ok(None),
            Login::Token { token, .. } => {
                let mut value = header(token.in_url())?;
                value.set_sensitive(true);
                headers.insert(TOKEN, value);
                return Ok(None);
            }
            Login::Password { user, password } => {
                (format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))), None)
            }
            Login::Kerberos { credentials, server: principal, .. } => {
                let (credentials, principal, server) = (credentials.clone(), principal.clone(), self.server.clone());
                let (token, context) = thrift::blocking(move || {
                    let mut context = login::context(&credentials, &principal, &server, Mechanism::Spnego)?;
                    let token = context.step(&[]).map_err(|e| e.context(format!("cannot log in to {server}")))?;
                    Ok((token, context))
                })
                .await?;
                (format!("Negotiate {}", STANDARD.encode(token)), Some(context))
            }
        };
        let mut value = header(value)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(context)
    }

    fn add_cookies(&self, headers: &mut HeaderMap) -> Result<bool> {
        let cookies: Vec<String> = self.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() {
            return Ok(false);
        }
        let mut value = header(cookies.join("; "))?;
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
        Ok(true)
    }

    /// One server, one path: what restricts a cookie to others is not looked at.
    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies();
        for set in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            if let Some((name, value)) = set.split(';').next().and_then(|pair| pair.split_once('=')) {
                match value.trim().trim_matches('"') {
                    "" => cookies.remove(name.trim()),
                    _ => cookies.insert(name.trim().to_owned(), value.trim().to_owned()),
                };
            }
        }
    }

    fn cookies(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // A map of texts is whole after every panic.
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header(text: String) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|e| error::config("a login cannot be written as an http header").source(e))
}

/// Adds a header of a fixed name.
///
/// # Errors
/// Config: the value cannot be one.
pub(crate) fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let bad = || error::config(format!("`{name}: {value}` cannot be an http header"));
    let name = HeaderName::try_from(name).map_err(|_| bad())?;
    headers.insert(name, HeaderValue::try_from(value).map_err(|_| bad())?);
    Ok(())
}

/// The token of `WWW-Authenticate: Negotiate TOKEN`.
fn negotiated(headers: &HeaderMap) -> Option<Vec<u8>> {
    headers.get_all(WWW_AUTHENTICATE).iter().find_map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("negotiate").then(|| STANDARD.decode(token.trim()).ok())?
    })
}

/// A client without a login; redirects are answers, and connections are kept.
///
/// # Errors
/// Bug: it cannot be made.
pub(crate) fn client(server: &Server, tls: Option<&Tls>) -> Result<Client> {
    // Like Hadoop's own clients it goes to servers directly, whatever proxy the environment names.
    let builder = Client::builder().no_proxy().connect_timeout(server.limit);
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    let config = match tls {
        Some(tls) => tls.config(),
        // A default one would look for a provider of ciphers.
        None => Tls::without_trust()?.config(),
    };
    builder.tls_backend_preconfigured(config).build().map_err(|e| error::bug("cannot make an http client").source(e))
}

/// Why a request got no answer. The URL is left out: it may hold a token.
pub(crate) fn failed(server: &Server, error: reqwest::Error) -> Error {
    if error.is_timeout() && !error.is_connect() {
        return server.silent();
    }
    if let Some(tls) = causes(&error).find_map(tls::of_chain) {
        return tls::explained(server, tls);
    }
    match reason(&error) {
        Some(reason) => match server.not_by_http().filter(|_| is_ended(&reason)) {
            Some(remedy) => server.ended(remedy),
            None => server.unreachable(reason),
        },
        None if causes(&error).filter_map(|e| e.downcast_ref::<hyper::Error>()).any(is_not_http) => {
            let web = "check that it is the port of its web side, and whether that wants TLS (https)";
            error::unreachable(format!("{server} does not answer in HTTP"))
                .hint(server.not_by_http().unwrap_or_else(|| web.to_owned()))
        }
        None => {
            let innermost = causes(&error).skip(1).last().map(ToString::to_string);
            let reason = innermost.map_or_else(|| std::io::Error::other(error.without_url()), std::io::Error::other);
            server.unreachable(reason)
        }
    }
}

/// Whether a server speaks something else, or speaks before it is spoken to.
fn is_not_http(error: &hyper::Error) -> bool {
    error.is_parse() || error.to_string().contains("unexpected message")
}

/// What happened to the connection, where the library would name its own doings.
pub(crate) fn reason(error: &reqwest::Error) -> Option<std::io::Error> {
    let of_one = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<hyper::Error>() {
        Some(e) if e.is_incomplete_message() => Some(std::io::ErrorKind::UnexpectedEof.into()),
        _ => cause.downcast_ref::<std::io::Error>().map(|e| std::io::Error::new(e.kind(), e.to_string())),
    };
    // The innermost knows best.
    causes(error).filter_map(of_one).last()
}

/// An error and all that are underneath.
fn causes<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn http() -> Http {
        let server = Server::new("the web side of an hdfs namenode", "nn:9870", Duration::from_secs(1));
        Http::new(&server, None, &Login::Nothing).unwrap()
    }

    #[test]
    fn cookies_are_kept_and_taken_back() {
        let (http, mut answer, mut request) = (http(), HeaderMap::new(), HeaderMap::new());
        assert!(!http.add_cookies(&mut request).unwrap());
        answer.append(SET_COOKIE, HeaderValue::from_static("hadoop.auth=\"u=etl&s=a=\"; Path=/; HttpOnly"));
        answer.append(SET_COOKIE, HeaderValue::from_static("other=1"));
        http.keep_cookies(&answer);
        assert!(http.add_cookies(&mut request).unwrap());
        assert_eq!(request[COOKIE], "hadoop.auth=\"u=etl&s=a=\"; other=1");
        answer.clear();
        answer.append(SET_COOKIE, HeaderValue::from_static("hadoop.auth=; Path=/"));
        http.keep_cookies(&answer);
        http.add_cookies(&mut request).unwrap();
        assert_eq!(request[COOKIE], "other=1");
    }

    /// What is said of a server that answers with some bytes, or says them before it is asked, and ends the connection.
    async fn told(answer: &'static [u8], is_asked: bool) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new("a key server", listener.local_addr().unwrap().to_string(), Duration::from_secs(5));
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !is_asked {
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
            }
            // Who was spoken to first may have gone.
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1024]).await;
            if is_asked {
                tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
            }
        });
        let url = format!("http://{}/?delegation=secret", server.address);
        let sent = client(&server, None).unwrap().get(url).send().await;
        let error = match sent {
            Ok(response) => failed(&server, response.bytes().await.unwrap_err()),
            Err(e) => failed(&server, e),
        };
        answering.await.unwrap();
        error.to_string().replace(&server.address, "HOST")
    }

    #[tokio::test]
    async fn what_happened_is_said_and_not_what_the_library_did() {
        let ended = "a key server at HOST ended the connection before it had answered";
        assert_eq!(told(b"", true).await, ended);
        assert_eq!(told(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true).await, ended);
        let other = "a key server at HOST does not answer in HTTP";
        assert_eq!(told(b"\x15\x03\x01\0\x02\x02\x46", true).await, other);
        // As MySQL greets.
        assert_eq!(told(b"\x4a\0\0\0\x0a8.4.0\0", false).await, other);
    }

    #[test]
    fn the_servers_token_is_found() {
        let mut answer = HeaderMap::new();
        answer.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=x"));
        answer.append(WWW_AUTHENTICATE, HeaderValue::from_static("negotiate AQI="));
        assert_eq!(negotiated(&answer), Some(vec![1, 2]));
    }
}

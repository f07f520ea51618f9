//! The request line, split into its parts where it is one.

/// The parts of a request line, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::agent) struct RequestLine<'a> {
    /// Such as `GET`.
    pub method: Option<&'a str>,
    /// The target up to its question mark.
    pub path: Option<&'a str>,
    /// What stands behind the question mark.
    pub query: Option<&'a str>,
    /// Absent from a request of HTTP/0.9.
    pub protocol: Option<&'a str>,
}

impl<'a> RequestLine<'a> {
    /// Splits `METHOD TARGET [HTTP/..]`; a target may hold blanks, as careless clients send them. `None` for anything
    /// else: servers log whatever reached the port.
    pub(crate) fn new(line: &'a str) -> Option<Self> {
        let (method, rest) = line.split_once(' ')?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.!#$%&'*+^`|~".contains(c);
        if method.is_empty() || !method.chars().all(is_token) {
            return None;
        }
        let (target, protocol) = match rest.rsplit_once(' ') {
            Some((target, protocol)) if protocol.starts_with("HTTP/") => (target, Some(protocol)),
            _ => (rest, None),
        };
        let is_target = target.starts_with('/') || target == "*" || target.contains("://") || method == "CONNECT";
        if target.is_empty() || !is_target {
            return None;
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Some(Self { method: Some(method), path: Some(path), query, protocol })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_and_everything_else() {
        let parts = |line| RequestLine::new(line).map(|r| (r.method.unwrap(), r.path.unwrap(), r.query, r.protocol));
        assert_eq!(parts("GET /p/85123A?a=b?c HTTP/1.1"), Some(("GET", "/p/85123A", Some("a=b?c"), Some("HTTP/1.1"))));
        assert_eq!(parts("GET /"), Some(("GET", "/", None, None)));
        assert_eq!(parts("GET /a b HTTP/1.0"), Some(("GET", "/a b", None, Some("HTTP/1.0"))));
        assert_eq!(parts("OPTIONS * HTTP/1.0"), Some(("OPTIONS", "*", None, Some("HTTP/1.0"))));
        assert_eq!(parts("CONNECT shop:443 HTTP/1.1"), Some(("CONNECT", "shop:443", None, Some("HTTP/1.1"))));
        for garbage in ["", "-", "GET", "GET ", " / HTTP/1.1", r"\x16\x03 \x00", "hello world", "(GET) / HTTP/1.1"] {
            assert_eq!(parts(garbage), None, "{garbage}");
        }
    }
}

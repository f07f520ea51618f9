//! Bodies and headers that interceptors change, look into and hide, and the patterns of times.

use super::{ExtractArgs, How, InterceptorArgs, Interceptors};
use crate::agent::event::Event;
use crate::fuzz::{Target, first_line, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "interceptor", seeds: bodies, run: intercept }];

fn bodies() -> Vec<Vec<u8>> {
    seeds(&[
        "yyyy-MM-dd'T'HH:mm:ss.SSSZ\n2024-01-01T00:00:00.123+0100 GET 203.0.113.7",
        "EEE, d MMM yy hh:mm a '' %\nMon, 1 Jan 24 01:00 AM ' % 2001:db8::1, ::ffff:10.0.0.1",
        "D/X\n366/+01:00 a@b.example",
    ])
}

/// The first line is the pattern of a time, which stands at the beginning of the body.
fn intercept(data: &[u8]) {
    let (pattern, body) = first_line(data);
    let time =
        ExtractArgs { name: "time".to_owned(), time_pattern: Some(String::from_utf8_lossy(pattern).into_owned()) };
    let word = ExtractArgs { name: "word".to_owned(), time_pattern: None };
    let protect = |search: Option<&str>, how| InterceptorArgs::Protect {
        headers: vec!["h".to_owned()],
        search: search.map(str::to_owned),
        how,
        key_file: None,
        key_env: None,
        ipv4_bits: None,
        ipv6_bits: None,
    };
    let all = [
        InterceptorArgs::RegexExtractor { regex: r"^(.{0,40}?) (\w+)".to_owned(), groups: vec![time, word] },
        InterceptorArgs::SearchReplace { search: r"(\d+)\.(\d+)".to_owned(), replace: r"$2.$1\$".to_owned() },
        protect(Some(r"[0-9a-f:.]{2,}"), How::Ip),
        protect(Some(r"\S+@(\S+)"), How::Mask),
        InterceptorArgs::Sample { header: None, keep: 1, of: 1 },
    ];
    let Ok(all) = Interceptors::new(&all) else { return };
    let mut event = Event { body: body.to_vec().into(), ..Event::default() };
    event.headers.set("h", String::from_utf8_lossy(body).into_owned());
    let done = all.apply(vec![event]);
    assert_eq!((done.events.len(), done.left_out.events), (1, 0));
    let time = done.events.iter().find_map(|event| event.headers.get("time"));
    assert!(time.is_none_or(|ms| ms.parse::<i64>().is_ok()));
    assert!(done.events.iter().all(|event| event.headers.get("h") == Some("***")));
}

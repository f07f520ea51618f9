//! Events as text, as Flume's serializers TEXT and HEADER_AND_TEXT write them.

use crate::agent::event::Event;

/// Appends an event: its headers in braces and a blank, where they are wanted, its body, a newline where one is wanted.
pub(super) fn put(event: &Event, newline: bool, headers: bool, out: &mut Vec<u8>) {
    if headers {
        let mut headers: Vec<String> = event.headers.all().map(|(name, value)| format!("{name}={value}")).collect();
        headers.sort();
        out.extend_from_slice(format!("{{{}}} ", headers.join(", ")).as_bytes());
    }
    out.extend_from_slice(&event.body);
    if newline {
        out.push(b'\n');
    }
}

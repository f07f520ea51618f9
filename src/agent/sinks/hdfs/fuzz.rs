//! Paths with escapes, and what the headers of events make of them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::escape::{Clock, Template, confined};
use crate::agent::event::Event;
use crate::fuzz::{Target, first_line, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "path", seeds: paths, run: path }];

fn paths() -> Vec<Vec<u8>> {
    seeds(&["/lake/%{h}/%Y-%m-%d/%H%M%S\nweb1", "/lake/%[localhost]/%t/%%\n../../x", "/a/%{h}%{h}\n."])
}

/// A path that is taken never leaves what stands before its first escape.
fn path(data: &[u8]) {
    let (template, header) = first_line(data);
    let Ok(template) = std::str::from_utf8(template) else { return };
    let Ok(template) = Template::new(template) else { return };
    let mut event = Event::default();
    event.headers.set("h", String::from_utf8_lossy(header).into_owned());
    event.headers.set("timestamp", "1700000000123");
    for round in [None, Some((7, super::escape::RoundUnit::Minute))] {
        let clock = Clock { zone: TimeZone::UTC, round, local: false };
        let Ok(path) = template.fill(&event, &clock, Timestamp::UNIX_EPOCH) else { continue };
        let root = template.fixed().rsplit_once('/').map_or("", |(root, _)| root);
        if confined(&path, root).is_ok() {
            assert!(path.starts_with(root) && !path.split('/').any(|part| part == ".."), "{path:?} leaves {root:?}");
        }
    }
}

//! Lines of rejects: what is read back is the same when it is put aside once more.

use super::{Rejected, Rejects};
use crate::fuzz::{Target, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "reject", seeds: lines, run: reject }];

fn lines() -> Vec<Vec<u8>> {
    seeds(&[
        r#"{"file":"/log","offset":7,"reason":"why","time":"2024-01-01T00:00:00Z","sink":"clicks","headers":{"a":"b"},"line":"\"x"}"#,
        r#"{"reason":"torn: why","line_base64":"//4="}"#,
    ])
}

fn reject(data: &[u8]) {
    let Ok(read) = Rejected::read(data) else { return };
    let mut again = Rejects::default();
    assert!(again.add(&read.event, &read.reason, "sink").is_ok());
    assert_eq!(Rejected::read(&again.bytes), Ok(read));
}

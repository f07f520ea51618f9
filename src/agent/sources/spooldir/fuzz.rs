//! Lines of files in each charset.

use super::content::{Charset, DecodeErrors, LineRules};
use crate::fuzz::{Target, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[Target { name: "spooldir", seeds: files, run: file }];

fn files() -> Vec<Vec<u8>> {
    let mut all = seeds(&["\u{4}one\n\ntwo words\r\n", "\u{2}äöü\u{1F600}x\nlast"]);
    all.push(b"\x03a\xffb\xe2\x82\n\xc3".to_vec());
    all
}

/// The first byte says how long a line may be. Each byte is in one line, and text that the charset has stays as it is.
fn file(data: &[u8]) {
    let Some((most, data)) = data.split_first() else { return };
    let most_chars = usize::from(*most).max(1);
    for charset in [Charset::Utf8, Charset::Ascii, Charset::Latin1] {
        for errors in [DecodeErrors::Fail, DecodeErrors::Replace, DecodeErrors::Ignore] {
            let rules = LineRules { most_chars, charset, errors };
            let (mut rest, mut text) = (data, Vec::new());
            while let Ok(Some((line, length))) = rules.next(rest, true) {
                assert!(length > 0 && std::str::from_utf8(&line).is_ok());
                text.extend_from_slice(&line);
                // The newline is no part of the line, and not of one that was cut.
                text.extend(rest[..length].last().filter(|byte| **byte == b'\n'));
                rest = &rest[length..];
            }
            assert!(rest.is_empty() || errors == DecodeErrors::Fail);
            if rest.is_empty() && charset != Charset::Latin1 && errors == DecodeErrors::Fail {
                assert_eq!(text, data);
            }
        }
    }
}

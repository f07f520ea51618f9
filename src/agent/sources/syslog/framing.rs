//! Where messages on a connection end: at a newline, or where the count before them says.
//!
//! Source: RFC 6587, section 3.4 (octet counting, non-transparent framing); RFC 5425, section 4.3.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

/// How a sender says where its messages end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Framing {
    /// By a newline.
    #[default]
    Lines,
    /// By their lengths, in digits and a blank before them.
    Octets,
    /// As each message begins: `123 <` is a length.
    Auto,
}

/// The digits of a length at most; a message is not of 10 MB.
const DIGITS: usize = 7;

/// Takes messages out of what came on a connection.
#[derive(Debug)]
pub(super) struct Framer {
    framing: Framing,
    /// Bytes of a message; the rest of a longer one is the next.
    most: usize,
    /// Bytes of the message at hand that are to come.
    left: usize,
}

/// What a message begins with.
enum Beginning {
    /// A length, which takes so many bytes itself.
    Count { count: usize, bytes: usize },
    /// Not enough to say.
    Short,
    /// No length.
    Other,
}

impl Framer {
    pub(super) fn new(framing: Framing, most: usize) -> Self {
        Self { framing, most, left: 0 }
    }

    /// Takes the complete messages out of a buffer, and whether each was cut for its length. Empty ones are none.
    ///
    /// # Errors
    /// InvalidData: there is no length where one has to be.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> io::Result<Vec<(Bytes, bool)>> {
        let mut messages = Vec::new();
        while self.next(buffer, &mut messages)? {}
        Ok(messages)
    }

    /// Takes the next message, or a part of it; says whether it was there.
    fn next(&mut self, buffer: &mut BytesMut, to: &mut Vec<(Bytes, bool)>) -> io::Result<bool> {
        if self.left > 0 {
            let part = self.left.min(self.most);
            if buffer.len() < part {
                return Ok(false);
            }
            self.left -= part;
            let mut message = buffer.split_to(part).freeze();
            if self.left == 0 && message.ends_with(b"\n") {
                message.truncate(part - 1);
            }
            push(message, self.left > 0, to);
            return Ok(true);
        }
        if self.framing != Framing::Lines {
            match self.beginning(buffer) {
                Beginning::Count { count, bytes } => {
                    buffer.advance(bytes);
                    self.left = count;
                    return Ok(true);
                }
                Beginning::Short => return Ok(false),
                Beginning::Other if self.framing == Framing::Octets => {
                    let what = "a message does not begin with its length; let the sender count octets, or say framing = \"auto\"";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
                Beginning::Other => {}
            }
        }
        match memchr::memchr(b'\n', buffer) {
            Some(length) if length <= self.most => {
                let message = buffer.split_to(length).freeze();
                buffer.advance(1);
                push(message, false, to);
            }
            None if buffer.len() <= self.most => return Ok(false),
            _ => push(buffer.split_to(self.most).freeze(), true, to),
        }
        Ok(true)
    }

    fn beginning(&self, buffer: &[u8]) -> Beginning {
        let digits = buffer.iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if buffer.first() == Some(&b'0') || digits > DIGITS || (digits == 0 && !buffer.is_empty()) {
            return Beginning::Other;
        }
        // A line may begin with a number; a message begins with its priority.
        let is_count = match (buffer.get(digits), buffer.get(digits + 1), self.framing) {
            (Some(b' '), _, Framing::Octets) | (Some(b' '), Some(b'<'), _) => true,
            (None, ..) | (Some(b' '), None, _) => return Beginning::Short,
            _ => false,
        };
        let count = std::str::from_utf8(&buffer[..digits]).ok().and_then(|text| text.parse().ok());
        match count.filter(|_| is_count) {
            Some(count) => Beginning::Count { count, bytes: digits + 1 },
            None => Beginning::Other,
        }
    }
}

fn push(message: Bytes, is_cut: bool, to: &mut Vec<(Bytes, bool)>) {
    if !message.is_empty() {
        to.push((message, is_cut));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(framing: Framing, most: usize, pieces: &[&[u8]]) -> io::Result<(Vec<(String, bool)>, usize)> {
        let (mut framer, mut buffer, mut all) = (Framer::new(framing, most), BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            all.extend(framer.take(&mut buffer)?);
        }
        let text = |(bytes, is_cut): (Bytes, bool)| (String::from_utf8(bytes.to_vec()).unwrap(), is_cut);
        Ok((all.into_iter().map(text).collect(), buffer.len()))
    }

    fn whole(all: &[&str]) -> Vec<(String, bool)> {
        all.iter().map(|text| ((*text).to_owned(), false)).collect()
    }

    #[test]
    fn a_length_says_where_a_message_ends() {
        let sent = b"7 <1>a\nb\n8 <2>two\n\n9 <3>three";
        for framing in [Framing::Octets, Framing::Auto] {
            let (found, left) = texts(framing, 100, &[sent]).unwrap();
            assert_eq!((found, left), (whole(&["<1>a\nb", "<2>two\n"]), 8), "{framing:?}");
        }
    }

    #[test]
    fn both_ways_may_come_on_one_connection() {
        let sent = b"<1>line\n6 <2>two<3>line again\n12 is not a length\n6 <4>end";
        let (found, left) = texts(Framing::Auto, 100, &[sent]).unwrap();
        let all = ["<1>line", "<2>two", "<3>line again", "12 is not a length", "<4>end"];
        assert_eq!((found, left), (whole(&all), 0));
        let (found, _) = texts(Framing::Lines, 100, &[b"6 <2>two\n"]).unwrap();
        assert_eq!(found, whole(&["6 <2>two"]));
    }

    #[test]
    fn a_longer_message_is_several() {
        let (found, left) = texts(Framing::Octets, 10, &[b"25 <1>0123456789012345678901", b"5 <2>ab"]).unwrap();
        let parts = ["<1>0123456", "7890123456", "78901"];
        let cut: Vec<(String, bool)> =
            parts.iter().enumerate().map(|(i, text)| ((*text).to_owned(), i < 2)).chain(whole(&["<2>ab"])).collect();
        assert_eq!((found, left), (cut, 0));
    }

    #[test]
    fn what_is_not_a_length_is_said_where_one_has_to_be() {
        for sent in [&b"<1>line\n"[..], b"0 <1>", b"12345678 <1>", b"12a"] {
            let error = texts(Framing::Octets, 100, &[sent]).unwrap_err();
            assert!(error.to_string().contains("length"), "{error}");
        }
        assert_eq!(texts(Framing::Octets, 100, &[b"12"]).unwrap().1, 2);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            messages in proptest::collection::vec(("<[0-9]{1,3}>[ -~]{1,40}", any::<bool>()), 1..8), size in 1..20_usize,
        ) {
            let mut sent = Vec::new();
            for (message, is_counted) in &messages {
                match is_counted {
                    true => sent.extend(format!("{} {message}", message.len()).bytes()),
                    false => sent.extend(format!("{message}\n").bytes()),
                }
            }
            let pieces: Vec<&[u8]> = sent.chunks(size).collect();
            let (found, left) = texts(Framing::Auto, 100, &pieces).unwrap();
            prop_assert_eq!(left, 0);
            prop_assert_eq!(found, messages.into_iter().map(|(text, _)| (text, false)).collect::<Vec<_>>());
        }
    }
}

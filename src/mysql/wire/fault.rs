//! What can go wrong on the wire, before somebody says in which act.

use std::io;

/// A broken connection, a server's error, or something that the protocol does not allow.
#[derive(Debug)]
pub(in crate::mysql) enum Fault {
    /// The connection broke or never was.
    Io(io::Error),
    /// The server said no.
    Server {
        /// Error number.
        code: u16,
        /// SQLSTATE, five characters; `HY000` where the server names none.
        state: String,
        /// The server's words.
        message: String,
    },
    /// The server does what we do not know, or lacks what we need.
    Protocol(&'static str),
    /// An authentication plugin that is not known here.
    Plugin(String),
    /// TLS could not be agreed on, or the server is not who it should be; and what to do.
    Tls(String, &'static str),
    /// Something that was explained where it was found, such as a value.
    Ours(crate::error::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Fault {
    /// The server's error in a payload, if it is one.
    pub(crate) fn of_server(payload: &[u8]) -> Option<Self> {
        let [0xff, low, high, rest @ ..] = payload else { return None };
        // Errors before the login have no SQLSTATE.
        let (state, message) = match rest {
            [b'#', rest @ ..] if rest.len() >= 5 => rest.split_at(5),
            message => (&b"HY000"[..], message),
        };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Some(Self::Server { code: u16::from_le_bytes([*low, *high]), state: text(state), message: text(message) })
    }

    /// What a payload means that is not what was waited for.
    pub(crate) fn of_answer(payload: &[u8]) -> Self {
        Self::of_server(payload).unwrap_or(Self::Protocol("an answer that is not known here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_error_is_read_with_and_without_state() {
        for (payload, want) in
            [(b"\xff\x7a\x04#42S02No such table".as_slice(), "42S02"), (b"\xff\x7a\x04No such table", "HY000")]
        {
            let Some(Fault::Server { code, state, message }) = Fault::of_server(payload) else { panic!() };
            assert_eq!((code, state.as_str(), message.as_str()), (1146, want, "No such table"));
        }
        assert!(Fault::of_server(&[0, 0, 0]).is_none());
    }
}

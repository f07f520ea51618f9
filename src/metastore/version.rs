//! The version of a metastore. The call belongs to the service framework underneath, which the generated client leaves
//! out; it is small enough to be made by hand: a message without arguments, an answer of one string.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::MetastoreClient;
use super::client::CONNECT_TIMEOUT;
use crate::error::{self, Kind, Result};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Longer answers are none.
const MAX_BYTES: u32 = 4096;

/// Thrift's binary protocol, version 1, message types call and reply.
const CALL: u32 = 0x8001_0001;
const REPLY: u32 = 0x8001_0002;
const STRING: u8 = 11;
const STOP: u8 = 0;

/// What a metastore says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number before the first dot; it decides what Hive reads.
    pub major: u32,
    /// All of it, such as `4.0.1`.
    pub text: String,
}

impl MetastoreClient {
    /// The version, which is that of the Hive around it; those before 4.0 all say `3.0`. Asked for once.
    ///
    /// # Errors
    /// Unreachable: no answer, or one that is none.
    pub async fn version(&self) -> Result<Version> {
        self.version.get_or_try_init(|| self.ask_version()).await.cloned()
    }

    async fn ask_version(&self) -> Result<Version> {
        let (first, count) = (self.active.load(Ordering::Relaxed), self.remotes.len());
        let mut last = None;
        for attempt in 0..count {
            let remote = &self.remotes[(first + attempt) % count];
            let what = || format!("asking the metastore {} for its version", remote.uri);
            let connect = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(remote.address));
            let answer = async {
                let mut stream = connect.await.map_err(|_| std::io::ErrorKind::TimedOut)??;
                ask(&mut stream).await
            };
            match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
                Ok(Ok(text)) => return parse(text).map_err(|e| e.context(what())),
                Ok(Err(e)) => last = Some(error::unreachable(what()).source(e)),
                Err(_) => last = Some(error::unreachable(format!("{}: no answer", what()))),
            }
        }
        Err(last.unwrap_or_else(|| error::config("the metastore has no address")))
    }
}

async fn ask(stream: &mut TcpStream) -> std::io::Result<String> {
    const METHOD: &[u8] = b"getVersion";
    let mut message = CALL.to_be_bytes().to_vec();
    message.extend((METHOD.len() as u32).to_be_bytes());
    message.extend(METHOD);
    message.extend(1u32.to_be_bytes());
    message.push(STOP);
    stream.write_all(&message).await?;

    let unexpected = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is no version");
    if stream.read_u32().await? != REPLY {
        return Err(unexpected());
    }
    string(stream).await?;
    stream.read_u32().await?;
    if (stream.read_u8().await?, stream.read_u16().await?) != (STRING, 0) {
        return Err(unexpected());
    }
    String::from_utf8(string(stream).await?).map_err(|_| unexpected())
}

async fn string(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let len = stream.read_u32().await?;
    if len > MAX_BYTES {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is too long"));
    }
    let mut bytes = vec![0; len as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn parse(text: String) -> Result<Version> {
    match text.split('.').next().and_then(|major| major.trim().parse().ok()) {
        Some(major) => Ok(Version { major, text }),
        None => Err(error::Error::new(Kind::Unreachable, format!("{text:?} is no version"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_counts() {
        assert_eq!(parse("4.0.1".into()).unwrap().major, 4);
        assert_eq!(parse("3.1.3000.7.1".into()).unwrap().major, 3);
        assert_eq!(parse("unknown".into()).unwrap_err().kind(), Kind::Unreachable);
    }
}

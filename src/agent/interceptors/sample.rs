//! Keeps a share of the events, chosen by the hash of a header or of the body: events that say the same are kept or left
//! out together, on every host and in every run.

use std::num::NonZeroU64;

use bytestring::ByteString;
use sha2::{Digest, Sha256};

use crate::agent::event::Event;
use crate::error::{self, Result};

/// Chooses events.
#[derive(Debug)]
pub(super) struct Sample {
    /// The header whose value is hashed; the body where there is none.
    header: Option<ByteString>,
    keep: u64,
    of: NonZeroU64,
}

impl Sample {
    /// # Errors
    /// Config: it would keep all events, or more.
    pub(super) fn new(header: Option<&str>, keep: u64, of: u64) -> Result<Self> {
        let of = NonZeroU64::new(of).filter(|of| keep < of.get()).ok_or_else(|| {
            error::config(format!("a sample keeps {keep} of {of} events")).hint("keep fewer, such as keep = 1, of = 10")
        })?;
        Ok(Self { header: header.map(ByteString::from), keep, of })
    }

    /// Whether an event stays; one without the header does.
    pub(super) fn is_kept(&self, event: &Event) -> bool {
        let digest = match &self.header {
            None => Sha256::digest(&event.body),
            Some(header) => match event.headers.get(header) {
                Some(value) => Sha256::digest(value.as_bytes()),
                None => return true,
            },
        };
        let hash = digest.iter().take(8).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
        hash % self.of < self.keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_and_always_the_same_one() {
        let sample = Sample::new(Some("user"), 1, 10).unwrap();
        let of_user = |user: u32, body: &'static str| {
            let mut event = Event { body: body.into(), ..Event::default() };
            event.headers.set("user", user.to_string());
            sample.is_kept(&event)
        };
        let kept: Vec<u32> = (0..10_000).filter(|user| of_user(*user, "a")).collect();
        assert!((900..1_100).contains(&kept.len()), "{}", kept.len());
        assert!(kept.iter().all(|user| of_user(*user, "b")), "whatever else the event says");
        // These stay the same for good: runs of other versions must choose the same.
        assert_eq!(kept[..5], FIRST);
        assert!(sample.is_kept(&Event::default()), "no header");
        let bodies = Sample::new(None, 1, 2).unwrap();
        let kept =
            (0..1_000).filter(|n: &u32| bodies.is_kept(&Event { body: n.to_string().into(), ..Event::default() }));
        assert!((420..580).contains(&kept.count()));
    }

    const FIRST: [u32; 5] = [0, 7, 9, 10, 33];

    #[test]
    fn a_sample_of_everything_is_refused() {
        for (keep, of) in [(1, 1), (2, 1), (0, 0)] {
            assert!(Sample::new(None, keep, of).is_err());
        }
        assert!(!Sample::new(None, 0, 1).unwrap().is_kept(&Event::default()));
    }
}

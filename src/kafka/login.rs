//! The login of a connection: SASL in Kafka's own requests.

use std::time::{Duration, Instant};

use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;

use super::fault;
use super::options::LIMIT;
use super::wire::Connection;
use crate::error::{self, Result};
use crate::net::sasl::Mechanism;

/// # Errors
/// Auth: the broker declines mechanism or login; in its words.
pub(super) fn log_in(connection: &mut Connection, mut mechanism: Mechanism) -> Result<()> {
    let name = mechanism.name();
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(name));
    let offer = connection.call(&request, LIMIT)?;
    if offer.error_code != 0 {
        let offered: Vec<&str> = offer.mechanisms.iter().map(StrBytes::as_str).collect();
        let what = format!("{} offers no {name}, but {}", connection.server(), offered.join(", "));
        return Err(fault::of(offer.error_code, what));
    }
    let mut challenge = bytes::Bytes::new();
    loop {
        let response = mechanism.respond(&challenge)?;
        // The last word was the broker's own proof.
        if response.complete && response.bytes.is_empty() {
            return Ok(());
        }
        let request = SaslAuthenticateRequest::default().with_auth_bytes(response.bytes.into());
        let answer = connection.call(&request, LIMIT)?;
        if answer.error_code != 0 {
            let (proof, hint) = mechanism.proof();
            let why = answer.error_message.as_deref().unwrap_or("without a reason").to_owned();
            let what = format!("{} declined {proof} ({name})", connection.server());
            return Err(error::auth(what).hint(hint).source(why));
        }
        challenge = answer.auth_bytes;
        if let Ok(lifetime @ 1..) = u64::try_from(answer.session_lifetime_ms) {
            // Logged in again a little before, by a new connection.
            connection.expires = Some(Instant::now() + Duration::from_millis(lifetime / 10 * 9));
        }
        if response.complete {
            return Ok(());
        }
    }
}

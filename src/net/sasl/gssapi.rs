//! The SASL mechanism GSSAPI: Kerberos' tokens go to and fro until both sides are proved, then one message each settles
//! how later ones are protected. Source: RFC 4752 section 3.1.

use super::{Layer, Protection, Response};
use crate::error::{self, Result};
use crate::kerberos::gssapi::Context;

/// The largest message we take, which nobody's frames exceed: the field has three bytes.
const LARGEST: [u8; 3] = [0xff; 3];

/// A login by ticket.
#[derive(Debug)]
pub(crate) struct Gssapi {
    context: Context,
    wanted: Vec<Protection>,
    chosen: Option<Protection>,
}

impl Gssapi {
    pub(super) fn new(context: Context, wanted: Vec<Protection>) -> Self {
        Self { context, wanted, chosen: None }
    }

    pub(super) fn respond(&mut self, challenge: &[u8]) -> Result<Response> {
        if !self.context.is_complete() {
            return Ok(Response { bytes: self.context.step(challenge)?, complete: false });
        }
        let offer = self.context.unwrap(challenge)?;
        let [bits, ..] = offer[..] else {
            return Err(error::refused("the server offers no level of protection"));
        };
        let chosen = Protection::choose(&self.wanted, &levels(bits))?;
        self.chosen = Some(chosen);
        let largest = if chosen == Protection::Authentication { [0; 3] } else { LARGEST };
        let answer = [&[bit(chosen)][..], &largest].concat();
        Ok(Response { bytes: self.context.wrap(&answer, false)?, complete: true })
    }

    pub(super) fn into_layer(self) -> Layer {
        match self.chosen {
            None | Some(Protection::Authentication) => Layer::None,
            Some(level) => Layer::Gssapi { context: self.context, encrypt: level == Protection::Privacy },
        }
    }
}

fn bit(level: Protection) -> u8 {
    match level {
        Protection::Authentication => 1,
        Protection::Integrity => 2,
        Protection::Privacy => 4,
    }
}

fn levels(bits: u8) -> Vec<Protection> {
    Protection::ALL.into_iter().filter(|level| bits & bit(*level) != 0).collect()
}

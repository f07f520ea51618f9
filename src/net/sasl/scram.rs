//! SCRAM-SHA-256 and SCRAM-SHA-512: a password that neither travels nor is known to the server, whose proof is checked,
//! too. Without channel binding. Source: RFC 5802, RFC 7677.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::Response;
use crate::error::{self, Error, Result};
use crate::secret::Secret;

/// Rounds below which a server would learn too much, by RFC 7677; and above which it would only keep us busy.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=10_000_000;

/// The hash of the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        self.hmac().digest_algorithm()
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// A login by SCRAM.
pub(crate) struct Scram {
    hash: Hash,
    password: Secret,
    nonce: String,
    /// What was sent first, without its head.
    first: String,
    step: Step,
}

enum Step {
    First,
    Proof,
    /// The server's own proof is to be this.
    Verdict(Vec<u8>),
    Done,
}

impl std::fmt::Debug for Scram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scram").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Scram {
    /// # Errors
    /// Bug: the system has no random bytes.
    pub(super) fn new(hash: Hash, user: &str, password: Secret) -> Result<Self> {
        let mut random = [0; 24];
        SystemRandom::new().fill(&mut random).map_err(|_| error::bug("the system gives no random bytes"))?;
        Ok(Self::with_nonce(hash, user, password, STANDARD.encode(random)))
    }

    fn with_nonce(hash: Hash, user: &str, password: Secret, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        Self { hash, password, nonce, first, step: Step::First }
    }

    pub(super) fn name(&self) -> &'static str {
        self.hash.name()
    }

    pub(super) fn respond(&mut self, challenge: &[u8]) -> Result<Response> {
        let step = std::mem::replace(&mut self.step, Step::Done);
        match step {
            Step::First => {
                self.step = Step::Proof;
                Ok(Response { bytes: format!("n,,{}", self.first).into_bytes(), complete: false })
            }
            Step::Proof => {
                let (bytes, verdict) = self.prove(challenge)?;
                self.step = Step::Verdict(verdict);
                Ok(Response { bytes, complete: false })
            }
            Step::Verdict(wanted) => {
                verify(challenge, &wanted)?;
                Ok(Response { bytes: Vec::new(), complete: true })
            }
            Step::Done => Err(error::refused("the server goes on with a login that is over")),
        }
    }

    /// Our proof, and what the server's is to be.
    fn prove(&self, challenge: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let server = std::str::from_utf8(challenge).map_err(|_| nonsense())?;
        let (mut nonce, mut salt, mut rounds) = (None, None, None);
        for part in server.split(',') {
            match part.split_once('=') {
                Some(("r", value)) => nonce = Some(value),
                Some(("s", value)) => salt = STANDARD.decode(value).ok(),
                Some(("i", value)) => rounds = value.parse::<u32>().ok(),
                // An extension that must be understood, or something that is not an attribute.
                Some(("m", _)) | None => return Err(nonsense()),
                Some(_) => {}
            }
        }
        let (Some(nonce), Some(salt), Some(rounds)) = (nonce, salt, rounds) else { return Err(nonsense()) };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(
                error::auth("the server's answer is not to our login (SCRAM)").hint("somebody may stand between")
            );
        }
        let Some(rounds) = NonZeroU32::new(rounds).filter(|rounds| ROUNDS.contains(&rounds.get())) else {
            return Err(error::auth(format!("the server wants {rounds} rounds of SCRAM"))
                .hint("let the user's credentials be made with 4,096 rounds or more"));
        };
        let mut salted = vec![0; self.hash.digest().output_len()];
        pbkdf2::derive(self.hash.pbkdf2(), rounds, &salt, self.password.expose().as_bytes(), &mut salted);
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(self.hash.hmac(), key), text);
        let client_key = sign(&salted, b"Client Key");
        let stored = digest::digest(self.hash.digest(), client_key.as_ref());
        let without_proof = format!("c=biws,r={nonce}");
        let all = format!("{},{server},{without_proof}", self.first);
        let signature = sign(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(one, other)| one ^ other).collect();
        let server_key = sign(&salted, b"Server Key");
        let verdict = sign(server_key.as_ref(), all.as_bytes()).as_ref().to_vec();
        Ok((format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes(), verdict))
    }
}

fn verify(challenge: &[u8], wanted: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(challenge).map_err(|_| nonsense())?;
    if text.starts_with("e=") {
        return Err(error::auth("the server declined user and password (SCRAM)")
            .hint("check the user name and where the password is read from"));
    }
    let given = text.split(',').find_map(|part| part.strip_prefix("v=")).and_then(|value| STANDARD.decode(value).ok());
    match given {
        Some(given) if given == wanted => Ok(()),
        _ => Err(error::auth("the server cannot prove that it knows the user (SCRAM)")
            .hint("it may not be the server that it says it is")),
    }
}

fn nonsense() -> Error {
    error::refused("the server's answer is not one of SCRAM").hint("check the mechanism that its listener has")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn the_example_of_the_standard() {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let mut scram = Scram::with_nonce(Hash::Sha256, "user", Secret::new("pencil"), nonce);
        assert_eq!(scram.respond(b"").unwrap().bytes, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proof = scram.respond(server.as_bytes()).unwrap();
        let wanted = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                      p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(String::from_utf8(proof.bytes).unwrap(), wanted);
        let last = scram.respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(last.complete && last.bytes.is_empty());
        assert!(scram.respond(b"").is_err());
    }

    #[test]
    fn a_server_that_cannot_prove_itself_is_declined() {
        let begin = || {
            let mut scram = Scram::with_nonce(Hash::Sha512, "a,b=c", Secret::new("p"), "abc".to_owned());
            assert_eq!(scram.respond(b"").unwrap().bytes, b"n,,n=a=2Cb=3Dc,r=abc");
            scram
        };
        for challenge in
            ["r=xyz,s=QUJD,i=4096", "r=abc,s=QUJD,i=4096", "r=abcd,s=QUJD,i=1", "r=abcd,i=4096", "m=x,r=abcd", "x"]
        {
            assert!(begin().respond(challenge.as_bytes()).is_err(), "{challenge}");
        }
        let mut scram = begin();
        scram.respond(b"r=abcd,s=QUJD,i=4096").unwrap();
        assert!(scram.respond(b"v=QUJD").err().unwrap().to_string().contains("cannot prove"));
        let mut scram = begin();
        scram.respond(b"r=abcd,s=QUJD,i=4096").unwrap();
        assert!(scram.respond(b"e=invalid-proof").err().unwrap().to_string().contains("declined"));
    }
}

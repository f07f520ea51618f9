//! What is done to values that say who somebody is, before they are stored: a keyed hash, a mask, nothing at all, or an
//! address without its last bits.
//!
//! A hash is HMAC-SHA-256 in hexadecimal digits: equal values stay equal, so that rows can be joined by them, and nobody
//! without the key finds the value by trying all that there are. A text that should be an address and is not one is masked,
//! as it may say more.
//!
//! Source: RFC 2104, RFC 4291 (addresses).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::error::{self, Result};
use crate::secret::SecretSource;

/// What stands in the place of a masked value.
const MASK: &str = "***";

/// A shorter key could be tried out.
const LEAST_KEY_BYTES: usize = 16;

/// How a value is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// HMAC-SHA-256 with the key, in hexadecimal digits.
    Hash,
    /// `***`.
    Mask,
    /// The header is taken away, the column is NULL, a match is empty.
    Drop,
    /// An address, or a list of them, without the bits that say which host it is.
    Ip,
}

/// What is said of a value that is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::agent) struct VeilArgs {
    pub how: How,
    pub key_file: Option<PathBuf>,
    pub key_env: Option<String>,
    pub ipv4_bits: Option<u8>,
    pub ipv6_bits: Option<u8>,
}

/// Hides values.
#[derive(Clone, Debug)]
pub(in crate::agent) enum Veil {
    Hash(hmac::Key),
    Mask,
    Drop,
    Ip { v4_bits: u8, v6_bits: u8 },
}

impl Veil {
    /// Reads the key, where one is needed; a relative file lies below `base`.
    ///
    /// # Errors
    /// Config: there is no key, or a short one; a key or bits that are not used.
    pub(in crate::agent) fn new(args: &VeilArgs, base: &Path) -> Result<Self> {
        let VeilArgs { how, key_file, key_env, ipv4_bits, ipv6_bits } = args;
        if *how != How::Ip && (ipv4_bits.is_some() || ipv6_bits.is_some()) {
            return Err(error::config("ipv4-bits and ipv6-bits are those of how = \"ip\"").hint("take them out"));
        }
        if *how != How::Hash && (key_file.is_some() || key_env.is_some()) {
            return Err(error::config("key-file and key-env are those of how = \"hash\"").hint("take them out"));
        }
        Ok(match how {
            How::Mask => Self::Mask,
            How::Drop => Self::Drop,
            How::Ip => {
                let (v4_bits, v6_bits) = (ipv4_bits.unwrap_or(24), ipv6_bits.unwrap_or(48));
                if v4_bits > 32 || v6_bits > 128 {
                    return Err(error::config("an address does not have so many bits")
                        .hint("give ipv4-bits of at most 32, and ipv6-bits of at most 128"));
                }
                Self::Ip { v4_bits, v6_bits }
            }
            How::Hash => Self::Hash(key(key_file.as_ref(), key_env.as_ref(), base)?),
        })
    }

    /// What stands in the place of a value; `None` where nothing does.
    pub(in crate::agent) fn hide(&self, value: &str) -> Option<String> {
        match self {
            Self::Hash(key) => {
                let tag = hmac::sign(key, value.as_bytes());
                Some(tag.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
                    // Writing to a text cannot fail.
                    let _ = write!(hex, "{byte:02x}");
                    hex
                }))
            }
            Self::Mask => Some(MASK.to_owned()),
            Self::Drop => None,
            Self::Ip { v4_bits, v6_bits } => {
                let all: Vec<String> = value.split(',').map(|one| shortened(one.trim(), *v4_bits, *v6_bits)).collect();
                Some(all.join(", "))
            }
        }
    }
}

fn key(file: Option<&PathBuf>, env: Option<&String>, base: &Path) -> Result<hmac::Key> {
    if file.is_some() && env.is_some() {
        return Err(error::config("key-file and key-env are both given").hint("name one source for the key"));
    }
    let source = SecretSource { password_file: file.cloned(), password_env: env.cloned(), ..SecretSource::default() };
    let secret = source.read(base).map_err(|e| e.context("the key of a hash"))?.ok_or_else(|| {
        error::config("how = \"hash\" needs a key").hint("name one: key-file = \"/etc/shop/hash.key\", or key-env")
    })?;
    let bytes = secret.expose().as_bytes();
    if bytes.len() < LEAST_KEY_BYTES {
        return Err(error::config(format!("the key of a hash has less than {LEAST_KEY_BYTES} bytes"))
            .hint("make one: openssl rand -hex 32"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

/// An address without what is behind its first bits; the mask where it is not one. A port is left out.
fn shortened(text: &str, v4_bits: u8, v6_bits: u8) -> String {
    let v4 = |address: Ipv4Addr| {
        let mask = u32::MAX.checked_shl(32 - u32::from(v4_bits)).unwrap_or(0);
        Ipv4Addr::from(u32::from(address) & mask).to_string()
    };
    match address(text) {
        Some(IpAddr::V4(address)) => v4(address),
        Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(mapped) => v4(mapped),
            None => {
                let mask = u128::MAX.checked_shl(128 - u32::from(v6_bits)).unwrap_or(0);
                Ipv6Addr::from(u128::from(address) & mask).to_string()
            }
        },
        None => MASK.to_owned(),
    }
}

/// The address of a text such as `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80` or `fe80::1%eth0`.
fn address(text: &str) -> Option<IpAddr> {
    let text = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => match text.split_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => text,
        },
    };
    text.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(bits: (u8, u8)) -> Veil {
        Veil::Ip { v4_bits: bits.0, v6_bits: bits.1 }
    }

    fn args(how: How) -> VeilArgs {
        VeilArgs { how, key_file: None, key_env: None, ipv4_bits: None, ipv6_bits: None }
    }

    #[test]
    fn addresses_lose_their_last_bits() {
        let hide = |text: &str| ip((24, 48)).hide(text).unwrap();
        for (text, is) in [
            ("203.0.113.77", "203.0.113.0"),
            ("203.0.113.77:8080", "203.0.113.0"),
            ("2001:db8:1234:5678::1", "2001:db8:1234::"),
            ("[2001:DB8:1234:5678::1]:443", "2001:db8:1234::"),
            ("fe80::1%eth0", "fe80::"),
            ("::ffff:203.0.113.77", "203.0.113.0"),
            ("203.0.113.77, 10.1.2.3,unknown", "203.0.113.0, 10.1.2.0, ***"),
            ("pc17.customer.example", "***"),
            ("", "***"),
        ] {
            assert_eq!(hide(text), is, "{text}");
        }
        assert_eq!(ip((0, 0)).hide("203.0.113.77, 2001:db8::1").unwrap(), "0.0.0.0, ::");
        assert_eq!(ip((32, 128)).hide("203.0.113.77, 2001:db8::1").unwrap(), "203.0.113.77, 2001:db8::1");
    }

    #[test]
    fn a_hash_is_that_of_the_standard() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "0123456789abcdef\n").unwrap();
        let hash = Veil::new(&VeilArgs { key_file: Some("key".into()), ..args(How::Hash) }, dir.path()).unwrap();
        // printf %s alice@shop.example | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(hash.hide("alice@shop.example").as_deref(), Some(HASH));
        assert!(!format!("{hash:?}").contains("0123456789abcdef"));
        assert_eq!(Veil::Mask.hide("x").as_deref(), Some("***"));
        assert_eq!(Veil::Drop.hide("x"), None);
    }

    const HASH: &str = "68f4efa2ef2cde27b95dd806b9d2d7517f98c0a7e21effaf55e1cbeae3fa32dd";

    #[test]
    fn what_makes_no_sense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("short"), "0123456789").unwrap();
        for (wrong, why) in [
            (args(How::Hash), "needs a key"),
            (VeilArgs { key_file: Some("short".into()), ..args(How::Hash) }, "less than 16 bytes"),
            (VeilArgs { key_env: Some("X".into()), ..args(How::Mask) }, "those of how"),
            (VeilArgs { ipv4_bits: Some(24), ..args(How::Hash) }, "those of how"),
            (VeilArgs { ipv4_bits: Some(33), ..args(How::Ip) }, "does not have so many bits"),
        ] {
            let error = Veil::new(&wrong, dir.path()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_address_keeps_its_last_bits(address: u32, wide: u128) {
            let hidden: Ipv4Addr = ip((24, 48)).hide(&Ipv4Addr::from(address).to_string()).unwrap().parse().unwrap();
            prop_assert_eq!(u32::from(hidden), address & 0xffff_ff00);
            let wide = wide | 1 << 127;
            let hidden: Ipv6Addr = ip((24, 48)).hide(&Ipv6Addr::from(wide).to_string()).unwrap().parse().unwrap();
            prop_assert_eq!(u128::from(hidden), wide >> 80 << 80);
        }
    }
}

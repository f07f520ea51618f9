//! Objects as Java serialises them, as far as a keystore holds them: their byte arrays, in order. It refuses classes that
//! write themselves.
//!
//! Source: Java Object Serialization Specification, chapter 6 "Object Serialization Stream Protocol".

use sha1::{Digest as _, Sha1};

use crate::error::{self, Error, Result};

const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const CLASS: u8 = 0x72;
const OBJECT: u8 = 0x73;
const STRING: u8 = 0x74;
const ARRAY: u8 = 0x75;
const END_OF_ANNOTATIONS: u8 = 0x78;
const MAGIC: [u8; 4] = [0xac, 0xed, 0, 5];
/// Number of the first thing that can be referred to.
const FIRST_HANDLE: u32 = 0x7e_0000;
/// Flag of a class that writes more than its fields.
const WRITES_ITSELF: u8 = 0x01;
/// Depth of objects in objects that is followed.
const DEPTH: usize = 16;

/// Bytes taken from the front.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(broken)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| broken())
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn int(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A text with its length in two bytes before it.
    pub(crate) fn text(&mut self) -> Result<String> {
        let length = u16::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }
}

/// Bytes of the digest at the end of a key store.
const DIGEST: usize = 20;

/// A key store of the kinds JKS and JCEKS without the digest at its end, and whether that is one with `password`.
///
/// Source: OpenJDK 17 `sun.security.provider.JavaKeyStore.getPreKeyedHash`.
pub(crate) fn store_body<'f>(file: &'f [u8], password: &str) -> Option<(&'f [u8], bool)> {
    let (body, digest) = file.split_last_chunk::<DIGEST>()?;
    let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let sum = Sha1::new().chain_update(utf16).chain_update("Mighty Aphrodite").chain_update(body).finalize();
    Some((body, sum[..] == digest[..]))
}

/// Steps over a private key and the certificates behind it; `certificate` takes each of those.
pub(crate) fn skip_private_key<T>(
    bytes: &mut Bytes<'_>,
    mut certificate: impl FnMut(&mut Bytes<'_>) -> Result<T>,
) -> Result<()> {
    let length = bytes.int()? as usize;
    bytes.take(length)?;
    for _ in 0..bytes.int()? {
        certificate(bytes)?;
    }
    Ok(())
}

fn broken() -> Error {
    error::data("it is cut short, or not in the form that java writes")
}

#[derive(Clone)]
struct Class {
    name: String,
    /// Type of each field.
    fields: Vec<u8>,
    parent: Option<Box<Class>>,
}

/// Reads one object and returns its byte arrays; what follows it stays in `bytes`.
pub(super) fn byte_arrays<'a>(bytes: &mut Bytes<'a>) -> Result<Vec<&'a [u8]>> {
    if bytes.take(MAGIC.len())? != MAGIC {
        return Err(broken());
    }
    let mut reader = Reader { bytes, handles: Vec::new(), found: Vec::new() };
    reader.object(0)?;
    Ok(reader.found)
}

struct Reader<'r, 'a> {
    bytes: &'r mut Bytes<'a>,
    /// What can be referred to: classes, and other things.
    handles: Vec<Option<Class>>,
    found: Vec<&'a [u8]>,
}

impl Reader<'_, '_> {
    fn object(&mut self, depth: usize) -> Result<()> {
        if depth > DEPTH {
            return Err(broken());
        }
        match self.bytes.byte()? {
            NULL => {}
            REFERENCE => drop(self.bytes.int()?),
            STRING => {
                self.handles.push(None);
                self.bytes.text()?;
            }
            ARRAY => {
                let class = self.class()?.ok_or_else(broken)?;
                self.handles.push(None);
                let length = self.bytes.int()? as usize;
                if class.name != "[B" {
                    return Err(broken());
                }
                let array = self.bytes.take(length)?;
                self.found.push(array);
            }
            OBJECT => {
                let class = self.class()?.ok_or_else(broken)?;
                self.handles.push(None);
                self.fields(&class, depth)?;
            }
            _ => return Err(broken()),
        }
        Ok(())
    }

    /// The fields of a class after those of its parent.
    fn fields(&mut self, class: &Class, depth: usize) -> Result<()> {
        if let Some(parent) = &class.parent {
            self.fields(parent, depth)?;
        }
        for field in &class.fields {
            match field {
                b'B' | b'Z' => drop(self.bytes.take(1)?),
                b'C' | b'S' => drop(self.bytes.take(2)?),
                b'I' | b'F' => drop(self.bytes.take(4)?),
                b'J' | b'D' => drop(self.bytes.take(8)?),
                _ => self.object(depth + 1)?,
            }
        }
        Ok(())
    }

    fn class(&mut self) -> Result<Option<Class>> {
        match self.bytes.byte()? {
            NULL => Ok(None),
            REFERENCE => {
                let handle = self.bytes.int()?.checked_sub(FIRST_HANDLE).ok_or_else(broken)?;
                self.handles.get(handle as usize).cloned().ok_or_else(broken)
            }
            CLASS => {
                let name = self.bytes.text()?;
                self.bytes.take(8)?;
                let place = self.handles.len();
                self.handles.push(None);
                let flags = self.bytes.byte()?;
                let count = self.bytes.take(2)?.iter().fold(0u16, |n, b| n << 8 | u16::from(*b));
                let mut fields = Vec::new();
                for _ in 0..count {
                    let kind = self.bytes.byte()?;
                    self.bytes.text()?;
                    if matches!(kind, b'[' | b'L') {
                        // The name of its type: a text or a reference to one.
                        self.object(DEPTH)?;
                    }
                    fields.push(kind);
                }
                if flags & WRITES_ITSELF != 0 || self.bytes.byte()? != END_OF_ANNOTATIONS {
                    return Err(broken());
                }
                let parent = self.class()?.map(Box::new);
                let class = Class { name, fields, parent };
                self.handles[place] = Some(class.clone());
                Ok(Some(class))
            }
            _ => Err(broken()),
        }
    }
}

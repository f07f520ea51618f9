//! What a Kerberos client needs of GSSAPI: credentials, a context with a server, and the wrapping of what is sent in it.
//!
//! All calls block: the library asks the KDC in them. Nothing here is bound to a thread, but a [`Context`] serves one
//! caller at a time.

#![allow(unsafe_code, reason = "the only library that Kerberos has on every host is one in C")]

mod library;

use std::ffi::{CString, c_int, c_void};
use std::ptr::{null, null_mut};
use std::slice;
use std::time::Duration;

use self::library::{Buffer, Handle, KeyValue, KeyValueSet, Oid, Status, functions};
use crate::error::{self, Result};

const COMPLETE: Status = 0;
const CONTINUE_NEEDED: Status = 1;
/// The bits of a status that are errors; the others are remarks.
const ERRORS: Status = 0xffff_0000;

const INITIATE: c_int = 1;
const INDEFINITE: u32 = u32::MAX;
const MAJOR: c_int = 1;
const MINOR: c_int = 2;

const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const SEQUENCE: u32 = 8;
const CONFIDENTIAL: u32 = 16;
const INTEGRITY: u32 = 32;

/// 1.2.840.113554.1.2.2
const KRB5: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];
/// 1.3.6.1.5.5.2
const SPNEGO: [u8; 6] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.2.840.113554.1.2.2.1, `GSS_KRB5_NT_PRINCIPAL_NAME`.
const PRINCIPAL_NAME: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01];
/// 1.2.840.113554.1.2.1.4, `GSS_C_NT_HOSTBASED_SERVICE`.
const HOST_BASED_SERVICE: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x01, 0x04];

/// How a context is negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// Kerberos itself, as inside SASL.
    Krb5,
    /// Kerberos inside SPNEGO, as HTTP has it.
    Spnego,
}

/// A name in the library's form.
struct Name(Handle);

// SAFETY: the library's handles are plain memory, bound to no thread.
unsafe impl Send for Name {}

impl Name {
    fn import(text: &str, kind: &[u8]) -> Result<Self> {
        let library = functions()?;
        let (buffer, oid) = (borrowed(text.as_bytes()), oid(kind));
        let (mut minor, mut name) = (0, null_mut());
        // SAFETY: both descriptions live through the call, which copies what it keeps.
        let major = unsafe { (library.import_name)(&mut minor, &buffer, &oid, &mut name) };
        checked(major, minor).map_err(|e| e.context(format!("principal {text}")))?;
        Ok(Self(name))
    }

    fn text(&self) -> Result<String> {
        let library = functions()?;
        let (mut minor, mut text) = (0, Owned::empty());
        // SAFETY: the name is alive, the buffer is empty and freed by us.
        let major = unsafe { (library.display_name)(&mut minor, self.0, &mut text.0, null_mut()) };
        checked(major, minor)?;
        Ok(String::from_utf8_lossy(text.bytes()).into_owned())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        release(self.0, |library, minor, name| {
            // SAFETY: the handle is ours and not used afterwards.
            unsafe { (library.release_name)(minor, name) }
        });
    }
}

/// Tickets, or what they can be got with.
pub(crate) struct Credential(Handle);

// SAFETY: as for names.
unsafe impl Send for Credential {}

impl Credential {
    /// Takes those of the default cache, or of a cache named as Kerberos names it, or gets them with a keytab into a
    /// cache. Tickets in a cache that a keytab stands behind are got anew by the library when half of their life is over.
    ///
    /// # Errors
    /// Config: no library, or a name with a NUL. Auth: no tickets, or the KDC gives none; in the library's words.
    pub(crate) fn acquire(principal: Option<&str>, cache: Option<&str>, keytab: Option<&str>) -> Result<Self> {
        let library = functions()?;
        let name = principal.map(|principal| Name::import(principal, &PRINCIPAL_NAME)).transpose()?;
        let desired = name.as_ref().map_or(null_mut(), |name| name.0);
        let given: Vec<(&std::ffi::CStr, CString)> = [(c"ccache", cache), (c"client_keytab", keytab)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .map(|(key, value)| CString::new(value).map(|value| (key, value)))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| error::config("the name of a keytab or of a ticket cache holds a NUL byte"))?;
        let elements: Vec<KeyValue> =
            given.iter().map(|(key, value)| KeyValue { key: key.as_ptr(), value: value.as_ptr() }).collect();
        // At most two elements.
        let store = KeyValueSet { count: elements.len() as u32, elements: elements.as_ptr() };
        let (mut minor, mut credential) = (0, null_mut());
        // SAFETY: all that is pointed to lives through the call; what comes back is released by us.
        let major = unsafe {
            (library.acquire_cred_from)(
                &mut minor,
                desired,
                INDEFINITE,
                null(),
                INITIATE,
                // Without a store it is `gss_acquire_cred`.
                if elements.is_empty() { null() } else { &store },
                &mut credential,
                null_mut(),
                null_mut(),
            )
        };
        checked(major, minor)?;
        Ok(Self(credential))
    }

    /// Whose tickets they are, and for how long they hold. Gets them from the KDC, if a keytab stands behind them.
    ///
    /// # Errors
    /// As for [`acquire`](Self::acquire).
    pub(crate) fn inquire(&self) -> Result<(String, Duration)> {
        let library = functions()?;
        let (mut minor, mut name, mut seconds) = (0, Name(null_mut()), 0);
        // SAFETY: the credential is alive; the name is ours from here on.
        let major =
            unsafe { (library.inquire_cred)(&mut minor, self.0, &mut name.0, &mut seconds, null_mut(), null_mut()) };
        checked(major, minor)?;
        Ok((name.text()?, Duration::from_secs(seconds.into())))
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        release(self.0, |library, minor, credential| {
            // SAFETY: the handle is ours and not used afterwards.
            unsafe { (library.release_cred)(minor, credential) }
        });
    }
}

/// A conversation with one server, which proves both sides to each other.
pub(crate) struct Context {
    handle: Handle,
    credential: Credential,
    target: Name,
    mechanism: Mechanism,
    complete: bool,
}

// SAFETY: as for names.
unsafe impl Send for Context {}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("mechanism", &self.mechanism).field("complete", &self.complete).finish()
    }
}

impl Context {
    /// Prepares a context with the server of a principal: `service/host@REALM` is taken as it is, `service@host` gets its
    /// realm from the Kerberos configuration.
    ///
    /// # Errors
    /// Config: no library, or not a name.
    pub(crate) fn new(credential: Credential, target: &str, mechanism: Mechanism) -> Result<Self> {
        let kind: &[u8] = if target.contains('/') { &PRINCIPAL_NAME } else { &HOST_BASED_SERVICE };
        let target = Name::import(target, kind)?;
        Ok(Self { handle: null_mut(), credential, target, mechanism, complete: false })
    }

    /// Takes what the server sent, at first nothing, and gives what is to be sent to it, which may be nothing.
    ///
    /// # Errors
    /// Auth: the KDC knows no such server or gives no ticket, or the server's answer is not good.
    pub(crate) fn step(&mut self, from_server: &[u8]) -> Result<Vec<u8>> {
        let library = functions()?;
        let flags = MUTUAL | REPLAY | SEQUENCE | INTEGRITY | if self.is_krb5() { CONFIDENTIAL } else { 0 };
        let mechanism = oid(if self.is_krb5() { &KRB5 } else { &SPNEGO });
        let (input, mut minor, mut output) = (borrowed(from_server), 0, Owned::empty());
        // SAFETY: all that is pointed to lives through the call; the handle is kept and deleted by us.
        let major = unsafe {
            (library.init_sec_context)(
                &mut minor,
                self.credential.0,
                &mut self.handle,
                self.target.0,
                &mechanism,
                flags,
                INDEFINITE,
                null(),
                if from_server.is_empty() { null() } else { &input },
                null_mut(),
                &mut output.0,
                null_mut(),
                null_mut(),
            )
        };
        checked(major, minor)?;
        self.complete = major & CONTINUE_NEEDED == 0;
        Ok(output.bytes().to_vec())
    }

    /// Whether both sides are proved.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Signs a message, or encrypts it as well.
    ///
    /// # Errors
    /// Auth: the context has ended.
    pub(crate) fn wrap(&mut self, message: &[u8], encrypt: bool) -> Result<Vec<u8>> {
        let library = functions()?;
        let (input, mut minor, mut output) = (borrowed(message), 0, Owned::empty());
        // SAFETY: the context is alive, the buffers live through the call.
        let major =
            unsafe { (library.wrap)(&mut minor, self.handle, encrypt.into(), 0, &input, null_mut(), &mut output.0) };
        checked(major, minor)?;
        Ok(output.bytes().to_vec())
    }

    /// Checks a message of the server, and decrypts it if it is encrypted.
    ///
    /// # Errors
    /// Auth: it is not the server's, or was changed.
    pub(crate) fn unwrap(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        let library = functions()?;
        let (input, mut minor, mut output) = (borrowed(message), 0, Owned::empty());
        // SAFETY: as above.
        let major = unsafe { (library.unwrap)(&mut minor, self.handle, &input, &mut output.0, null_mut(), null_mut()) };
        checked(major, minor)?;
        Ok(output.bytes().to_vec())
    }

    fn is_krb5(&self) -> bool {
        self.mechanism == Mechanism::Krb5
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        release(self.handle, |library, minor, context| {
            // SAFETY: the handle is ours and not used afterwards.
            unsafe { (library.delete_sec_context)(minor, context, null_mut()) }
        });
    }
}

/// A buffer that the library filled.
struct Owned(Buffer);

impl Owned {
    fn empty() -> Self {
        Self(Buffer { length: 0, value: null_mut() })
    }

    fn bytes(&self) -> &[u8] {
        if self.0.value.is_null() {
            return &[];
        }
        // SAFETY: the library filled `length` bytes there, and they stay until they are released.
        unsafe { slice::from_raw_parts(self.0.value.cast(), self.0.length) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let (false, Ok(library)) = (self.0.value.is_null(), functions()) {
            let mut minor = 0;
            // SAFETY: the buffer is the library's and not used afterwards.
            unsafe { (library.release_buffer)(&mut minor, &mut self.0) };
        }
    }
}

fn borrowed(bytes: &[u8]) -> Buffer {
    // The library does not write to its input, though its type would let it.
    Buffer { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() }
}

fn oid(bytes: &[u8]) -> Oid {
    // Ours have six to ten bytes.
    Oid { length: bytes.len() as u32, elements: bytes.as_ptr().cast::<c_void>() }
}

/// Gives a handle back, if there is one. What the library says to that helps nobody.
fn release(mut handle: Handle, release: impl FnOnce(&library::Functions, *mut Status, *mut Handle) -> Status) {
    if let (false, Ok(library)) = (handle.is_null(), functions()) {
        let mut minor = 0;
        release(library, &mut minor, &mut handle);
    }
}

fn checked(major: Status, minor: Status) -> Result<()> {
    if major & ERRORS == COMPLETE {
        return Ok(());
    }
    Err(super::fault::of_status((major, minor), &[in_words(major, MAJOR), in_words(minor, MINOR)]))
}

/// What the library calls a status.
fn in_words(status: Status, kind: c_int) -> String {
    let (Ok(library), mut words, mut more) = (functions(), Vec::new(), 0) else { return String::new() };
    loop {
        let (mut minor, mut text) = (0, Owned::empty());
        let mechanism = oid(&KRB5);
        // SAFETY: the buffers live through the call.
        let major = unsafe { (library.display_status)(&mut minor, status, kind, &mechanism, &mut more, &mut text.0) };
        if major != COMPLETE {
            break;
        }
        words.push(String::from_utf8_lossy(text.bytes()).into_owned());
        if more == 0 {
            break;
        }
    }
    words.join("; ")
}

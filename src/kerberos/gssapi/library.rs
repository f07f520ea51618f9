//! The system's GSSAPI library, loaded when it is first needed: a binary without it starts and works on a cluster
//! without Kerberos. Only what a client calls is bound; numbers and layouts are those of RFC 2744 and MIT's
//! `gssapi/gssapi.h` and `gssapi_ext.h` (1.20), which Heimdal's differ from only in names we do not use.

use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

use libloading::Library;

use crate::error::{self, Result};

/// The name on every Linux: MIT krb5 in Debian, Ubuntu, RHEL and SUSE.
const NAME: &str = "libgssapi_krb5.so.2";

pub(super) type Status = u32;

/// `gss_buffer_desc`.
#[repr(C)]
pub(super) struct Buffer {
    pub length: usize,
    pub value: *mut c_void,
}

/// `gss_OID_desc`.
#[repr(C)]
pub(super) struct Oid {
    pub length: u32,
    pub elements: *const c_void,
}

/// `gss_key_value_element_desc`.
#[repr(C)]
pub(super) struct KeyValue {
    pub key: *const c_char,
    pub value: *const c_char,
}

/// `gss_key_value_set_desc`.
#[repr(C)]
pub(super) struct KeyValueSet {
    pub count: u32,
    pub elements: *const KeyValue,
}

/// `gss_name_t`, `gss_cred_id_t`, `gss_ctx_id_t`: pointers to structures that only the library knows.
pub(super) type Handle = *mut c_void;

type Release = unsafe extern "C" fn(*mut Status, *mut Handle) -> Status;

/// The functions, by their names without `gss_`.
pub(super) struct Functions {
    pub import_name: unsafe extern "C" fn(*mut Status, *const Buffer, *const Oid, *mut Handle) -> Status,
    pub display_name: unsafe extern "C" fn(*mut Status, Handle, *mut Buffer, *mut *const Oid) -> Status,
    pub release_name: Release,
    pub release_cred: Release,
    pub release_buffer: unsafe extern "C" fn(*mut Status, *mut Buffer) -> Status,
    #[allow(clippy::type_complexity, reason = "the signature is the library's")]
    pub acquire_cred_from: unsafe extern "C" fn(
        *mut Status,
        Handle,
        u32,
        *const c_void,
        c_int,
        *const KeyValueSet,
        *mut Handle,
        *mut *const c_void,
        *mut u32,
    ) -> Status,
    pub inquire_cred:
        unsafe extern "C" fn(*mut Status, Handle, *mut Handle, *mut u32, *mut c_int, *mut *const c_void) -> Status,
    #[allow(clippy::type_complexity, reason = "the signature is the library's")]
    pub init_sec_context: unsafe extern "C" fn(
        *mut Status,
        Handle,
        *mut Handle,
        Handle,
        *const Oid,
        u32,
        u32,
        *const c_void,
        *const Buffer,
        *mut *const Oid,
        *mut Buffer,
        *mut u32,
        *mut u32,
    ) -> Status,
    pub delete_sec_context: unsafe extern "C" fn(*mut Status, *mut Handle, *mut Buffer) -> Status,
    pub wrap: unsafe extern "C" fn(*mut Status, Handle, c_int, u32, *const Buffer, *mut c_int, *mut Buffer) -> Status,
    pub unwrap: unsafe extern "C" fn(*mut Status, Handle, *const Buffer, *mut Buffer, *mut c_int, *mut u32) -> Status,
    pub display_status: unsafe extern "C" fn(*mut Status, Status, c_int, *const Oid, *mut u32, *mut Buffer) -> Status,
    /// Keeps the functions loaded.
    _library: Library,
}

impl Functions {
    fn load() -> std::result::Result<Self, libloading::Error> {
        // SAFETY: the library has no initialisers that depend on us, and each signature is the one of its headers.
        unsafe {
            let library = Library::new(NAME)?;
            Ok(Self {
                import_name: *library.get(c"gss_import_name")?,
                display_name: *library.get(c"gss_display_name")?,
                release_name: *library.get(c"gss_release_name")?,
                release_cred: *library.get(c"gss_release_cred")?,
                release_buffer: *library.get(c"gss_release_buffer")?,
                acquire_cred_from: *library.get(c"gss_acquire_cred_from")?,
                inquire_cred: *library.get(c"gss_inquire_cred")?,
                init_sec_context: *library.get(c"gss_init_sec_context")?,
                delete_sec_context: *library.get(c"gss_delete_sec_context")?,
                wrap: *library.get(c"gss_wrap")?,
                unwrap: *library.get(c"gss_unwrap")?,
                display_status: *library.get(c"gss_display_status")?,
                _library: library,
            })
        }
    }
}

/// The library, loaded now if it was not before.
///
/// # Errors
/// Config: there is none on this host.
pub(super) fn functions() -> Result<&'static Functions> {
    static LOADED: OnceLock<std::result::Result<Functions, String>> = OnceLock::new();
    LOADED.get_or_init(|| Functions::load().map_err(|e| e.to_string())).as_ref().map_err(|why| {
        error::config(format!("kerberos is asked for, but {NAME} cannot be loaded"))
            .source(why.clone())
            .hint("install it: apt-get install libgssapi-krb5-2, or yum install krb5-libs")
    })
}

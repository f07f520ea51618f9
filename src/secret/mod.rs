//! Secrets: read from a file, the environment, a terminal, a Hadoop credential file or a MySQL option file; never printed,
//! never saved, and taken out of URLs that hold one.

pub(crate) mod java;
mod jceks;
pub(crate) mod option_file;
mod source;
mod url;
mod value;

pub(crate) use self::jceks::credential;
pub(crate) use self::source::{SecretSource, with_password_source};
pub(crate) use self::url::{is_in_url, masked, split as split_url};
pub(crate) use self::value::Secret;

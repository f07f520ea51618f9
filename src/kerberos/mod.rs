//! Kerberos, as a client of Hadoop's servers needs it: whose tickets are used, the principals of servers, and the
//! conversations that prove both sides (`gssapi`). Delegation tokens, which stand in for tickets inside an Oozie action or
//! a YARN container, are read here too.
//!
//! Which server wants Kerberos is the business of the room that speaks to it.

mod cache;
mod clock;
mod credentials;
mod examine;
mod fault;
pub(crate) mod gssapi;
mod keytab;
mod krb5_conf;
mod principal;
mod tokens;

pub use self::credentials::KerberosOptions;
pub(crate) use self::credentials::{Credentials, Ticket};
pub(crate) use self::examine::examine;
pub(crate) use self::fault::remedy;
pub(crate) use self::principal::{canonical_host, server_principal};
pub(crate) use self::tokens::{HDFS_TOKEN, Token, Tokens, VARIABLE};

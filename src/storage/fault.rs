//! What HDFS and the local disk call an error, as our kinds: one table each.

use std::io;

use hdfs_native::HdfsError;

use crate::error::{Error, Kind};
use crate::kerberos;
use crate::net::is_ended;
use crate::policy;

/// Conditions by the class name of the exception that a NameNode sends.
const CLASSES: &[(&str, Kind, Option<&str>)] = &[
    (
        "SafeModeException",
        Kind::Busy,
        Some("the namenode is starting or was put into safe mode: hdfs dfsadmin -safemode get"),
    ),
    ("RetriableException", Kind::Busy, Some("the namenode asks to come back later")),
    (
        "StandbyException",
        Kind::Busy,
        Some("no namenode is active, or this one is the standby: list all in hdfs-site.xml"),
    ),
    ("NotReplicatedYetException", Kind::Busy, None),
    ("AlreadyBeingCreatedException", Kind::Busy, Some("another client is writing this file")),
    ("RecoveryInProgressException", Kind::Busy, None),
    (
        "AccessControlException",
        Kind::Auth,
        Some("the hdfs user lacks permission on this path: choose another user or path"),
    ),
    (
        "AuthorizationException",
        Kind::Auth,
        Some("the cluster does not let this user in: hadoop-policy.xml on its servers"),
    ),
    (
        "SaslException",
        Kind::Auth,
        Some("the server does not take what it was shown: check its principal, the clocks of both hosts, and its log"),
    ),
    ("InvalidToken", Kind::Auth, None),
    ("FileNotFoundException", Kind::NotFound, None),
    ("FileAlreadyExistsException", Kind::Exists, None),
    ("PathIsNotEmptyDirectoryException", Kind::Refused, None),
    ("ParentNotDirectoryException", Kind::Refused, Some("a component of the path is a file")),
    ("NSQuotaExceededException", Kind::Full, Some("the directory's quota of names is used up")),
    ("DSQuotaExceededException", Kind::Full, Some("the directory's quota of space is used up")),
    ("QuotaByStorageTypeExceededException", Kind::Full, Some("the directory's quota of a storage type is used up")),
    ("LeaseExpiredException", Kind::Refused, Some("somebody deleted or took over the file while it was written")),
];

/// What a server with Kerberos says to a client that gives a mere name. Source: Hadoop 3.4 `Server.initializeAuthContext`.
const NOT_BY_NAME: &str = "SIMPLE authentication is not enabled";

/// What a NameNode says that finds no DataNode for a block. Source: Hadoop 3.4 `BlockManager.chooseTarget4NewBlock`; 2.x
/// says `replicated to` in its place.
const NO_NODE: &str = "could only be ";

/// An exception that a node named by its class, met while doing `what`.
pub(super) fn remote(what: &str, class: &str, message: String) -> Error {
    // Over the web the class of a denial is that of what it travelled in.
    if let Some(denial) = policy::denial(&message) {
        return denial.into_error(what);
    }
    if message.contains(NOT_BY_NAME) {
        return Error::new(Kind::Auth, format!("{what}: the cluster wants Kerberos, and nothing here says so")).hint(
            "set hadoop.security.authentication to kerberos in core-site.xml and name its directory (HADOOP_CONF_DIR, \
             config-dir in [hdfs]), or give auth = \"kerberos\" in [hdfs], --hdfs-auth kerberos",
        );
    }
    if message.contains(NO_NODE) {
        return Error::new(Kind::Full, what)
            .source(message)
            .hint("no datanode has room for a block, or those that have are down: hdfs dfsadmin -report");
    }
    let known = CLASSES.iter().find(|(name, ..)| class.ends_with(name) || message.starts_with(*name));
    match known {
        Some((_, kind, Some(hint))) => Error::new(*kind, what).source(message).hint(*hint),
        Some((_, kind, None)) => Error::new(*kind, what).source(message),
        None => Error::new(Kind::Refused, what).source(format!("{class}: {message}")),
    }
}

/// Whether the NameNode refused a call, without doing it, because it is in safe mode or not ready.
pub(super) fn is_safe_mode(error: &HdfsError) -> bool {
    matches!(error, HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _)
        if class.ends_with("SafeModeException") || class.ends_with("RetriableException"))
}

/// Whether a ticket has ended: the library of Kerberos goes on with an old one where it gets no new one.
pub(super) fn is_expired(error: &Error) -> bool {
    error.to_string().contains("expired")
}

/// Whether a NameNode took a call and went away before it answered.
pub(super) fn is_lost_reply(error: &HdfsError) -> bool {
    matches!(error, HdfsError::IOError(e) if e.kind() == io::ErrorKind::ConnectionAborted)
}

/// An error of HDFS met while doing `what`.
pub(super) fn hdfs(what: &str, error: HdfsError) -> Error {
    let plain = |kind: Kind| Error::new(kind, what);
    match error {
        HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) => remote(what, &class, message),
        // The client gives both this exception and its cousin AlreadyBeingCreatedException as this.
        HdfsError::AlreadyExists(message) if message.contains("lease") => {
            plain(Kind::Busy).source(message).hint("another client is writing this file")
        }
        HdfsError::AlreadyExists(message) => plain(Kind::Exists).source(message),
        HdfsError::FileNotFound(path) => plain(Kind::NotFound).source(format!("{path} does not exist")),
        HdfsError::IOError(e) if is_ended(&e) => {
            plain(Kind::Unreachable).source("the server ended the connection before it had answered")
        }
        HdfsError::IOError(e) => plain(Kind::Unreachable).source(e),
        HdfsError::InvalidRPCResponse(_) => plain(Kind::Refused)
            .source("the answer is not one of a namenode")
            .hint("check the port: it is that of dfs.namenode.rpc-address"),
        e @ (HdfsError::DataTransferError(_) | HdfsError::BlocksNotFound(_) | HdfsError::ChecksumError) => {
            plain(Kind::Unreachable).source(e).hint("check the datanodes: hdfs dfsadmin -report")
        }
        HdfsError::OperationFailed(words) if words.starts_with(KEY_SERVER) => key_server(what, words),
        e @ HdfsError::OperationFailed(_) => plain(Kind::Unreachable).source(e),
        HdfsError::GSSAPIError(_, _, words) => {
            let hint = kerberos::remedy(&words);
            plain(Kind::Auth).source(words).hint(hint)
        }
        e @ (HdfsError::SASLError(_) | HdfsError::NoSASLMechanism) => {
            plain(Kind::Auth).source(e).hint("check the kerberos ticket: klist")
        }
        e @ (HdfsError::InvalidPath(_) | HdfsError::InvalidArgument(_) | HdfsError::UrlParseError(_)) => {
            plain(Kind::Config).source(e)
        }
        e => plain(Kind::Refused).source(e),
    }
}

/// How the client's errors about the key server of encryption zones begin.
const KEY_SERVER: &str = "KMS ";

/// What went wrong with the key server, told by the status that it answered with.
fn key_server(what: &str, words: String) -> Error {
    let is = |status: &str| words.contains(&format!("({status}"));
    let (kind, hint) = match () {
        () if is("403") => (Kind::Auth, "let this user use the zone's key: kms-acls.xml of the key server"),
        () if is("401") || words.contains("SPNEGO") => {
            (Kind::Auth, "check the kerberos ticket, and the key server's principal")
        }
        () if is("404") => {
            (Kind::NotFound, "check hadoop.security.key.provider.path, and that the key is there: hadoop key list")
        }
        () => (
            Kind::Unreachable,
            "check hadoop.security.key.provider.path, that the key server runs there, and over https that this host knows \
             the authority of its certificate",
        ),
    };
    Error::new(kind, what).source(no_answer(&words).unwrap_or(words)).hint(hint)
}

/// Which key server gave no answer. The client's words say so by its own doings, and hold the whole URL, in which a token
/// may be.
fn no_answer(words: &str) -> Option<String> {
    let (_, url) = words.split_once("for url (")?;
    let url = url::Url::parse(url.split(')').next().unwrap_or_default()).ok()?;
    let host = url.host_str().unwrap_or_default();
    Some(format!("no answer from the key server at {host}:{}", url.port_or_known_default().unwrap_or_default()))
}

/// An error of the local disk met while doing `what`.
pub(super) fn local(what: &str, error: io::Error) -> Error {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::NotFound => (Kind::NotFound, None),
        io::ErrorKind::AlreadyExists => (Kind::Exists, None),
        io::ErrorKind::PermissionDenied => (Kind::Auth, None),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (Kind::Full, Some("make room on that disk, or raise the quota"))
        }
        _ => (Kind::Refused, None),
    };
    let error = Error::new(kind, what).source(error);
    hint.into_iter().fold(error, Error::hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_become_conditions() {
        let kind = |class: &str, message: &str| hdfs("x", HdfsError::RPCError(class.into(), message.into())).kind();
        assert_eq!(kind("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "in safe mode"), Kind::Busy);
        assert_eq!(kind("org.apache.hadoop.security.AccessControlException", "denied"), Kind::Auth);
        let class = "org.apache.ranger.authorization.hadoop.exceptions.RangerAccessControlException";
        let denied = "Permission denied: user=etl, access=WRITE, inode=\"/shop\"".to_owned();
        let denied = hdfs("x", HdfsError::RPCError(class.into(), denied));
        assert!(denied.kind() == Kind::Auth && denied.remedy().unwrap().contains("Ranger"), "{denied}");
        assert_eq!(kind("java.io.FileNotFoundException", "gone"), Kind::NotFound);
        assert_eq!(kind("org.apache.hadoop.fs.PathIsNotEmptyDirectoryException", "full"), Kind::Refused);
        assert_eq!(kind("java.io.IOException", "who knows"), Kind::Refused);
        let quotas = "org.apache.hadoop.hdfs.protocol.";
        for class in ["NSQuotaExceededException", "DSQuotaExceededException", "QuotaByStorageTypeExceededException"] {
            assert_eq!(kind(&format!("{quotas}{class}"), "used up"), Kind::Full, "{class}");
        }
        for words in
            ["written to 0 of the 1 minReplication nodes", "replicated to 0 nodes instead of minReplication (=1)"]
        {
            assert_eq!(kind("java.io.IOException", &format!("File /f could only be {words}.")), Kind::Full, "{words}");
        }
        assert_eq!(local("x", io::ErrorKind::StorageFull.into()).kind(), Kind::Full);
        let keys = |words: &str| hdfs("x", HdfsError::OperationFailed(words.into()));
        let forbidden = keys("KMS request failed (403 Forbidden): AuthorizationException User:u not allowed");
        assert!(forbidden.kind() == Kind::Auth && forbidden.remedy().is_some_and(|hint| hint.contains("kms-acls.xml")));
        let secret = "KMS HTTP error: error sending request for url (http://kms:9600/kms/v1/keyversion/k/_eek?delegation=SECRET)";
        assert_eq!(keys(secret).to_string(), "x: no answer from the key server at kms:9600");
        assert_eq!(keys(secret).kind(), Kind::Unreachable);
        for class in ["org.apache.hadoop.security.AccessControlException", "AuthorizationException"] {
            let proxy = hdfs(
                "x",
                HdfsError::FatalRPCError(class.into(), "User: etl@R is not allowed to impersonate ann".into()),
            );
            assert!(proxy.remedy().unwrap().contains("hadoop.proxyuser.etl.groups"), "{proxy}");
        }
        let class = "org.apache.hadoop.security.AccessControlException";
        let open = remote("x", class, "SIMPLE authentication is not enabled.  Available:[TOKEN, KERBEROS]".into());
        assert!(open.remedy().unwrap().contains("hadoop.security.authentication"), "{open}");
        let ended = hdfs("x", HdfsError::IOError(io::Error::new(io::ErrorKind::UnexpectedEof, "early eof")));
        assert_eq!(ended.to_string(), "x: the server ended the connection before it had answered");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(hdfs("x", HdfsError::IOError(refused)).kind(), Kind::Unreachable);
        assert_eq!(hdfs("x", HdfsError::AlreadyExists("a".into())).kind(), Kind::Exists);
        assert_eq!(hdfs("x", HdfsError::AlreadyExists("lease held".into())).kind(), Kind::Busy);
    }
}

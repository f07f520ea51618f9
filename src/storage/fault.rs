//! What HDFS and the local disk call an error, as our kinds: one table each.

use std::io;

use hdfs_native::HdfsError;

use crate::error::{Error, Kind};

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
    ("AuthorizationException", Kind::Auth, Some("the cluster does not let this user act as the other one")),
    ("InvalidToken", Kind::Auth, None),
    ("FileNotFoundException", Kind::NotFound, None),
    ("FileAlreadyExistsException", Kind::Exists, None),
    ("PathIsNotEmptyDirectoryException", Kind::Refused, None),
    ("ParentNotDirectoryException", Kind::Refused, Some("a component of the path is a file")),
    ("NSQuotaExceededException", Kind::Refused, Some("the directory's quota of names is used up")),
    ("DSQuotaExceededException", Kind::Refused, Some("the directory's quota of space is used up")),
    ("LeaseExpiredException", Kind::Refused, Some("somebody deleted or took over the file while it was written")),
];

/// An exception that a node named by its class, met while doing `what`.
pub(super) fn remote(what: &str, class: &str, message: String) -> Error {
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
        HdfsError::IOError(e) => plain(Kind::Unreachable).source(e),
        e @ (HdfsError::DataTransferError(_) | HdfsError::BlocksNotFound(_) | HdfsError::ChecksumError) => {
            plain(Kind::Unreachable).source(e).hint("check the datanodes: hdfs dfsadmin -report")
        }
        e @ HdfsError::OperationFailed(_) => plain(Kind::Unreachable).source(e),
        e @ (HdfsError::SASLError(_) | HdfsError::GSSAPIError(..) | HdfsError::NoSASLMechanism) => {
            plain(Kind::Auth).source(e).hint("check the kerberos ticket: klist")
        }
        e @ (HdfsError::InvalidPath(_) | HdfsError::InvalidArgument(_) | HdfsError::UrlParseError(_)) => {
            plain(Kind::Config).source(e)
        }
        e => plain(Kind::Refused).source(e),
    }
}

/// An error of the local disk met while doing `what`.
pub(super) fn local(what: &str, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => Kind::NotFound,
        io::ErrorKind::AlreadyExists => Kind::Exists,
        io::ErrorKind::PermissionDenied => Kind::Auth,
        _ => Kind::Refused,
    };
    Error::new(kind, what).source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_become_conditions() {
        let kind = |class: &str, message: &str| hdfs("x", HdfsError::RPCError(class.into(), message.into())).kind();
        assert_eq!(kind("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "in safe mode"), Kind::Busy);
        assert_eq!(kind("org.apache.hadoop.security.AccessControlException", "denied"), Kind::Auth);
        assert_eq!(kind("java.io.FileNotFoundException", "gone"), Kind::NotFound);
        assert_eq!(kind("org.apache.hadoop.fs.PathIsNotEmptyDirectoryException", "full"), Kind::Refused);
        assert_eq!(kind("java.io.IOException", "who knows"), Kind::Refused);
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(hdfs("x", HdfsError::IOError(refused)).kind(), Kind::Unreachable);
        assert_eq!(hdfs("x", HdfsError::AlreadyExists("a".into())).kind(), Kind::Exists);
        assert_eq!(hdfs("x", HdfsError::AlreadyExists("lease held".into())).kind(), Kind::Busy);
    }
}

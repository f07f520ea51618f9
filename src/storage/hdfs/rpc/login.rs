//! Which of a NameNode's ways in is taken, and why one that failed did: the NameNode says the principal that it has before
//! anybody logs in.

use super::messages::Auth;
use crate::error::{self, Error, Kind, Result};
use crate::kerberos::server_principal;
use crate::net::login::Login;

/// The service of NameNodes, where no principal is set.
pub(in crate::storage::hdfs) const DEFAULT_SERVICE: &str = "hdfs";
/// The setting of the principal of NameNodes.
pub(in crate::storage::hdfs) const PRINCIPAL: &str = "dfs.namenode.kerberos.principal";

/// The way in that fits what we have.
pub(super) fn choose<'a>(login: &Login, offered: &'a [Auth]) -> Result<&'a Auth> {
    let method = if matches!(login, Login::Token { .. }) { "TOKEN" } else { "KERBEROS" };
    offered.iter().find(|auth| auth.method == method).ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|auth| auth.method.as_str()).collect();
        let hint = match (method, names.contains(&"KERBEROS")) {
            ("TOKEN", true) => "use a ticket: the variable HADOOP_TOKEN_FILE_LOCATION names the token",
            _ => "it is an open cluster: set hadoop.security.authentication to simple in core-site.xml, or auth = \"none\" in [hdfs]",
        };
        error::auth(format!("the namenode lets nobody in by {method}, it offers {}", names.join(", "))).hint(hint)
    })
}

/// Names the principal that was asked for and the one that the NameNode says it has, where these are not the same: that
/// is why a login fails, whoever says no, the KDC that does not know the one or the NameNode that has no key of it.
pub(super) fn other_principal(error: Error, configured: &str, host: &str, theirs: &str) -> Error {
    let ours = match configured.contains('/') {
        // What is wrong with its form has its own text.
        true => match server_principal(configured, host) {
            Ok(ours) => ours,
            Err(_) => return error,
        },
        false => format!("{configured}/{}", host.to_lowercase()),
    };
    let ours = ours.split('@').next().unwrap_or_default();
    if error.kind() != Kind::Auth || ours.eq_ignore_ascii_case(theirs) {
        return error;
    }
    let set = if configured == DEFAULT_SERVICE { "is not set".to_owned() } else { format!("is {configured}") };
    let service = theirs.split('/').next().unwrap_or_default();
    error.context(format!("the namenode says that it is {theirs}, and was asked for as {ours}")).hint(format!(
        "{PRINCIPAL} {set}: make it {service}/_HOST@REALM or {theirs}@REALM in hdfs-site.xml, or as principal in [hdfs]"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_that_is_not_the_namenodes_is_told_with_the_right_one() {
        const HOST: &str = "nn.invalid";
        let told = |configured: &str, theirs: &str| {
            other_principal(error::auth("kerberos").hint("as it was"), configured, HOST, theirs)
        };
        for right in ["hdfs/_HOST@R", "hdfs/nn.invalid@R", "hdfs"] {
            assert_eq!(told(right, "hdfs/nn.invalid").remedy(), Some("as it was"), "{right}");
        }
        let wrong = told("nn/_HOST@R", "hdfs/nn.invalid");
        assert!(
            wrong.to_string().starts_with("the namenode says that it is hdfs/nn.invalid, and was asked for as nn/")
        );
        assert!(
            wrong.remedy().unwrap().starts_with("dfs.namenode.kerberos.principal is nn/_HOST@R: make it hdfs/_HOST")
        );
        let unset = told("hdfs", "nn/nn.invalid");
        assert!(unset.remedy().unwrap().starts_with("dfs.namenode.kerberos.principal is not set: make it nn/_HOST"));
        let away = other_principal(error::unreachable("gone").hint("as it was"), "nn/_HOST@R", HOST, "hdfs/nn.invalid");
        assert_eq!(away.remedy(), Some("as it was"));
    }
}

//! Denials by a policy: whose policy it was, who was denied what, and where it is to be changed. Clusters keep their rights
//! in Ranger, Sentry or Hive itself, and each has a text of its own, which travels through exceptions of all servers; so
//! does the text of Hadoop's own rule about who may act as whom.
//!
//! Source of the texts: Ranger 2 `RangerHiveAuthorizer`, `RangerAccessControlEnforcer`, `RangerAuthorizationCoprocessor`;
//! Sentry 2 `HiveAuthzBinding`, `HiveAuthzBindingHook`, `DefaultSentryValidator`; Hive 4 `SQLAuthorizationUtils`; HBase 2.6
//! `AccessChecker`; Hadoop 3.4 `DefaultImpersonationProvider`. HDFS' own permissions have an owner and a mode behind the path; a policy of Ranger has none.

use crate::error::{Error, Kind};

/// A denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// Who declined, and the server's words in one line.
    pub said: String,
    /// Who has to give what to whom.
    pub remedy: String,
}

impl Denial {
    /// The error of an act that was denied.
    pub(crate) fn into_error(self, act: &str) -> Error {
        Error::new(Kind::Auth, act).source(self.said).hint(self.remedy)
    }
}

/// The denial that a server's text tells of, if it does.
pub(crate) fn denial(text: &str) -> Option<Denial> {
    [impersonation, ranger, ranger_hdfs, sentry, hive, hbase].iter().find_map(|known| known(text))
}

/// `User: U is not allowed to impersonate V`, or `Unauthorized connection for super-user: U from IP A`, where U is a
/// principal or the short name of one.
fn impersonation(text: &str) -> Option<Denial> {
    // HiveServer2 tells neither rule nor address.
    if let Some(words) = from(text, "Failed to validate proxy privilege of ").map(first_line)
        && from(text, "Unauthorized connection for super-user: ").is_none()
    {
        let (who, whom) = words.trim_start_matches("Failed to validate proxy privilege of ").split_once(" for ")?;
        return Some(not_allowed(words, who, Some(whom), None));
    }
    let by_host = from(text, "Unauthorized connection for super-user: ");
    let words = first_line(by_host.or_else(|| from(text, "User: ").filter(|words| words.contains(IMPERSONATE)))?);
    let (who, whom, host) = match by_host {
        Some(_) => (between(words, "super-user: ", " from IP ")?, None, words.rsplit_once(' ').map(|(_, host)| host)),
        None => (between(words, "User: ", IMPERSONATE)?, words.split_once(IMPERSONATE).map(|(_, whom)| whom), None),
    };
    Some(not_allowed(words, who, whom, host))
}

/// The denial of `who` acting as `whom`.
fn not_allowed(words: &str, who: &str, whom: Option<&str>, host: Option<&str>) -> Denial {
    let whom = whom.and_then(|whom| whom.split(['/', '@', ' ', ')', ',', ';', ':', '"']).next()).unwrap_or("the user");
    Denial { said: words.to_owned(), remedy: let_act_as(who, whom, host) }
}

/// What has to be set so that `who`, who logs in from `host`, or from here, may act as `whom`: the one rule that all servers
/// of a cluster have. The settings are named by what the server makes of the principal, mostly its first part.
pub(crate) fn let_act_as(who: &str, whom: &str, host: Option<&str>) -> String {
    let name = who.split(['/', '@', ' ']).next().unwrap_or(who);
    let host = host.map_or("this host".to_owned(), |host| format!("this host ({host})"));
    format!(
        "in the core-site.xml of that server let hadoop.proxyuser.{name}.hosts have {host}, and \
         hadoop.proxyuser.{name}.groups a group of {whom}; * has all"
    )
}

const IMPERSONATE: &str = " is not allowed to impersonate ";

/// `Permission denied: user [U] does not have [P] privilege on [R]`, or `.. privilege for [OPERATION] command`.
fn ranger(text: &str) -> Option<Denial> {
    let words = from(text, "Permission denied: user [")?;
    let user = between(words, "user [", "]")?;
    let (right, on) = match (between(words, "does not have [", "]"), between(words, "privilege on [", "]")) {
        (Some(right), Some(resource)) => (right, resource),
        _ => (between(words, "privilege for [", "]")?, "it"),
    };
    Some(Denial {
        said: format!("a policy of Ranger declines it: {}", first_line(words)),
        remedy: format!("let the policies of Ranger give {user} the right {right} on {on}"),
    })
}

/// `Permission denied: user=U, access=A, inode="R"`, with nothing behind it.
fn ranger_hdfs(text: &str) -> Option<Denial> {
    let words = first_line(from(text, "Permission denied: user=")?);
    let resource = between(words, "inode=\"", "\"")?;
    let (_, behind) = words.split_once(&format!("inode=\"{resource}\""))?;
    if behind.starts_with(':') {
        return None;
    }
    let (user, right) = (between(words, "user=", ",")?, between(words, "access=", ",")?);
    Some(Denial {
        said: format!("a policy of Ranger declines it: {words}"),
        remedy: format!("let the policies of Ranger give {user} the right {right} on {resource}"),
    })
}

/// `No valid privileges`, with the user and the privileges on lines of their own; a metastore sends the user's alone.
fn sentry(text: &str) -> Option<Denial> {
    let user = between(text, "User ", " does not have privileges for ");
    let needed =
        between(text, "equired privileges: ", "\n").or(between(text, "equired privileges for this query: ", "\n"));
    if user.is_none() && !text.contains("No valid privileges") {
        return None;
    }
    let operation =
        text.split_once("does not have privileges for ").and_then(|(_, rest)| rest.split_whitespace().next());
    let who = user.map_or("the user".to_owned(), |user| format!("user {user}"));
    let what = operation.map_or("for this".to_owned(), |operation| format!("for {operation}"));
    let needed = needed.map(|list| list.trim().trim_end_matches(';')).filter(|list| !list.is_empty());
    Some(Denial {
        said: match needed {
            Some(needed) => format!("Sentry declines it: {who} does not have the privileges {what}: {needed}"),
            None => format!("Sentry declines it: {who} does not have the privileges {what}"),
        },
        remedy: match needed {
            Some(needed) => format!("let a role of {who} in Sentry have {needed}"),
            None => format!("let a role of {who} in Sentry have what the statement needs"),
        },
    })
}

/// `Permission denied: Principal [name=U, type=USER] does not have following privileges for operation O [[P] on Object
/// [type=T, name=R], ..]`.
fn hive(text: &str) -> Option<Denial> {
    let words = first_line(from(text, "Permission denied: Principal [name=")?);
    let user = between(words, "[name=", ",")?;
    let (right, resource) = (between(words, "[[", "]"), between(words, "on Object [", "]"));
    let resource = resource.and_then(|object| object.split_once("name=")).map(|(_, name)| name);
    Some(Denial {
        said: format!("Hive's authorization declines it: {words}"),
        remedy: match (right, resource) {
            (Some(right), Some(resource)) => format!("let {user} have {right} on {resource}: GRANT in beeline"),
            _ => format!("let {user} have the rights: GRANT in beeline"),
        },
    })
}

/// `AccessDeniedException: Insufficient permissions ..`, of HBase itself and of Ranger in its place.
fn hbase(text: &str) -> Option<Denial> {
    let words = first_line(from(text, "Insufficient permissions ")?);
    // HBase itself names a scope, Ranger the user first.
    let by_ranger = words.contains("for user");
    let user = between(words, "user=", ",").or(between(words, "for user '", "'")).or(between(words, "for user ‘", "'"));
    let who = user.map_or("the user", |user| user.split('@').next().unwrap_or(user));
    Some(Denial {
        said: format!("{} it: {words}", if by_ranger { "a policy of Ranger declines" } else { "HBase declines" }),
        remedy: match by_ranger {
            true => format!("let the policies of Ranger give {who} the right"),
            false => format!("grant {who} the right in the hbase shell: grant '{who}', 'RWC', 'TABLE'"),
        },
    })
}

/// The text from where it says something.
fn from<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.find(start).map(|at| &text[at..])
}

/// What stands between two marks; to the end where the second is missing and is a line's end.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    match rest.split_once(after) {
        Some((found, _)) => Some(found),
        None => (after == "\n").then_some(rest),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who declined, and what the remedy names.
    fn check(text: &str, by: &str, remedy: &str) {
        let denial = denial(text).unwrap_or_else(|| panic!("not understood: {text}"));
        assert!(denial.said.starts_with(by), "{denial:?}");
        assert_eq!(denial.remedy, remedy);
        assert_eq!(denial.said.lines().count(), 1, "{denial:?}");
    }

    #[test]
    fn denials_of_ranger_name_user_right_and_resource() {
        check(
            "Error while compiling statement: FAILED: HiveAccessControlException Permission denied: user [etl] does not have \
             [SELECT] privilege on [shop/orders/*]",
            "a policy of Ranger declines it: Permission denied: user [etl]",
            "let the policies of Ranger give etl the right SELECT on shop/orders/*",
        );
        check(
            "Permission denied: user [etl] does not have privilege for [ALTERTABLE_OWNER] command",
            "a policy of Ranger",
            "let the policies of Ranger give etl the right ALTERTABLE_OWNER on it",
        );
        check(
            "Permission denied: user=etl, access=WRITE, inode=\"/warehouse/shop\"\n\tat org.apache.ranger.x",
            "a policy of Ranger",
            "let the policies of Ranger give etl the right WRITE on /warehouse/shop",
        );
        check(
            "org.apache.hadoop.hbase.security.AccessDeniedException: Insufficient permissions for user ‘etl',action: put, \
             tableName:customer_360, family:p.",
            "a policy of Ranger",
            "let the policies of Ranger give etl the right",
        );
    }

    #[test]
    fn denials_of_sentry_name_user_and_privileges() {
        check(
            "Error while compiling statement: FAILED: SemanticException No valid privileges\n User etl does not have \
             privileges for QUERY\n The required privileges: Server=server1->Db=shop->Table=orders->action=select;",
            "Sentry declines it: user etl does not have the privileges for QUERY: Server=server1->Db=shop",
            "let a role of user etl in Sentry have Server=server1->Db=shop->Table=orders->action=select",
        );
        check(
            "FAILED: HiveAccessControlException No valid privileges\n Required privileges for this query: \
             Server=server1->Db=shop->action=create;",
            "Sentry declines it: the user does not have",
            "let a role of the user in Sentry have Server=server1->Db=shop->action=create",
        );
        check(
            "User etl does not have privileges for CREATETABLE",
            "Sentry declines it: user etl",
            "let a role of user etl in Sentry have what the statement needs",
        );
    }

    #[test]
    fn denials_of_hive_and_hbase_name_who_may_grant() {
        check(
            "FAILED: HiveAccessControlException Permission denied: Principal [name=etl, type=USER] does not have following \
             privileges for operation QUERY [[SELECT] on Object [type=TABLE_OR_VIEW, name=shop.orders]]",
            "Hive's authorization declines it: Permission denied: Principal [name=etl, type=USER]",
            "let etl have SELECT on shop.orders: GRANT in beeline",
        );
        check(
            "org.apache.hadoop.hbase.security.AccessDeniedException: Insufficient permissions (user=nobody1@SAKIA.TEST, \
             scope=default:t, params=[table=default:t,],action=CREATE)",
            "HBase declines it",
            "grant nobody1 the right in the hbase shell: grant 'nobody1', 'RWC', 'TABLE'",
        );
    }

    #[test]
    fn who_may_not_act_as_another_is_told_the_servers_settings() {
        check(
            "User: etl@SAKIA.TEST is not allowed to impersonate analyst",
            "User: etl@SAKIA.TEST is not allowed to impersonate analyst",
            "in the core-site.xml of that server let hadoop.proxyuser.etl.hosts have this host, and \
             hadoop.proxyuser.etl.groups a group of analyst; * has all",
        );
        check(
            "Failed to validate proxy privilege of etl for analyst",
            "Failed to validate proxy privilege of etl for analyst",
            "in the core-site.xml of that server let hadoop.proxyuser.etl.hosts have this host, and \
             hadoop.proxyuser.etl.groups a group of analyst; * has all",
        );
        check(
            "Failed to validate proxy privilege of oozie for ann: Unauthorized connection for super-user: oozie from IP 10.0.0.7\n\tat x",
            "Unauthorized connection for super-user: oozie",
            "in the core-site.xml of that server let hadoop.proxyuser.oozie.hosts have this host (10.0.0.7), and \
             hadoop.proxyuser.oozie.groups a group of the user; * has all",
        );
    }

    #[test]
    fn permissions_of_hdfs_are_not_a_policy() {
        let text = "Permission denied: user=etl, access=WRITE, inode=\"/user/hive\":hive:hive:drwxr-xr-x";
        assert_eq!(denial(text), None);
        assert_eq!(denial("Table not found"), None);
    }
}

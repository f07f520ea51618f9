//! Whether an account may read every column of every table of a database, so far as its grants say so at once. Where they
//! do not, each table is asked.

/// Whether one of the grants, as `SHOW GRANTS` prints them, is of all columns. A server that revokes parts of a grant (MySQL's
/// `partial_revokes`) prints that as a REVOKE: then nothing is known.
pub(super) fn select_all(grants: &[String], database: &str) -> bool {
    !grants.iter().any(|grant| grant.starts_with("REVOKE")) && grants.iter().any(|grant| selects(grant, database))
}

fn selects(grant: &str, database: &str) -> bool {
    let Some((privileges, rest)) = grant.strip_prefix("GRANT ").and_then(|grant| grant.split_once(" ON ")) else {
        return false;
    };
    let Some((object, _)) = rest.split_once(" TO ") else { return false };
    let reads = privileges.split(", ").any(|one| matches!(one, "SELECT" | "ALL PRIVILEGES"));
    reads && (object == "*.*" || object.strip_suffix(".*").is_some_and(|name| is_of(name, database)))
}

/// Whether a quoted name is that of the database, and not a pattern for it: patterns are not needed to be right.
fn is_of(quoted: &str, database: &str) -> bool {
    let Some(name) = quoted.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { return false };
    // Of names with wildcards only those are taken that mean themselves.
    let escaped = database.replace('_', "\\_").replace('%', "\\%");
    name == escaped || (name == database && !database.contains('%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_of_all_columns_are_told_from_others() {
        for (grants, all) in [
            (&["GRANT ALL PRIVILEGES ON *.* TO `shop`@`%` IDENTIFIED BY PASSWORD '*00'"][..], true),
            (&["GRANT USAGE ON *.* TO `a`@`%`", "GRANT SELECT, INSERT ON `my_shop`.* TO `a`@`%`"], true),
            (&["GRANT SELECT ON `my\\_shop`.* TO `a`@`%`"], true),
            (&["GRANT SELECT ON `my%`.* TO `a`@`%`"], false),
            (&["GRANT SELECT ON `other`.* TO `a`@`%`"], false),
            (&["GRANT INSERT ON `my_shop`.* TO `a`@`%`"], false),
            (&["GRANT SELECT (id, name) ON `my_shop`.`t` TO `a`@`%`"], false),
            (&["GRANT SELECT ON `my_shop`.`t` TO `a`@`%`"], false),
            (&["GRANT `role` TO `a`@`%`"], false),
            (&["GRANT SELECT ON *.* TO `a`@`%`", "REVOKE SELECT ON `my_shop`.* FROM `a`@`%`"], false),
            (&[], false),
        ] {
            let grants: Vec<String> = grants.iter().map(|grant| (*grant).to_owned()).collect();
            assert_eq!(select_all(&grants, "my_shop"), all, "{grants:?}");
        }
    }
}

//! Values of addresses that are a closed set of words, as Hive's own driver knows them: it takes another one for the default,
//! and a cluster is then spoken to in another way than somebody meant.

use crate::config::nearest;
use crate::error::{self, Error, Result};

/// The known value that a text is, in any case; `what` names the setting.
///
/// # Errors
/// Config: none of them. The text ends with what is known, for those whose hints are replaced.
pub(crate) fn known_value<'k>(what: &str, value: &str, known: &[&'k str]) -> Result<&'k str> {
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(value.trim()));
    found.copied().ok_or_else(|| unknown(what, value, known))
}

fn unknown(what: &str, value: &str, known: &[&str]) -> Error {
    let typed = value.to_ascii_lowercase();
    let lower: Vec<String> = known.iter().map(|known| known.to_ascii_lowercase()).collect();
    let near = nearest(&typed, &lower.iter().map(String::as_str).collect::<Vec<_>>());
    let near = near.and_then(|near| known.iter().find(|known| known.eq_ignore_ascii_case(near)));
    let failed = error::config(format!("{what} is `{value}`, known are {}", known.join(", ")));
    match near {
        Some(near) => failed.hint(format!("did you mean `{near}`?")),
        None => failed.hint("correct it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_an_error_that_says_what_is() {
        let known = ["none", "zooKeeper"];
        let error = known_value("mode of the url", "zookeper", &known).unwrap_err();
        assert_eq!(error.to_string(), "mode of the url is `zookeper`, known are none, zooKeeper");
        assert_eq!(error.remedy(), Some("did you mean `zooKeeper`?"));
        assert_eq!(known_value("mode", "ZOOKEEPER", &known).unwrap(), "zooKeeper");
    }
}

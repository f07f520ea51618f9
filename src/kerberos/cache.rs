//! Where tickets are kept: what is wrong with a cache of which the library says only that it has none.

use std::path::Path;

use crate::error::{self, Error};

const VARIABLE: &str = "KRB5CCNAME";

/// The cache that the environment names.
pub(super) fn by_environment() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|name| !name.is_empty())
}

/// What keeps tickets from a cache, given by its name or by the environment, where that can be seen from here.
pub(super) fn fault(name: Option<&str>) -> Option<Error> {
    let name = name.map(str::to_owned).or_else(by_environment)?;
    // Without a kind it is a file.
    let (kind, rest) = name.split_once(':').unwrap_or(("FILE", &name));
    let directory = match kind {
        "FILE" => Path::new(rest).parent()?,
        // A colon comes before the name of one of the caches in a directory.
        "DIR" => match rest.strip_prefix(':') {
            Some(one) => Path::new(one).parent()?,
            None => Path::new(rest),
        },
        _ => return None,
    };
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return None;
    }
    let what = format!("there is no directory {}, where the cache {name} would be", directory.display());
    Some(error::config(what).hint("make the directory and run kinit, or name another cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let there = tempfile::tempdir().unwrap();
        let there = there.path().display();
        for fine in [format!("DIR:{there}"), format!("FILE:{there}/a"), format!("{there}/a"), "KCM:".into(), "a".into()]
        {
            assert!(fault(Some(&fine)).is_none(), "{fine}");
        }
        for wrong in
            ["DIR:/no/such/place", "DIR::/no/such/place/tkt", "FILE:/no/such/place/tickets", "/no/such/place/t"]
        {
            assert!(fault(Some(wrong)).unwrap().to_string().contains("no directory /no/such/place,"), "{wrong}");
        }
    }
}

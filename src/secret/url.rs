//! Passwords inside URLs: `user:password@host`, and parameters such as `?password=` or Hive's `;password=`. Found in the
//! text itself, because the URLs of JDBC drivers have more forms than parsers of URLs know.

use std::ops::Range;

use super::value::Secret;

/// Names of parameters whose values are passwords.
const PARAMETERS: [&str; 12] = [
    "password",
    "pwd",
    "jwt",
    "token",
    "access_token",
    "password1",
    "password2",
    "password3",
    "trustcertificatekeystorepassword",
    "clientcertificatekeystorepassword",
    "truststorepassword",
    "keystorepassword",
];

/// A URL without the passwords in it, and the first of them; parameters and user stay as they are.
pub(crate) fn split(url: &str) -> (String, Option<Secret>) {
    let (mut rest, mut clean, mut password) = (url, String::with_capacity(url.len()), None);
    while let Some(found) = find(rest) {
        clean.push_str(&rest[..found.whole.start]);
        let text = percent_encoding::percent_decode_str(&rest[found.value.clone()]).decode_utf8_lossy().into_owned();
        password.get_or_insert_with(|| Secret::new(text));
        rest = &rest[found.whole.end..];
    }
    clean.push_str(rest);
    // A parameter that is gone may leave its separator behind.
    let clean = clean.replace("?&", "?").replace("&&", "&").replace(";;", ";");
    (clean.trim_end_matches(['?', '&', ';']).to_owned(), password)
}

/// Whether a URL holds a password.
pub(crate) fn is_in_url(url: &str) -> bool {
    find(url).is_some()
}

/// A text for people in which `***` stands for each password of a URL.
pub(crate) fn masked(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(masked_word).collect()
}

/// The same of a text with one URL at most, and what closes it.
fn masked_word(word: &str) -> String {
    let (text, closing) =
        word.split_at(word.trim_end_matches(|c: char| c.is_whitespace() || "\"'`,.:".contains(c)).len());
    let (mut rest, mut shown) = (text, String::with_capacity(word.len()));
    while let Some(found) = find(rest) {
        shown.push_str(&rest[..found.value.start]);
        shown.push_str("***");
        rest = &rest[found.value.end..];
        // What follows is looked at as the rest of the same URL.
        if rest.is_empty() {
            break;
        }
    }
    shown + rest + closing
}

struct Found {
    /// What goes with the password: `:password`, or the parameter.
    whole: Range<usize>,
    value: Range<usize>,
}

/// The first password of a URL.
fn find(url: &str) -> Option<Found> {
    in_authority(url).or_else(|| in_parameters(url)).or_else(|| without_scheme(url))
}

/// `user:password@host` alone, as it is typed where a scheme was forgotten.
fn without_scheme(word: &str) -> Option<Found> {
    if word.contains("://") || word.contains(char::is_whitespace) {
        return None;
    }
    let at = word.rfind('@')?;
    let from = word[..at].rfind(['=', '\'', '"', '(', ',']).map_or(0, |at| at + 1);
    let colon = from + word[from..at].find(':')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let (user, value) = (&word[from..colon], colon + 1..at);
    let is_host = word[at + 1..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    let is_login = !user.is_empty() && user.chars().all(is_name) && is_host;
    let is_hidden = &word[value.clone()] == "***";
    if is_login && !value.is_empty() && !is_hidden { Some(Found { whole: colon..at, value }) } else { None }
}

fn in_authority(url: &str) -> Option<Found> {
    let from = url.find("://")? + 3;
    let authority = &url[from..];
    let mut end = authority.find(['/', '?', ';', ' ']).unwrap_or(authority.len());
    if !authority[..end].contains('@') {
        // A password may hold a slash or a question mark that nobody encoded; a port is not a password.
        let (_, after) = authority[..end].rsplit_once(':')?;
        let at = authority.find('@').filter(|at| !authority[..*at].contains([' ', '=']))?;
        if after.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        end = at + 1;
    }
    let at = authority[..end].rfind('@')?;
    let colon = authority[..at].find(':')?;
    let value = from + colon + 1..from + at;
    (!value.is_empty() && &url[value.clone()] != "***").then(|| Found { whole: from + colon..value.end, value })
}

fn in_parameters(url: &str) -> Option<Found> {
    let separators = ['?', '&', ';', '(', ','];
    for (at, separator) in url.match_indices(separators) {
        let from = at + separator.len();
        let parameter = &url[from..];
        let equals = parameter.find('=')?;
        let name = parameter[..equals].trim().to_ascii_lowercase();
        if !PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        // The keys of a host, in parentheses, may stand between commas; a password behind a `?` may hold one.
        let is_end = |c: char| matches!(c, '&' | ';' | ')' | ' ') || (c == ',' && matches!(separator, "(" | ","));
        let end = parameter.find(is_end).unwrap_or(parameter.len()).max(equals + 1);
        let value = from + equals + 1..from + end;
        if !value.is_empty() && &url[value.clone()] != "***" {
            return Some(Found { whole: from..value.end, value });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_wherever_it_stands() {
        for (url, clean) in [
            ("mysql://u:s3cret@h:3306/d", "mysql://u@h:3306/d"),
            ("jdbc:mysql://u:s3cret@h1:1,h2:2/d?useSSL=false", "jdbc:mysql://u@h1:1,h2:2/d?useSSL=false"),
            ("jdbc:mysql://h/d?user=u&password=s3cret", "jdbc:mysql://h/d?user=u"),
            ("jdbc:mysql://h/d?password=s3cret&user=u", "jdbc:mysql://h/d?user=u"),
            ("jdbc:mysql://h/d?a=1&PASSWORD=s3cret&b=2", "jdbc:mysql://h/d?a=1&b=2"),
            ("jdbc:mysql://address=(host=h)(password=s3cret)/d", "jdbc:mysql://address=(host=h)()/d"),
            ("jdbc:mysql://(password=s3cret,host=h)/d", "jdbc:mysql://(,host=h)/d"),
            ("jdbc:hive2://h:10000/default;user=u;password=s3cret", "jdbc:hive2://h:10000/default;user=u"),
            ("jdbc:mysql://h/d?password=s3%63ret", "jdbc:mysql://h/d"),
            ("u:s3cret@h:9083", "u@h:9083"),
            ("jdbc:hive2://h:1/d;jwt=s3cret", "jdbc:hive2://h:1/d"),
            ("jdbc:hive2://h:1/d;PWD=s3cret", "jdbc:hive2://h:1/d"),
            ("http://h:9083/x?token=s3cret", "http://h:9083/x"),
        ] {
            let (text, password) = split(url);
            assert_eq!(text, clean, "{url}");
            assert_eq!(password.unwrap().expose(), "s3cret", "{url}");
            assert!(is_in_url(url) && !is_in_url(&text), "{url}");
            assert!(!masked(url).contains("s3cret") && masked(url).contains("***"), "{}", masked(url));
        }
    }

    #[test]
    fn passwords_are_masked_in_sentences() {
        for (text, shown) in [
            (
                "\"jdbc:hive2://h:1/d;password=s3cret\" is not HOST:PORT",
                "\"jdbc:hive2://h:1/d;password=***\" is not HOST:PORT",
            ),
            ("hdfs://nn:8020/a, then thrift://u:s3cret@m:9083: no", "hdfs://nn:8020/a, then thrift://u:***@m:9083: no"),
            ("invalid value 'u:s3cret@h:1' for '--url'", "invalid value 'u:***@h:1' for '--url'"),
            ("url = \"mysql://u:s3cret@h/d\"\nuser = \"u\"\n", "url = \"mysql://u:***@h/d\"\nuser = \"u\"\n"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn what_is_not_a_password_stays() {
        for url in [
            "mysql://u@h:3306/d",
            "jdbc:mysql://h:3306/d?user=u&passwordCharacterEncoding=utf8&x=1",
            "jdbc:mysql://[::1]:3306/d",
            "hdfs://nn:8020/a@b:c/d",
            "SELECT '://', a:b FROM t",
            "",
            "--query",
            "hive/host@REALM",
            "etl@SAKIA.TEST",
            "a:b@",
        ] {
            assert_eq!(split(url), (url.to_owned(), None));
            assert_eq!(masked(url), url);
        }
    }

    #[test]
    fn a_password_with_characters_of_urls_is_found_whole() {
        for url in ["mysql://u:p@ss:w@h/d", "mysql://u:p/ss@h/d", "mysql://u:p?ss@h/d"] {
            assert_eq!(split(url).0, "mysql://u@h/d", "{url}");
        }
    }
}

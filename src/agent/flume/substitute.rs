//! What stands in values for other texts: `${env:X}`, `${sys:X}`, `${date:..}`, `${KEY}` of another property.
//!
//! The rules are those of commons-text's `StringSubstitutor` as Flume sets it up (`MapResolver`): names may hold
//! substitutions themselves, `:-` begins a default, `$${` is a plain `${`, and what is not known stays as it is. With
//! Flume's older `EnvVarResolverProperties` a plain `${X}` is a variable of the environment as well.
//!
//! Flume knows another property only if its hash table happens to give it first; here it is always known.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::properties::{Properties, Value};
use crate::agent::interceptors::strtime_pattern;
use crate::error::{self, Error};

/// The older way to name variables of the environment.
const OLD_RESOLVER: &str = "org.apache.flume.node.EnvVarResolverProperties";

/// How deep values may name each other, and how much text that may make of a file in all: a few lines that each name the one
/// before twice would be more than any memory holds.
const MOST_DEPTH: usize = 64;
const MOST_BYTES: usize = 4 << 20;

/// What values may take from outside of their files.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Variables of the environment.
    pub environment: BTreeMap<String, String>,
    /// What Java calls system properties: those that were typed as `-Dkey=value`.
    pub system: BTreeMap<String, String>,
    /// Whether config filters run their commands and read their credential files.
    pub asks_filters: bool,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_process(system: BTreeMap<String, String>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { environment: std::env::vars_os().filter_map(text).collect(), system, asks_filters: true }
    }

    /// The home directory, as Java has it.
    pub(super) fn home(&self) -> String {
        let typed = self.system.get("user.home").or_else(|| self.environment.get("HOME"));
        typed.cloned().unwrap_or_else(|| "/".to_owned())
    }

    fn system(&self, name: &str) -> Option<String> {
        let own = || match name {
            "user.home" => Some(self.home()),
            "user.name" => self.environment.get("USER").cloned(),
            "user.dir" => Some(std::env::current_dir().ok()?.display().to_string()),
            "java.io.tmpdir" => Some("/tmp".to_owned()),
            "file.separator" => Some("/".to_owned()),
            "path.separator" => Some(":".to_owned()),
            "os.name" => Some("Linux".to_owned()),
            _ => None,
        };
        self.system.get(name).cloned().or_else(own)
    }
}

/// Puts into all values what they name.
///
/// What is meant to be found and is not is an error; with `lenient` it stays as it is, as in Flume, and a note says so.
pub(super) fn substitute(
    properties: Properties,
    around: &Surroundings,
    lenient: bool,
    notes: &mut Vec<String>,
) -> Result<(Properties, BTreeSet<String>), Vec<Error>> {
    let old = around.system.get("propertiesImplementation").is_some_and(|class| class == OLD_RESOLVER);
    let (named, left) = (RefCell::default(), Cell::new(MOST_BYTES));
    let substitutor = Substitutor { properties: &properties, around, old, lenient, named, depth: Cell::new(0), left };
    let (mut all, mut wrong) = (Properties::new(), Vec::new());
    for (key, value) in &properties {
        let mut missing = Vec::new();
        let text = substitutor.replace(&value.text, &mut vec![key.clone()], &mut missing);
        for Missing { variable, remedy } in missing {
            let what = format!("{}: {key}: ${{{variable}}} is not known", value.place);
            match lenient {
                true => notes.push(format!("{what}, and left as Flume leaves it; {remedy}")),
                false => wrong.push(error::config(what).hint(remedy)),
            }
        }
        all.insert(key.clone(), Value { text, place: value.place.clone() });
    }
    let named = substitutor.named.into_inner();
    if wrong.is_empty() { Ok((all, named)) } else { Err(wrong) }
}

/// A substitution that has nothing to put in.
struct Missing {
    variable: String,
    remedy: String,
}

struct Substitutor<'a> {
    properties: &'a Properties,
    around: &'a Surroundings,
    old: bool,
    lenient: bool,
    /// Properties that others name.
    named: RefCell<BTreeSet<String>>,
    /// How many variables the one at hand stands in.
    depth: Cell<usize>,
    /// Bytes that may still be put in.
    left: Cell<usize>,
}

/// What a variable stands for.
enum Found {
    Text(String),
    /// Nothing, and nobody promised that it would.
    Nothing,
    /// It had to be there; what to do about it.
    Missing(String),
}

impl Substitutor<'_> {
    /// `text` with what it names; `path` holds the variables it comes from.
    fn replace(&self, text: &str, path: &mut Vec<String>, missing: &mut Vec<Missing>) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                // The first `$` says that the second one is meant as it is.
                out.push_str(&rest[..at - 1]);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            let Some(end) = closing(&rest[at + 2..]) else { break };
            let inner = &rest[at + 2..at + 2 + end];
            out.push_str(&rest[..at]);
            match self.variable(inner, path, missing) {
                Some(text) => out.push_str(&text),
                None => out.push_str(&rest[at..at + 3 + end]),
            }
            rest = &rest[at + 3 + end..];
        }
        out.push_str(rest);
        out
    }

    fn variable(&self, inner: &str, path: &mut Vec<String>, missing: &mut Vec<Missing>) -> Option<String> {
        if self.depth.get() == MOST_DEPTH || self.left.get() == 0 {
            if missing.is_empty() {
                let remedy = format!(
                    "values name each other more than {MOST_DEPTH} deep, or make too much text; write them out"
                );
                missing.push(Missing { variable: inner.chars().take(80).collect(), remedy });
            }
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        let text = self.variable_within(inner, path, missing);
        self.depth.set(self.depth.get() - 1);
        text
    }

    fn variable_within(&self, inner: &str, path: &mut Vec<String>, missing: &mut Vec<Missing>) -> Option<String> {
        let name = self.replace(inner, path, missing);
        let (name, default) = name.split_once(":-").map_or((name.as_str(), None), |(name, text)| (name, Some(text)));
        let found = if path.iter().any(|above| above == name) {
            Found::Missing("it stands for itself; write what is meant".to_owned())
        } else {
            self.look_up(name, path)
        };
        let text = match (found, default) {
            (Found::Text(text), _) => text,
            (_, Some(default)) => default.to_owned(),
            (Found::Nothing, None) => return None,
            (Found::Missing(remedy), None) => {
                missing.push(Missing { variable: name.to_owned(), remedy });
                // Flume's older resolver leaves nothing.
                return (self.old && self.lenient && !name.contains(':')).then(String::new);
            }
        };
        self.left.set(self.left.get().saturating_sub(text.len() + 1));
        path.push(name.to_owned());
        let text = self.replace(&text, path, missing);
        path.pop();
        Some(text)
    }

    /// What a name stands for. What a prefix does not find is looked for among the properties, without the prefix.
    fn look_up(&self, name: &str, path: &[String]) -> Found {
        let (prefix, rest) = name.split_once(':').map_or((None, name), |(prefix, rest)| (Some(prefix), rest));
        let prefix = prefix.map(str::to_ascii_lowercase);
        let by_prefix = match prefix.as_deref() {
            Some("env") => self.around.environment.get(rest).cloned(),
            Some("sys") => self.around.system(rest),
            Some("date") => today(rest),
            _ => None,
        };
        let property = || {
            let value = self.properties.get(rest).filter(|_| !path.iter().any(|above| above == rest))?;
            self.named.borrow_mut().insert(rest.to_owned());
            Some(value.text.clone())
        };
        let of_old = || self.around.environment.get(rest).filter(|_| self.old).cloned();
        match (by_prefix.or_else(property).or_else(of_old), prefix.as_deref()) {
            (Some(text), _) => Found::Text(text),
            (None, Some("env")) => {
                Found::Missing(format!("set {rest} in the environment, or give a default: ${{env:{rest}:-..}}"))
            }
            (None, Some("sys")) => Found::Missing(format!("give it as -D{rest}=VALUE")),
            (None, Some("java")) => Found::Missing("there is no Java here; write the text itself".to_owned()),
            (None, Some("date")) => Found::Missing("write a pattern such as yyyy-MM-dd".to_owned()),
            (None, None) if self.old && is_word(rest) => Found::Missing(format!("set {rest} in the environment")),
            (None, _) => Found::Nothing,
        }
    }
}

/// The time of the start in a pattern of Java's.
fn today(pattern: &str) -> Option<String> {
    let now = Timestamp::now().to_zoned_datetime(TimeZone::system());
    strtime::format(strtime_pattern(pattern).ok()?, &now).ok()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where the variable ends that was begun; others may stand inside.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if text[..at].ends_with('$') => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::properties;
    use super::*;

    fn around(environment: &[(&str, &str)], system: &[(&str, &str)]) -> Surroundings {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Surroundings { environment: map(environment), system: map(system), asks_filters: false }
    }

    fn of(text: &str, around: &Surroundings, lenient: bool) -> Result<Properties, Vec<String>> {
        let read = properties::parse(text.as_bytes(), "f", &mut Vec::new()).unwrap();
        let done = substitute(read, around, lenient, &mut Vec::new()).map(|(all, _)| all);
        done.map_err(|all| all.iter().map(|e| format!("{e}; {}", e.remedy().unwrap_or("-"))).collect())
    }

    /// The value of `x`.
    fn x(text: &str, around: &Surroundings) -> String {
        of(text, around, false).unwrap().remove("x").unwrap().text
    }

    #[test]
    fn fv11_a_name_may_hold_a_substitution() {
        let text = "PROD_BIND=192.168.10.110\nDEV_BIND=192.168.11.101\nx = ${${sys:env}_BIND}";
        assert_eq!(x(text, &around(&[], &[("env", "DEV")])), "192.168.11.101");
    }

    #[test]
    fn fv12_a_lookup_that_nobody_knows_stays_as_it_is() {
        let nothing = around(&[], &[]);
        for text in ["${const:org.apache.A.B}", "${f1['key']}", "a${", "${x", "$1 ${name}"] {
            assert_eq!(x(&format!("x = {text}"), &nothing), text);
        }
    }

    #[test]
    fn fv13_what_java_says_of_itself_is_refused_by_name() {
        let said = of("x = ${java:version}", &around(&[], &[]), false).unwrap_err().remove(0);
        assert_eq!(said, "f:1: x: ${java:version} is not known; there is no Java here; write the text itself");
    }

    #[test]
    fn fv14_the_older_resolver_takes_plain_names_from_the_environment() {
        let class = ("propertiesImplementation", OLD_RESOLVER);
        let old = around(&[("VARNAME", "varvalue")], &[class]);
        assert_eq!(x("x = padding ${VARNAME} padding", &old), "padding varvalue padding");
        assert!(
            of("x = padding ${OTHER} padding", &old, false).unwrap_err()[0].contains("set OTHER in the environment")
        );
        assert_eq!(of("x = padding ${OTHER} padding", &old, true).unwrap()["x"].text, "padding  padding");
        let without = around(&[("VARNAME", "varvalue")], &[]);
        assert_eq!(x("x = ${VARNAME}", &without), "${VARNAME}");
    }

    #[test]
    fn environment_properties_defaults_and_escapes() {
        let around = around(&[("DIR", "/data"), ("HOME", "/home/flume")], &[("k", "v")]);
        for (text, wanted) in [
            ("${env:DIR}/x ${sys:k} ${ENV:DIR}", "/data/x v /data"),
            ("${env:NONE:-/tmp}/x", "/tmp/x"),
            ("${env:NONE:-${env:DIR}}", "/data"),
            ("${sys:user.home}", "/home/flume"),
            ("$${env:DIR}", "${env:DIR}"),
            ("${base}/b", "/data/a/b"),
            ("${env:base}/b", "/data/a/b"),
        ] {
            assert_eq!(x(&format!("base = ${{env:DIR}}/a\nx = {text}"), &around), wanted, "{text}");
        }
        let year = x("x = ${date:yyyy}", &around);
        assert!(year.parse::<u16>().is_ok_and(|year| year > 2000), "{year}");
    }

    #[test]
    fn a_few_lines_are_never_much_to_do() {
        let doubled: String = (0..40).map(|i| format!("v{i} = ${{v{}}}${{v{}}}\n", i + 1, i + 1)).collect();
        let nested = format!("x = {}{}", "${".repeat(1_000), "}".repeat(1_000));
        for text in [format!("{doubled}v40 = a\nx = ${{v0}}"), nested] {
            let said = of(&text, &around(&[], &[]), false).unwrap_err();
            assert!(said[0].contains("more than 64 deep, or make too much text"), "{}", said[0]);
            assert!(of(&text, &around(&[], &[]), true).is_ok());
        }
    }

    #[test]
    fn what_is_missing_or_stands_for_itself_is_said_with_its_place() {
        let nothing = around(&[], &[]);
        let said = of("\nx = ${env:DIR}", &nothing, false).unwrap_err();
        assert_eq!(
            said,
            ["f:2: x: ${env:DIR} is not known; set DIR in the environment, or give a default: ${env:DIR:-..}"]
        );
        assert!(of("x = ${y}\ny = ${x}", &nothing, false).unwrap_err()[0].contains("stands for itself"));
        assert_eq!(of("x = ${env:DIR}", &nothing, true).unwrap()["x"].text, "${env:DIR}");
    }
}

//! The options of `flume-ng agent`, one row each, and how those of a command are read: those of its script and, as commons-cli reads
//! them, those of its `Application`.

use crate::config::nearest;
use crate::error::{self, Error, Result};

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It has a meaning here.
    Mapped,
    /// It is taken and does nothing, for this reason.
    Note(&'static str),
    /// It is refused with this sentence, which says what to use.
    Refused(&'static str),
}

/// An option.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opt {
    pub long: &'static str,
    pub short: Option<&'static str>,
    /// What the value is called in the help, if one follows.
    pub value: Option<&'static str>,
    pub does: Does,
    /// One line for the help.
    pub help: &'static str,
}

pub(super) const fn opt(
    long: &'static str,
    short: Option<&'static str>,
    value: Option<&'static str>,
    does: Does,
    help: &'static str,
) -> Opt {
    Opt { long, short, value, does, help }
}

const FILES: &str = "copy the configuration into a file, and name that by -f";

/// Those of `agent`, in the order of the help.
pub(super) const ALL: &[Opt] = &[
    opt("name", Some("n"), Some("name"), Does::Mapped, "the name of this agent (required)"),
    opt("conf-file", Some("f"), Some("file"), Does::Mapped, "a configuration file; of several the later ones win"),
    opt("conf", Some("c"), Some("dir"), Does::Mapped, "directory of core-site.xml and hdfs-site.xml"),
    opt("conf-uri", Some("u"), Some("uri"), Does::Mapped, "a configuration file as file:///PATH"),
    opt("no-reload-conf", None, None, Does::Mapped, "do not read the file again when it changes"),
    opt("dryrun", Some("d"), None, Does::Mapped, "print the agent's file that does the same, and run nothing"),
    opt("help", Some("h"), None, Does::Mapped, "display help text"),
    opt("flume-lenient", None, None, Does::Mapped, "leave out components that are wrong, as Flume does (sakia's own)"),
    opt("drain", None, None, Does::Mapped, "stop when the sources have no more for now (sakia's own)"),
    opt("classpath", Some("C"), Some("cp"), Does::Note("no class of Java's is run"), "append to the classpath"),
    opt("plugins-path", None, Some("dirs"), Does::Note("no class of Java's is run"), "plugins.d directories"),
    opt("poll-interval", Some("i"), Some("s"), Does::Mapped, "seconds between looks at the file (30)"),
    opt(
        "backup-directory",
        Some("b"),
        Some("dir"),
        Does::Note("no backup is kept; a file that is wrong is not taken over"),
        "where a backup of the configuration is kept",
    ),
    opt("zkConnString", Some("z"), Some("str"), Does::Refused(FILES), "ZooKeeper that has the configuration"),
    opt("zkBasePath", Some("p"), Some("path"), Does::Refused(FILES), "its path in ZooKeeper"),
    opt("auth-provider", Some("a"), Some("class"), Does::Refused(FILES), "authorization of -u"),
    opt("conf-provider", Some("prov"), Some("class"), Does::Refused(FILES), "class that has the configuration"),
    opt("conf-user", Some("user"), Some("name"), Does::Refused(FILES), "user of -u"),
    opt("conf-password", Some("pwd"), Some("password"), Does::Refused(FILES), "password of -u"),
];

/// Beginnings of options that are Java's.
const OF_JAVA: [&str; 4] = ["-X", "-agentlib", "-agentpath", "-javaagent"];

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    options: Vec<(&'static str, String)>,
    /// `-Dkey=value`, without the `-D`.
    pub properties: Vec<String>,
}

impl Typed {
    /// The last value of an option.
    pub(super) fn last(&self, long: &str) -> Option<&str> {
        self.options.iter().rev().find(|(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// All values of an option.
    pub(super) fn all(&self, long: &'static str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, long: &str) -> bool {
        self.last(long).is_some()
    }
}

/// Reads the options; the notes say which of them do nothing here.
///
/// # Errors
/// Usage: one that is unknown, lacks its value, or is refused.
pub(super) fn parse(all: &'static [Opt], args: &[String], notes: &mut Vec<String>) -> Result<Typed> {
    let mut typed = Typed::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if let Some(property) = arg.strip_prefix("-D") {
            let property = Some(property.to_owned()).filter(|text| !text.is_empty()).or_else(|| rest.next().cloned());
            typed.properties.push(property.ok_or_else(|| missing("-D"))?);
            continue;
        }
        if OF_JAVA.iter().any(|beginning| arg.starts_with(beginning)) {
            notes.push(format!("{arg} does nothing here: there is no Java"));
            continue;
        }
        let (opt, attached) = find(all, arg).ok_or_else(|| unknown(all, arg))?;
        let value = match (opt.value, attached) {
            (None, None) => String::new(),
            (None, Some(_)) => return Err(unknown(all, arg)),
            (Some(_), Some(value)) => value.to_owned(),
            (Some(_), None) => rest.next().cloned().ok_or_else(|| missing(arg))?,
        };
        match opt.does {
            Does::Refused(instead) => return Err(error::usage(format!("{arg} is refused")).hint(instead)),
            Does::Note(why) => notes.push(format!("{arg} does nothing here: {why}")),
            Does::Mapped => {}
        }
        typed.options.push((opt.long, value));
    }
    Ok(typed)
}

/// The option that an argument is, with a value that is part of it: `--name a1`, `--name=a1`, `-n a1`, `-na1`.
fn find<'a>(all: &'static [Opt], arg: &'a str) -> Option<(&'static Opt, Option<&'a str>)> {
    let bare = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).filter(|bare| !bare.is_empty())?;
    let named = |name: &str| all.iter().find(|opt| opt.long == name || opt.short == Some(name));
    if let Some(opt) = named(bare) {
        return Some((opt, None));
    }
    if let Some((name, value)) = bare.split_once('=') {
        return named(name).map(|opt| (opt, Some(value)));
    }
    let one_dash = !arg.starts_with("--");
    let (letter, value) = bare.split_at_checked(1)?;
    all.iter().find(|opt| one_dash && opt.short == Some(letter) && opt.value.is_some()).map(|opt| (opt, Some(value)))
}

fn missing(arg: &str) -> Error {
    error::usage(format!("Missing argument for option: {arg}")).hint(format!("write {arg} VALUE"))
}

fn unknown(all: &[Opt], arg: &str) -> Error {
    let error = error::usage(format!("Unrecognized option: {arg}"));
    let names: Vec<&str> = all.iter().map(|opt| opt.long).collect();
    let bare = arg.trim_start_matches('-').split('=').next().unwrap_or_default();
    match nearest(bare, &names).filter(|_| arg.starts_with('-')) {
        Some(near) => error.hint(format!("did you mean --{near}?")),
        None => error.hint("flume-ng help lists the options"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<(Typed, Vec<String>)> {
        let mut notes = Vec::new();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        parse(ALL, &args, &mut notes).map(|typed| (typed, notes))
    }

    #[test]
    fn options_are_written_in_several_ways() {
        for args in [
            &["-n", "a1", "-c", "conf", "-f", "x", "-f", "y"][..],
            &["--name", "a1", "--conf", "conf", "--conf-file", "x", "--conf-file", "y"],
            &["--name=a1", "-name", "a1", "-cconf", "-fx", "-conf-file", "y"],
        ] {
            let (typed, notes) = of(args).unwrap();
            assert_eq!((typed.last("name"), typed.last("conf")), (Some("a1"), Some("conf")), "{args:?}");
            assert_eq!((typed.all("conf-file").collect::<Vec<_>>(), notes.len()), (vec!["x", "y"], 0));
        }
        let (typed, _) = of(&["-Da=1", "-D", "b=2", "--no-reload-conf"]).unwrap();
        assert_eq!(typed.properties, ["a=1", "b=2"]);
        assert!(typed.has("no-reload-conf") && !typed.has("dryrun"));
    }

    #[test]
    fn what_does_nothing_is_noted_and_the_rest_refused_by_name() {
        let (_, notes) = of(&["-Xmx1g", "-C", "lib", "-javaagent:x.jar"]).unwrap();
        assert_eq!(notes[1], "-C does nothing here: no class of Java's is run");
        let said = |args: &[&str]| of(args).map_err(|e| format!("{e}; {}", e.remedy().unwrap())).unwrap_err();
        assert!(said(&["-z", "zk:2181"]).starts_with("-z is refused; copy the configuration into a file"));
        assert_eq!(said(&["--conf-fil", "x"]), "Unrecognized option: --conf-fil; did you mean --conf-file?");
        assert!(said(&["-n"]).starts_with("Missing argument for option: -n"));
        assert!(said(&["stray"]).contains("flume-ng help"));
    }
}

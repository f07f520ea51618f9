//! The options of beeline, as they are called here. Beeline knows its own in any case and by `--NAME=VALUE` alone.

use std::ffi::OsString;

/// Of the same meaning, under a name of ours.
const SAME: [(&str, &str); 8] = [
    ("outputformat", "--outputformat"),
    ("silent", "--silent"),
    ("force", "--force"),
    ("showheader", "--show-header"),
    ("headerinterval", "--header-interval"),
    ("maxcolumnwidth", "--max-column-width"),
    ("delimiterfordsv", "--dsv-delimiter"),
    ("delimiter", "--delimiter"),
];

/// About what there is not here, such as a prompt, or that never says anything about rows.
const IDLE: [&str; 18] = [
    "autocommit",
    "autosave",
    "color",
    "fastconnect",
    "helpasked",
    "historyfile",
    "incremental",
    "incrementalbufferrows",
    "isolation",
    "maxheight",
    "maxhistoryrows",
    "maxwidth",
    "showdbinprompt",
    "showelapsedtime",
    "shownestederrs",
    "showwarnings",
    "timeout",
    "trimscripts",
];

/// That would change rows or statements in a way that is not known here, and the values that change nothing.
const DEFAULTS: [(&str, &str); 6] = [
    ("allowmultilinecommand", "true"),
    ("convertbinaryarraytostring", "true"),
    ("entirelineascommand", "false"),
    ("escapecrlf", "false"),
    ("numberformat", "default"),
    ("truncatetable", "false"),
];

/// Brings the options of beeline behind `query` to ours; the notes say which ones do nothing.
pub(in crate::cli) fn translated(args: Vec<OsString>) -> (Vec<OsString>, Vec<String>) {
    let command = args.iter().skip(1).position(|arg| !arg.to_string_lossy().starts_with('-')).map(|at| at + 1);
    let Some(at) = command.filter(|at| args[*at] == "query") else { return (args, Vec::new()) };
    let (mut ours, mut notes) = (args[..=at].to_vec(), Vec::new());
    let mut rest = args.into_iter().skip(at + 1);
    while let Some(arg) = rest.next() {
        let typed = arg.to_str().unwrap_or_default();
        match typed {
            // What follows these is theirs, whatever it looks like.
            "-e" | "-f" | "-i" | "-u" | "-n" | "-w" => {
                ours.push(arg);
                ours.extend(rest.next());
            }
            "-d" => {
                rest.next();
                notes.push("-d names a JDBC driver, and there is none here: it does nothing".to_owned());
            }
            "-hivevar" | "-hiveconf" => ours.push(format!("-{typed}").into()),
            "-help" => ours.push("--help".into()),
            _ => match option(typed, &mut notes) {
                Some(translated) => ours.extend(translated.map(OsString::from)),
                None => ours.push(arg),
            },
        }
    }
    (ours, notes)
}

/// An option of beeline's as one of ours, or nothing in its place; `None` where it is none of beeline's.
fn option(typed: &str, notes: &mut Vec<String>) -> Option<Option<String>> {
    let (name, value) = typed.strip_prefix("--")?.split_once('=').unwrap_or((typed.get(2..)?, "true"));
    let known = name.to_ascii_lowercase();
    let is_default = |default: &str| value.eq_ignore_ascii_case(default);
    if let Some((_, ours)) = SAME.iter().find(|(theirs, _)| *theirs == known) {
        // Written as here it may have its value behind a blank.
        return typed
            .contains('=')
            .then(|| Some(format!("{ours}={value}")))
            .or((name != known).then(|| Some(ours.to_string())));
    }
    match known.as_str() {
        "verbose" => Some(is_default("true").then(|| "-v".to_owned())),
        "nullemptystring" => Some(is_default("true").then(|| "--null-string=".to_owned())),
        _ if IDLE.contains(&known.as_str()) => {
            notes.push(format!("--{name} does nothing here"));
            Some(None)
        }
        // One that would change something is left for the parser to refuse by name.
        _ => DEFAULTS.iter().any(|(theirs, default)| *theirs == known && is_default(default)).then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(typed: &[&str]) -> (Vec<String>, usize) {
        let (args, notes) = translated(typed.iter().map(OsString::from).collect());
        (args.into_iter().map(|arg| arg.into_string().unwrap()).collect(), notes.len())
    }

    #[test]
    fn a_command_of_beelines_changes_one_word() {
        let typed = "sakia query -u jdbc:hive2://h:1/db -n ann -w pw -d org.Driver --silent=true --outputFormat=csv2 \
                     --showheader=false --delimiterForDSV=; --nullemptystring=true --verbose=true --color=false \
                     --maxWidth=200 --truncateTable=false -hivevar a=b --hiveconf c=d --force=true -f x.sql";
        let (args, notes) = ours(&typed.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            args.join(" "),
            "sakia query -u jdbc:hive2://h:1/db -n ann -w pw --silent=true --outputformat=csv2 --show-header=false \
             --dsv-delimiter=; --null-string= -v --hivevar a=b --hiveconf c=d --force=true -f x.sql"
        );
        assert_eq!(notes, 3);
    }

    #[test]
    fn what_is_not_beelines_is_left_alone() {
        for typed in [
            &["sakia", "query", "--output", "csv", "--null-string", "-", "-e", "--silent=true"][..],
            &["sakia", "query", "--truncateTable=true", "--silent", "--force"],
            &["sakia", "import", "--verbose=true", "--outputFormat=csv2"],
            &["sakia", "-v", "query", "-e", "select 1"],
            &["sakia"],
        ] {
            assert_eq!(ours(typed), (typed.iter().map(|arg| (*arg).to_owned()).collect(), 0));
        }
    }
}

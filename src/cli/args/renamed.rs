//! Flags of earlier versions, as they are typed today.

use std::ffi::OsString;

use crate::config::Renamed;

const FLAGS: [Renamed; 7] = [
    Renamed::key("--metastore-uri", "--metastore-url"),
    Renamed::key("--hiveserver2", "--hiveserver2-url"),
    Renamed::key("--hbase-thrift", "--hbase-url"),
    Renamed::time("--hiveserver2-connect-timeout-s", "--connect-timeout", "s"),
    Renamed::time("--hiveserver2-call-timeout-s", "--hiveserver2-call-timeout", "s"),
    Renamed::time("--hbase-connect-timeout-ms", "--connect-timeout", "ms"),
    Renamed::time("--hbase-read-timeout-ms", "--hbase-call-timeout", "ms"),
];

/// Brings flags of earlier versions to their names of today, up to a bare `--`; the notes say which.
pub(crate) fn renamed(args: Vec<OsString>) -> (Vec<OsString>, Vec<String>) {
    let (mut today, mut notes) = (Vec::with_capacity(args.len()), Vec::new());
    let mut rest = args.into_iter();
    while let Some(arg) = rest.next() {
        let typed = arg.to_str().unwrap_or_default();
        if typed == "--" {
            today.push(arg);
            break;
        }
        let (name, attached) = typed.split_once('=').map_or((typed, None), |(name, value)| (name, Some(value)));
        let Some(rule) = FLAGS.iter().find(|rule| rule.old == name) else {
            today.push(arg);
            continue;
        };
        notes.push(format!("{} is called {} now, and a length of time has its unit: 20s", rule.old, rule.new));
        let value = attached.map(OsString::from).or_else(|| rest.next());
        today.push(rule.new.into());
        today.extend(value.map(|value| value.to_str().map_or(value.clone(), |text| rule.argument(text).into())));
    }
    today.extend(rest);
    (today, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_flags_are_understood_and_noted() {
        let typed =
            "sakia import --metastore-uri=thrift://m --hbase-read-timeout-ms 500 --table t -- --hiveserver2 h:1";
        let (today, notes) = renamed(typed.split(' ').map(OsString::from).collect());
        let today: Vec<&str> = today.iter().map(|arg| arg.to_str().unwrap()).collect();
        assert_eq!(
            today.join(" "),
            "sakia import --metastore-url thrift://m --hbase-call-timeout 500ms --table t -- --hiveserver2 h:1"
        );
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("--metastore-uri is called --metastore-url now"), "{notes:?}");
    }
}

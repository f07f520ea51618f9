use super::*;

fn read(text: &str) -> Result<AgentFile, Vec<String>> {
    let mut document = Document::parse(text, "agent.toml").unwrap();
    let read = AgentFile::take(&mut document, Path::new("/base"));
    read.map_err(|all| all.iter().map(|e| e.to_string()).collect())
}

const WHOLE: &str = r#"
[[source]]
name = "access"
type = "taildir"
files = "access.log*"
channels = ["lake", "look"]
selector = { type = "replicating", optional = ["look"] }
interceptors = [{ type = "host" }, { type = "timestamp" }]

[[channel]]
name = "lake"
type = "file"
directory = "lake"

[[channel]]
name = "look"
type = "memory"
max-events = 1000

[[sink]]
name = "clicks"
type = "table"
channel = "lake"
target-dir = "/lake/clicks"
reject-dir = "/lake/rejects"
parser = { type = "weblog", format = "combined" }
roll = { age = "10m" }

[[sink]]
name = "log"
type = "logger"
channel = "look"
"#;

#[test]
fn a_whole_agent() {
    let file = read(WHOLE).unwrap();
    let Graph { sources, channels, sinks } = &file.graph;
    assert_eq!(sources[0].channels, ["lake", "look"]);
    assert_eq!(channels[0].directory.as_deref(), Some(Path::new("/base/lake")));
    assert_eq!((channels[1].directory.as_deref(), channels[1].limits.max_events), (None, 1000));
    assert_eq!((sinks[0].name.as_str(), sinks[0].roll.age.as_secs()), ("clicks", 600));
    assert!(file.needs_cluster() && !file.needs_metastore());
}

#[test]
fn what_makes_no_sense_is_said_with_its_place() {
    for (old, new, wanted) in [
        ("type = \"taildir\"", "type = \"tailfile\"", "agent.toml:4: source `access`: unknown type `tailfile`"),
        ("files = ", "fils = ", "fils"),
        ("channels = [\"lake\", \"look\"]", "channels = [\"lake\", \"lok\"]", "there is no channel `lok`"),
        ("roll = ", "complete = { latenes = \"5m\" }\nroll = ", "latenes"),
        ("roll = ", "complete = { lateness = \"5m\", marker = \"\" }\nroll = ", "neither marker nor parameter"),
        ("roll = ", "compact = { older-than = \"48h\" }\nroll = ", "there is no hive-table"),
        (
            "roll = ",
            "hive-database = \"d\"\nhive-table = \"t\"\ncompact = {}\nroll = ",
            "nothing says when a partition is closed",
        ),
        (
            "roll = ",
            "hive-database = \"d\"\nhive-table = \"t\"\ncompact = { older-than = \"1h\", file-bytes = 5 }\nroll = ",
            "compact.file-bytes is 5",
        ),
        ("optional = [\"look\"]", "optional = [\"lake2\"]", "lake2"),
        ("channels = [\"lake\", \"look\"]", "channels = [\"lake\", \"lake\", \"look\"]", "is named twice"),
        ("optional = [\"look\"]", "optional = [\"look\", \"lake\"]", "no channel must have the events"),
        ("files = \"access.log*\"", "files = \"lake/*\"", "matches the files of the channel"),
        (
            "type = \"logger\"",
            "type = \"hdfs\"\npath = \"/lake/clicks/x\"\nreject-dir = \"/r\"",
            "lies with the directory of sink clicks",
        ),
        ("type = \"logger\"", "type = \"hdfs\"\npath = \"/e/_x/%Y\"\nreject-dir = \"/r\"", "cannot be a directory"),
        (
            "type = \"logger\"",
            "type = \"hdfs\"\npath = \"%{x}/y\"\nreject-dir = \"/r\"",
            "does not begin with a directory",
        ),
        ("type = \"host\"", "type = \"hots\"", "hots"),
        ("name = \"look\"\ntype = \"memory\"", "name = \"lake\"\ntype = \"memory\"", "are called `lake`"),
        ("max-events = 1000", "max-events = 0", "max-events is 0"),
        ("channel = \"look\"", "channel = \"lake\"", "2 sinks empty the channel"),
        ("format = \"combined\"", "format = \"combind\"", "combind"),
        ("roll = { age = \"10m\" }", "roll = { age = \"25h\" }", "roll.age is 25h"),
        ("target-dir = \"/lake/clicks\"", "target-dir = \"/lake\"", "where Hive would read it"),
    ] {
        assert!(WHOLE.contains(old), "{old}");
        let said = read(&WHOLE.replacen(old, new, 1)).unwrap_err().join("\n");
        assert!(said.contains(wanted), "{new}: {said}");
    }
    let alone = "[[channel]]\nname = \"c\"\ntype = \"memory\"\n";
    let said = read(alone).unwrap_err().join("\n");
    for wanted in ["there is no source", "no sink empties the channel", "no source fills the channel"] {
        assert!(said.contains(wanted), "{said}");
    }
}

/// What is said of [`WHOLE`] with one text in place of another, and nothing else.
fn said(old: &str, new: &str) -> Vec<String> {
    assert!(WHOLE.contains(old), "{old}");
    read(&WHOLE.replacen(old, new, 1)).unwrap_err()
}

#[test]
fn a_broken_table_is_the_only_mistake_where_it_is_the_only_one() {
    for (old, new) in [
        ("max-events = 1000", "max-events = 0"),
        ("max-events = 1000", "max-evens = 1000"),
        ("name = \"look\"\ntype = \"memory\"", "name = 7\ntype = \"memory\""),
        ("type = \"memory\"", "type = \"memroy\""),
        ("selector = { type = \"replicating\"", "selector = { type = \"replikating\""),
        ("channels = [\"lake\", \"look\"]", "channels = 7"),
        ("channel = \"look\"", "channel = 7"),
        ("roll = { age = \"10m\" }", "roll = { age = \"10\" }"),
    ] {
        let said = said(old, new);
        assert_eq!(said.len(), 1, "{new}: {said:?}");
    }
}

#[test]
fn all_mistakes_of_a_configuration_are_told_at_once() {
    let text = r#"
[[source]]
name = "web"
type = "http"
port = 0
bind = "no host!"
cors = ["shop"]
max-body-bytes = 0
channels = ["c"]

[[channel]]
name = "c"
type = "memory"
max-bytes = 1
max-events = 0
overflow = { directory = "o", max-bytes = 2 }

[[sink]]
name = "rows"
type = "hbase"
channel = "c"
table = "a b"
reject-dir = "r"
row-key = []
cells = { "x" = "body", "e:v" = "nope" }
batch-size = 0
roll = { rows = 0, age = "25h" }
"#;
    let expected = [
        (5, "source `web`: port is 0"),
        (6, "source `web`: bind is \"no host!\""),
        (8, "source `web`: max-body-bytes is 0"),
        (7, "source `web`: cors names \"shop\""),
        (14, "channel `c`: max-bytes is 1"),
        (15, "channel `c`: max-events is 0"),
        (16, "channel `c`: max-bytes of the overflow: max-bytes is 2"),
        (27, "sink `rows`: roll.rows is 0"),
        (27, "sink `rows`: roll.age is 25h"),
        (26, "sink `rows`: batch-size is 0"),
        (22, "sink `rows`: table is \"a b\""),
        (24, "sink `rows`: row-key has no part"),
        (25, "sink `rows`: cell \"x\" is not FAMILY:QUALIFIER"),
        (25, "sink `rows`: cell e:v: "),
    ];
    let said = read(text).unwrap_err();
    for (line, words) in expected {
        let wanted = format!("agent.toml:{line}: {words}");
        assert_eq!(said.iter().filter(|said| said.starts_with(&wanted)).count(), 1, "{wanted}: {said:#?}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
}

#[test]
fn a_mistake_stands_at_its_key() {
    for (old, new, wanted) in [
        (
            "directory = \"lake\"",
            "directory = \"lake\"\nmax-bytes = 1",
            "agent.toml:14: channel `lake`: max-bytes is 1",
        ),
        ("max-events = 1000", "max-events = 0", "agent.toml:18: channel `look`: max-events is 0"),
        ("\"look\"]", "\"lok\"]", "agent.toml:6: source `access`: there is no channel `lok`"),
        ("roll = { age = \"10m\" }", "roll = { age = \"25h\" }", "agent.toml:27: sink `clicks`: roll.age is 25h"),
        ("roll = { age = \"10m\" }", "roll = { age = \"10\" }", "has no unit: write \"10s\""),
        (
            "reject-dir = \"/lake/rejects\"",
            "reject-dir = \"/lake/clicks/r\"",
            "agent.toml:25: sink `clicks`: reject-dir /lake/clicks/r lies in target-dir",
        ),
    ] {
        let said = said(old, new).join("\n");
        assert!(said.contains(wanted), "{new}: {said}");
    }
}

#[test]
fn paths_of_events_are_checked() {
    let sink = |keys: &str| format!("type = \"hdfs\"\nreject-dir = \"/r\"\n{keys}");
    for (keys, wanted) in [
        ("path = \"/e/%{host\"", "agent.toml:33: sink `log`: /e/%{host: %{ is not closed"),
        ("path = \"/e/%q\"", "%q is not known"),
        ("path = \"/e/%Y\"\nround = { value = 7, unit = \"minute\" }", "agent.toml:34: sink `log`: round.value is 7"),
        ("path = \"/e/%Y\"\nround = { value = 300, unit = \"minute\" }", "from 0 to 255"),
        ("path = \"/e/%Y\"\ntime-zone = \"Mars\"", "agent.toml:34: sink `log`: time-zone Mars is not known"),
        ("path = \"/e\"\nwrite-format = \"text\"", "agent.toml:34: sink `log`: write-format has no meaning here"),
        ("path = \"/e\"\nfile-format = \"sequence-file\"\nserializer = \"text\"", "serializer has no meaning here"),
        ("path = \"/e\"\nserializer = \"avro-event\"\nappend-newline = true", "append-newline has no meaning here"),
        ("path = \"/e\"\navro = { compression = \"none\" }", "avro has no meaning here"),
        ("path = \"/e\"\nserializer = \"avro-event\"\navro = { schema = \"/s\" }", "avro.schema has no meaning here"),
        ("path = \"/e\"\nserializer = \"avro-body\"\navro = { schema = \"http://r/s\" }", "can be read from"),
        ("path = \"/e\"\nserializer = \"avro-body\"\navro = { compression = \"lz4\" }", "avro has no codec lz4"),
        ("path = \"/e\"\nserializer = \"avro-event\"\navro = { block-bytes = 8 }", "avro.block-bytes is 8"),
        ("path = \"/e\"\nfile-format = \"sequence-file\"\ncompression = \"xz\"", "hadoop has no codec xz"),
        ("path = \"/e/%Y\"\nprefix = \".x\"", "agent.toml:34: sink `log`: prefix \".x\""),
    ] {
        let said = said("type = \"logger\"", &sink(keys)).join("\n");
        assert!(said.contains(wanted), "{keys}: {said}");
    }
}

#[test]
fn ports_are_checked_and_had_by_one_source_each() {
    let with = |keys: &str| {
        let source = |name: &str, keys: &str| {
            format!("[[source]]\nname = \"{name}\"\ntype = \"netcat\"\nchannels = [\"look\"]\n{keys}\n")
        };
        let (one, other) = keys.split_once('|').unwrap_or((keys, ""));
        let other = if other.is_empty() { String::new() } else { source("b", other) };
        read(&format!("{WHOLE}{}{other}", source("a", one)))
    };
    for (keys, wanted) in [
        ("port = 70000", "expected a whole number from 0 to 65535"),
        ("port = 0", "port is 0"),
        ("port = 7000\nbind = \"no host!\"", "bind is \"no host!\""),
        ("port = 7000|port = 7000", "source `b`: source a listens on the same port"),
        ("port = 7000\nbind = \"0.0.0.0\"|port = 7000", "listens on the same port"),
    ] {
        let said = with(keys).unwrap_err().join("\n");
        assert!(said.contains(wanted), "{keys}: {said}");
    }
    assert!(with("port = 7000\nbind = \"127.0.0.1\"|port = 7000\nbind = \"127.0.0.2\"").is_ok());
    assert!(with("port = 7000\nbind = \"web-1.example.com\"|port = 7001").is_ok());
}

const GROUP: &str = r#"
[[source]]
name = "n"
type = "sequence"
channels = ["c"]

[[channel]]
name = "c"
type = "memory"

[[sink]]
name = "lake"
type = "hdfs"
channel = "c"
path = "/lake/events"
reject-dir = "/lake/rejects"
roll = { age = "5m" }

[[sink]]
name = "local"
type = "file-roll"
channel = "c"
directory = "/data/events"
reject-dir = "/data/rejects"
roll = { age = "2m" }

[[sink-group]]
name = "both"
sinks = ["lake", "local"]
processor = { type = "failover", priorities = { lake = 10 } }
"#;

#[test]
fn a_group_of_sinks_is_one_that_empties_a_channel() {
    let file = read(GROUP).unwrap();
    let sinks = &file.graph.sinks;
    assert_eq!((sinks.len(), sinks[0].name.as_str(), sinks[0].roll.age.as_secs()), (1, "both", 120));
    let crate::agent::sinks::SinkKind::Group(options) = &sinks[0].kind else { panic!("{sinks:?}") };
    let members: Vec<_> = options.members.iter().map(|member| (member.name.as_str(), member.priority)).collect();
    assert_eq!(members, [("lake", 10), ("local", -1)]);
    assert_eq!(file.targets().collect::<Vec<_>>(), ["/lake/events"]);
    for (old, new, wanted) in [
        ("[\"lake\", \"local\"]", "[\"lake\", \"lokal\"]", "there is no sink `lokal`; did you mean `local`?"),
        ("[\"lake\", \"local\"]", "[\"lake\"]", "a group has several sinks"),
        ("[\"lake\", \"local\"]", "[\"lake\", \"lake\", \"local\"]", "sink `lake` is named twice"),
        ("lake = 10 }", "lake = 10, local = 10 }", "two sinks have the priority 10"),
        ("lake = 10 }", "like = 10 }", "`like`, which is not a sink of the group"),
        (
            "{ type = \"failover\", priorities = { lake = 10 } }",
            "{ type = \"load-balancing\", max-penalty = \"9s\" }",
            "do not rest",
        ),
        ("directory = \"/data/events\"", "directory = \"/data/.events\"", "cannot be a directory of events"),
        ("reject-dir = \"/data/rejects\"", "reject-dir = \"/data/events/r\"", "lies in /data/events"),
        (
            "type = \"file-roll\"\nchannel = \"c\"\ndirectory = \"/data/events\"\nreject-dir = \"/data/rejects\"",
            "type = \"table\"\nchannel = \"c\"\ntarget-dir = \"/t\"\nreject-dir = \"/r\"\nparser = { type = \"weblog\" }",
            "takes rows",
        ),
    ] {
        assert!(GROUP.contains(old), "{old}");
        let said = read(&GROUP.replacen(old, new, 1)).map_err(|all| all.join("\n")).map(|_| new.to_owned());
        let said = said.unwrap_or_else(|said| said);
        let remedied = |wanted: &str| wanted.split("; ").all(|part| said.contains(part) || part.starts_with("did you"));
        assert!(remedied(wanted), "{new}: {said}");
    }
}

#[test]
fn ports_of_syslog_and_directories_of_files() {
    let with = |keys: &str| read(&format!("{WHOLE}[[source]]\nname = \"a\"\nchannels = [\"look\"]\n{keys}\n"));
    for (keys, wanted) in [
        ("type = \"syslog\"\nports = []", "ports names none"),
        ("type = \"syslog\"\nports = [1, 1]", "names one twice"),
        ("type = \"syslog\"\nports = [1, 2]\ntransport = \"udp\"", "has one port"),
        ("type = \"syslog\"\nports = [1]\nmax-message-bytes = 9", "max-message-bytes is 9"),
        ("type = \"syslog\"\nports = [1]\ntime-zone = \"Mars\"", "time-zone Mars is not known"),
        ("type = \"syslog\"\nports = [1]\nkeep-fields = [\"host\"]", "host"),
        ("type = \"netcat-udp\"\nport = 0", "port is 0"),
        ("type = \"spooldir\"\ndirectory = \"\"", "directory is empty"),
        ("type = \"spooldir\"\ndirectory = \"d\"\ninclude = \"(?=x)\"", "is not a regular expression"),
        ("type = \"spooldir\"\ndirectory = \"d\"\ncompleted-suffix = \"\"", "completed-suffix is"),
        ("type = \"spooldir\"\ndirectory = \"d\"\ncharset = \"utf-16\"", "utf-16"),
        (
            "type = \"taildir\"\nfiles = \"x\"\ncompressed = \"read\"\nstart = \"end\"",
            "where compressed files begin is not known",
        ),
    ] {
        let said = with(keys).unwrap_err().join("\n");
        assert!(said.contains(wanted), "{keys}: {said}");
    }
    assert!(with("type = \"syslog\"\nports = [5140, 5141]\nkeep-fields = [\"all\"]").is_ok());
    assert!(with("type = \"syslog\"\nports = [7000]\ntransport = \"udp\"\n[[source]]\nname = \"b\"\ntype = \"netcat\"\nport = 7000\nchannels = [\"look\"]").is_ok());
    let same = "type = \"syslog\"\nports = [7000, 7001]\n[[source]]\nname = \"b\"\ntype = \"netcat\"\nport = 7001\nchannels = [\"look\"]";
    assert!(with(same).unwrap_err().join("\n").contains("listens on the same port"));
}

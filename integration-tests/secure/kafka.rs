//! An agent from a Kafka topic to files and back to a topic, beside a Kafka of the test's own: the agent is killed while
//! records come, and Kafka's own clients read what became of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::own::Own;
use crate::stack::{REALM, keytab, printed, sakia};

const TOOLS: &str = "java -Xmx128m -cp '/opt/jars/kafka/*' org.apache.kafka.tools";

/// Runs one of Kafka's tools beside the broker.
fn tool(kafka: &Own, arguments: &str, input: &str) -> String {
    kafka.run(&format!("{TOOLS}.{} 2>/dev/null", arguments.replace('@', &kafka.address())), input)
}

fn run(directory: &Path, drain: bool) -> Child {
    let mut command = sakia();
    command.args(["agent", "run", "agent.toml"]).args(drain.then_some("--drain")).current_dir(directory);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn each_record_is_there_once_however_often_the_agent_is_killed() {
    let kafka = Own::kafka();
    for topic in ["clicks", "copies"] {
        tool(&kafka, &format!("TopicCommand --bootstrap-server @ --create --topic {topic} --partitions 3"), "");
    }
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let file = format!(
        "[[source]]\nname = 'in'\ntype = 'kafka'\nbrokers = '{0}'\ntopics = 'clicks'\ngroup-id = 'lake'\nsession-timeout = '7s'\n\
         heartbeat = '1s'\nchannels = ['files', 'copies']\n[[channel]]\nname = 'files'\ntype = 'file'\ndirectory = 'files.channel'\n\
         [[channel]]\nname = 'copies'\ntype = 'file'\ndirectory = 'copies.channel'\n[[sink]]\nname = 'files'\ntype = 'file-roll'\n\
         channel = 'files'\ndirectory = 'out'\nreject-dir = 'rejects'\nroll = {{ age = '1s' }}\n[[sink]]\nname = 'copies'\n\
         type = 'kafka'\nchannel = 'copies'\nbrokers = '{0}'\ntopic = 'copies'\ntopic-header = ''\n",
        kafka.address()
    );
    std::fs::write(directory.join("agent.toml"), file).unwrap();
    let mut count = 0;
    for _ in 0..4 {
        let mut agent = run(directory, false);
        let lines: String = (count..count + 3_000).map(|number| format!("event-{number}\n")).collect();
        tool(&kafka, "ConsoleProducer --bootstrap-server @ --topic clicks", &lines);
        count += 3_000;
        std::thread::sleep(Duration::from_millis(900));
        agent.kill().unwrap();
        agent.wait().unwrap();
    }
    let drained = run(directory, true).wait_with_output().unwrap();
    assert!(drained.status.success(), "{}", printed(&drained));
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for entry in std::fs::read_dir(directory.join("out")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().for_each(|line| *found.entry(line.to_owned()).or_default() += 1);
        }
    }
    assert_eq!(found.len(), count);
    assert!(found.values().all(|times| *times == 1), "{:?}", found.iter().find(|(_, times)| **times > 1));
    // The copies are there at least once, read by Kafka's own client.
    let copied = tool(
        &kafka,
        "consumer.ConsoleConsumer --bootstrap-server @ --topic copies --from-beginning --timeout-ms 5000",
        "",
    );
    let copies: BTreeMap<&str, ()> =
        copied.lines().filter(|line| line.starts_with("event-")).map(|line| (line, ())).collect();
    assert_eq!(copies.len(), count);
    // The group's offsets follow, for who watches it.
    let group = tool(&kafka, "consumer.group.ConsumerGroupCommand --bootstrap-server @ --describe --group lake", "");
    let lags: Vec<&str> = group
        .lines()
        .filter(|line| line.contains("clicks"))
        .filter_map(|line| line.split_whitespace().nth(5))
        .collect();
    assert_eq!(lags, ["0", "0", "0"], "{group}");
}

/// Records go to a broker that wants a ticket and come back from it. One whose service has another name is told so.
#[test]
fn a_broker_is_written_to_and_read_from_with_a_ticket() {
    let kafka = Own::kafka_with_tickets(REALM, &keytab("hive"));
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let agent = |name: &str, service: &str, source: &str, sink: &str| {
        let broker = |keys: &str| {
            format!(
                "type = 'kafka'\nbrokers = '{}'\nsasl = {{ mechanism = 'GSSAPI', principal = 'etl@{REALM}', keytab = '{}', \
                 service = '{service}' }}\n{keys}",
                kafka.address(),
                keytab("etl")
            )
        };
        let part = |keys: &str| keys.strip_prefix("kafka ").map_or_else(|| keys.to_owned(), broker);
        let file = format!(
            "[[source]]\nname = 'in'\nchannels = ['c']\n{}\n[[channel]]\nname = 'c'\ntype = 'file'\ndirectory = '{name}.c'\n\
             [[sink]]\nname = 'out'\nchannel = 'c'\n{}\n",
            part(source),
            part(sink)
        );
        std::fs::write(directory.join("agent.toml"), file).unwrap();
        run(directory, true).wait_with_output().unwrap()
    };
    let lines: Vec<String> = (0..500).map(|number| format!("event-{number}")).collect();
    std::fs::write(directory.join("in.log"), lines.join("\n") + "\n").unwrap();
    let from_file = "type = 'taildir'\nfiles = 'in.log'";
    let done = agent("wrong", "kafka", from_file, "kafka topic = 'clicks'");
    let said = printed(&done);
    assert!(!done.status.success() && said.contains("kafka/localhost"), "{said}");
    let done = agent("there", "hive", from_file, "kafka topic = 'clicks'\nidempotence = true");
    assert!(done.status.success(), "{}", printed(&done));
    let to_files = "type = 'file-roll'\ndirectory = 'out'\nreject-dir = 'rejects'";
    let done = agent("back", "hive", "kafka topics = 'clicks'\ngroup-id = 'lake'", to_files);
    assert!(done.status.success(), "{}", printed(&done));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory.join("out")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            found.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
    }
    found.sort();
    let mut wanted = lines;
    wanted.sort();
    assert_eq!(found, wanted);
}

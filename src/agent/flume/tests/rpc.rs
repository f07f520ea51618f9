//! `avro` and `thrift`: agents that send to each other.

use super::*;

fn source(more: &str) -> toml::Table {
    let head = "a1.sources.r.bind = 0.0.0.0\na1.sources.r.port = 4141\n";
    toml(&agent(&format!("{head}{more}")))["source"][0].as_table().unwrap().clone()
}

fn sink(more: &str) -> toml::Table {
    let head = "a1.sinks.k.hostname = collector\na1.sinks.k.port = 4141\n";
    toml(&agent(&format!("{head}{more}")))["sink"][0].as_table().unwrap().clone()
}

fn text<'a>(of: &'a toml::Table, key: &str) -> Option<&'a str> {
    of.get(key)?.as_str()
}

#[test]
fn sources_of_calls() {
    let made = source("a1.sources.r.type = avro\na1.sources.r.threads = 4");
    assert_eq!((text(&made, "type"), text(&made, "bind")), (Some("avro"), Some("0.0.0.0")));
    assert!(!made.contains_key("compression") && !made.contains_key("tls") && !made.contains_key("ip-filter"));
    let filter = "a1.sources.r.ipFilter = true\na1.sources.r.ipFilterRules = allow:ip:127.*, deny:ip:*\n";
    let made = source(&format!("{filter}a1.sources.r.type = avro\na1.sources.r.compression-type = deflate"));
    assert_eq!(text(&made, "compression"), Some("deflate"));
    let rules: Vec<&str> = made["ip-filter"].as_array().unwrap().iter().filter_map(|rule| rule.as_str()).collect();
    assert_eq!(rules, ["allow:ip:127.*", "deny:ip:*"]);
    let made = source("a1.sources.r.type = org.apache.flume.source.ThriftSource\na1.sources.r.protocol = binary");
    assert_eq!((text(&made, "type"), text(&made, "protocol")), (Some("thrift"), Some("binary")));
}

#[test]
fn sinks_of_calls() {
    let made = sink("a1.sinks.k.type = avro\na1.sinks.k.connect-timeout = 5000\na1.sinks.k.request-timeout = 10");
    assert_eq!((text(&made, "type"), text(&made, "host")), (Some("avro"), Some("collector")));
    assert_eq!((made["port"].as_integer(), made["batch-size"].as_integer()), (Some(4141), Some(100)));
    assert_eq!((text(&made, "connect-timeout"), text(&made, "request-timeout")), (Some("5s"), Some("20s")));
    assert!(!made.contains_key("reset-connection-interval") && !made.contains_key("roll"));
    let deflate = "a1.sinks.k.compression-type = deflate\na1.sinks.k.compression-level = 9\na1.sinks.k.ssl = true\n";
    let made = sink(&format!("{deflate}a1.sinks.k.type = avro\na1.sinks.k.reset-connection-interval = 60"));
    assert_eq!((text(&made, "compression"), made["compression-level"].as_integer()), (Some("deflate"), Some(9)));
    assert_eq!(made["compress-around-tls"].as_bool(), Some(true));
    assert_eq!(text(&made, "reset-connection-interval"), Some("60s"));
    let made = sink("a1.sinks.k.type = thrift\na1.sinks.k.protocol = COMPACT\na1.sinks.k.batch-size = 7");
    assert_eq!((text(&made, "type"), made["batch-size"].as_integer()), (Some("thrift"), Some(7)));
    let said = notes(&agent("a1.sinks.k.type = avro\na1.sinks.k.hostname = h\na1.sinks.k.port = 1"));
    assert!(said.contains("events arrive at least once"), "{said}");
}

#[test]
fn what_calls_are_not_here() {
    let head = "a1.sources.r.bind = 127.0.0.1\na1.sources.r.port = 4141\na1.sources.r.type = thrift\n\
                a1.sinks.k.hostname = h\na1.sinks.k.port = 1\na1.sinks.k.type = thrift\n";
    for (more, said) in [
        ("a1.sources.r.kerberos = true", "a1.sources.r.kerberos = true is not here"),
        ("a1.sinks.k.kerberos = true", "a1.sinks.k.kerberos = true is not here"),
        ("a1.sinks.k.trust-all-certs = true", "a1.sinks.k.trust-all-certs = true is not here"),
        ("a1.sinks.k.protocol = json", "a1.sinks.k.protocol = json is not a protocol of Thrift"),
        ("a1.sources.r.ssl = true", "a1.sources.r has no keystore"),
        ("a1.sinks.k.batch-size = 2000", "transactionCapacity of 1000"),
    ] {
        let found = wrong(&agent(&format!("{head}{more}")));
        assert!(found.contains(said), "{said}: {found}");
    }
    let missing = wrong(&agent("a1.sinks.k.type = avro\na1.sources.r.type = avro"));
    for key in ["sinks.k has no hostname", "sinks.k has no port", "sources.r has no bind", "sources.r has no port"] {
        assert!(missing.contains(key), "{key}: {missing}");
    }
}

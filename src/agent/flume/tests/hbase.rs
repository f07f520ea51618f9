//! The sinks of HBase, and that of HTTP.

use super::{agent, notes, toml, wrong};

fn hbase(more: &str) -> String {
    let base = "a1.sinks.k.type = hbase2\na1.sinks.k.table = ecom:act\na1.sinks.k.columnFamily = e\n";
    agent(&format!("{base}{}", more.replace('@', "a1.sinks.k.")))
}

#[test]
fn the_simple_serializer_has_a_row_an_event_and_a_counter() {
    let made = toml(&hbase("@zookeeperQuorum = zk1:2181\n@batchSize = 50"));
    let sink = &made["sink"][0];
    assert_eq!((sink["type"].as_str(), sink["table"].as_str()), (Some("hbase"), Some("ecom:act")));
    assert_eq!(sink["row-key"].to_string(), r#"[{ text = "default" }, { place = "uuid" }]"#);
    assert_eq!(sink["cells"].to_string(), r#"{ "e:pCol" = "body" }"#);
    assert_eq!(sink["counter"].to_string(), r#"{ cell = "e:iCol", row = "incRow" }"#);
    assert_eq!((sink["cell-time"].as_str(), sink["batch-size"].as_integer()), (Some("written"), Some(50)));
    assert_eq!(sink["reject-dir"].as_str(), Some("/home/flume/.flume/rejected/k"));
    assert_eq!(made["hbase"]["url"].to_string(), r#"["localhost:9090"]"#);
    let said = notes(&hbase("@zookeeperQuorum = zk1:2181\n@coalesceIncrements = true"));
    for part in
        ["zookeeperQuorum = zk1:2181: does nothing here", "thriftGateways", "counts each event once", "once an epoch"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let more = "@thriftGateways = g1:9090, g2:9090\n@rejectDir = /r\n@kerberosPrincipal = flume/h\n@kerberosKeytab = /k\n\
                @serializer = org.apache.flume.sink.hbase2.SimpleHBase2EventSerializer\n@serializer.suffix = timestamp\n\
                @serializer.rowPrefix = p-\n@serializer.payloadColumn = body";
    let made = toml(&hbase(more));
    assert_eq!(made["hbase"]["url"].to_string(), r#"["g1:9090", "g2:9090"]"#);
    assert_eq!(
        (made["kerberos"]["principal"].as_str(), made["kerberos"]["keytab"].as_str()),
        (Some("flume/h"), Some("/k"))
    );
    let key = r#"[{ text = "p-" }, { optional = true, time = "millis" }, { text = "-" }, { place = "ordered" }]"#;
    assert_eq!(made["sink"][0]["row-key"].to_string(), key);
    assert!(notes(&hbase(more)).contains("events of one moment have rows of their own"));
}

#[test]
fn fv100_the_regex_serializer_has_a_cell_a_group() {
    let regex = "@serializer = org.apache.flume.sink.hbase2.RegexHBase2EventSerializer\n";
    let made = &toml(&hbase(regex))["sink"][0];
    assert_eq!(
        (made["regex"].as_str(), made["cells"].to_string()),
        (Some("(.*)"), r#"{ "e:payload" = "payload" }"#.to_owned())
    );
    let more = format!(
        "{regex}@serializer.regex = ^([^ ]*) ([^ ]*) (.*)$\n@serializer.regexIgnoreCase = true\n\
         @serializer.colNames = host,ROW_KEY,rest\n@serializer.rowKeyIndex = 1\n@serializer.depositHeaders = true"
    );
    let made = &toml(&hbase(&more))["sink"][0];
    assert_eq!(made["fields"].to_string(), r#"["host", "ROW_KEY", "rest"]"#);
    assert_eq!(made["row-key"].to_string(), r#"[{ field = "ROW_KEY" }]"#);
    assert_eq!(made["cells"].to_string(), r#"{ "e:host" = "host", "e:rest" = "rest" }"#);
    assert_eq!((made["ignore-case"].as_bool(), made["header-family"].as_str()), (Some(true), Some("e")));
    assert!(made.get("counter").is_none() && notes(&hbase(&more)).contains("Flume drops it without a word"));
    for (more, said) in [
        ("@serializer.rowKeyIndex = 0", "is not the place of ROW_KEY"),
        ("@serializer.rowKeyIndex = 7", "is not the place of ROW_KEY"),
        ("@serializer.colNames = a,a", "has a name twice"),
    ] {
        let wrong = wrong(&hbase(&format!("{regex}{more}")));
        assert!(wrong.contains(said), "{wrong}");
    }
    assert!(wrong(&hbase("@serializer = com.example.Mine")).contains("a class of its own"));
    let asynchronous = hbase(
        "@type = asynchbase\n@serializer = org.apache.flume.sink.hbase.SimpleAsyncHbaseEventSerializer\n@timeout = 100",
    );
    assert!(toml(&asynchronous)["sink"][0].get("counter").is_some());
}

#[test]
fn statuses_of_http_are_what_flume_rolls_back() {
    let http = |more: &str| {
        agent(&format!(
            "a1.sinks.k.type = http\na1.sinks.k.endpoint = http://h:8080/x\n{}",
            more.replace('@', "a1.sinks.k.")
        ))
    };
    let made = &toml(&http(""))["sink"][0];
    assert_eq!((made["url"].as_str(), made["connect-timeout"].as_str()), (Some("http://h:8080/x"), Some("5s")));
    assert_eq!((made["content-type"].as_str(), made["accept"].as_str()), (Some("text/plain"), Some("text/plain")));
    assert_eq!(made["statuses"].to_string(), r#"{ 2XX = "taken", 3XX = "retry", 4XX = "retry", 5XX = "retry" }"#);
    assert!(notes(&http("")).contains("rollback.2XX = false"));
    let guide = "@defaultBackoff = true\n@defaultRollback = true\n@backoff.4XX = false\n@rollback.4XX = false\n\
                 @incrementMetrics.4XX = true\n@backoff.200 = false\n@rollback.200 = false\n@incrementMetrics.200 = true";
    let made = &toml(&http(guide))["sink"][0];
    let statuses = r#"{ 200 = "taken", 2XX = "retry", 3XX = "retry", 4XX = "reject", 5XX = "retry" }"#;
    assert_eq!(made["statuses"].to_string(), statuses);
    let lax = &toml(&http("@defaultRollback = false\n@rollback.503 = true"))["sink"][0]["statuses"];
    assert_eq!(lax.to_string(), r#"{ 3XX = "reject", 4XX = "reject", 503 = "retry", 5XX = "reject" }"#);
}

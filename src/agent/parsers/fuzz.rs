//! Lines of logs and bodies of events, with the formats that they are taken apart by.

use serde::Deserialize;

use super::Parser;
use super::delimited::{DelimitedParser, LineFormat};
use super::json::JsonParser;
use super::mapping::FieldArgs;
use super::pattern::PatternParser;
use super::weblog::{LogFormat, WeblogParser};
use crate::agent::event::Event;
use crate::agent::fuzz::{Target, first_line, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "weblog", seeds: lines, run: weblog },
    Target { name: "json", seeds: objects, run: json },
    Target { name: "delimited", seeds: fields, run: delimited },
    Target { name: "pattern", seeds: texts, run: pattern },
];

/// Columns of each type.
const COLUMNS: &str = r#"columns = [
    { name = "a" }, { name = "b", type = "int" }, { name = "c", type = "bigint" }, { name = "d", type = "double" },
    { name = "e", type = "boolean" }, { name = "f", type = "timestamp", truncate = true },
    { name = "g", type = "timestamp", format = "millis" }, { name = "h", key = "KEY" },
]"#;

#[derive(Deserialize)]
struct Columns {
    columns: Vec<FieldArgs>,
}

/// The columns; their last one takes the value that is called `key`.
fn columns(key: &str) -> Vec<FieldArgs> {
    toml::from_str::<Columns>(&COLUMNS.replace("KEY", key)).map(|read| read.columns).unwrap_or_default()
}

/// Takes a body apart twice; an event that is refused gives no row, and both times are alike.
fn parse(parser: &mut dyn Parser, body: &[u8]) {
    let mut event = Event { body: body.to_vec().into(), ..Event::default() };
    event.headers.set("timestamp", "1700000000000");
    let [first, second] = [parsed(parser, &event), parsed(&mut *parser.boxed(), &event)];
    assert_eq!(first, second);
}

fn parsed(parser: &mut dyn Parser, event: &Event) -> Result<Vec<String>, String> {
    let (width, mut rows) = (parser.columns().len(), Vec::new());
    let done = parser.parse(event, &mut |row| {
        assert_eq!(row.cells.len(), width);
        rows.push(format!("{} {:?}", row.time, row.cells));
    });
    assert!(done.is_ok() || rows.is_empty());
    done.map(|()| rows)
}

fn lines() -> Vec<Vec<u8>> {
    seeds(&[
        "combined\n10.0.0.1 - - [10/Oct/2020:13:55:36 +0000] \"GET /p/1?q=a%20b HTTP/1.1\" 200 12 \"-\" \"curl\"",
        "LogFormat \"%h %l %u %t \\\"%r\\\" %>s %b %D %{X-Forwarded-For}i\"\nh - - [10/Oct/2020:13:55:36 +0000] \"GET / HTTP/1.0\" 200 - 7 1.2.3.4, ::1",
        "log_format x '$remote_addr [$time_iso8601] \"$request\" $status $request_time';\n::1 [2020-10-10T13:55:36+02:00] \"\\x16\\x03\" 400 0.001",
        "%v:%p %h %{%s}t.%{usec_frac}t %U%q %H %{Referer}i\nwww:80 h 1602338136.000001 /a?b HTTP/1.1 -",
    ])
}

fn weblog(data: &[u8]) {
    let (format, line) = first_line(data);
    let Ok(format) = std::str::from_utf8(format) else { return };
    let parser = LogFormat::new(format).and_then(|format| WeblogParser::new(format, &[], &[]));
    if let Ok(mut parser) = parser {
        parse(&mut parser, line);
    }
}

fn objects() -> Vec<Vec<u8>> {
    seeds(&[
        "x.y\n{\"a\":\"A\",\"b\":1,\"c\":-9223372036854775808,\"d\":1e3,\"e\":true,\"f\":\"2024-01-01T00:00:00.1234567Z\",\"g\":1704067200000,\"x\":{\"y\":[1,{}]}}",
        "/k~1l\n{\"k/l\":\"\\u00fc\\ud83d\\ude00\",\"b\":\"7\",\"f\":null}",
    ])
}

fn json(data: &[u8]) {
    let (key, body) = first_line(data);
    let Ok(mut parser) = JsonParser::new(&columns(&String::from_utf8_lossy(key)), None) else { return };
    parse(&mut parser, body);
}

fn fields() -> Vec<Vec<u8>> {
    seeds(&[",\"\na,1,2,3.5,true,2024-01-01T00:00:00Z,1704067200000,\"x,\"\"y\"\"\"", "\t\nA\t\t\t\t\t\t\t"])
}

fn delimited(data: &[u8]) {
    let (format, line) = first_line(data);
    let Some(separator) = format.first() else { return };
    let format = LineFormat { separator: *separator, quote: format.get(1).copied(), null: String::new() };
    if let Ok(mut parser) = DelimitedParser::new(format, &[], &columns("h"), None) {
        parse(&mut parser, line);
    }
}

fn texts() -> Vec<Vec<u8>> {
    seeds(&["(?<a>.*?) (?<b>\\d+) ?(?<c>x)?(?<d>)(?<e>)(?<f>)(?<g>)(?<h>.*)\nab 12 x rest"])
}

fn pattern(data: &[u8]) {
    let (pattern, line) = first_line(data);
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    if let Ok(mut parser) = PatternParser::new(pattern, &columns("h"), None) {
        parse(&mut parser, line);
    }
}

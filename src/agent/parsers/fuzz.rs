//! Lines of logs and bodies of events, with the formats that they are taken apart by.

use serde::Deserialize;

use super::Parser;
use super::delimited::{DelimitedParser, LineFormat};
use super::json::JsonParser;
use super::key_value::{KeyValueParser, PairFormat};
use super::mapping::{FieldArgs, Found};
use super::pattern::PatternParser;
use super::piece::Piece;
use super::weblog::{LogFormat, WeblogParser};
use crate::agent::event::Event;
use crate::fuzz::{Target, first_line, seeds};

pub(in crate::agent) const TARGETS: &[Target] = &[
    Target { name: "weblog", seeds: lines, run: weblog },
    Target { name: "json", seeds: objects, run: json },
    Target { name: "delimited", seeds: fields, run: delimited },
    Target { name: "key-value", seeds: pairs, run: key_value },
    Target { name: "pattern", seeds: texts, run: pattern },
    Target { name: "piece", seeds: values, run: piece },
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

fn pairs() -> Vec<Vec<u8>> {
    seeds(&[
        " =\"\na=\"A \\\"\\u00fc\\ud83d\\ude00\" b=1 c=-5 d=1e3 e f=2024-01-01T00:00:00Z g=1704067200000 h=",
        "&=%\na=1+2&b=%37&h=%C3%A4%ff&&e",
        ";:\na : b ; c:1;;",
    ])
}

/// The first line has the separator, what assigns, and the quote; or a percent sign, where values are encoded.
fn key_value(data: &[u8]) {
    let (format, line) = first_line(data);
    let format = String::from_utf8_lossy(format);
    let mut format = format.chars();
    let (Some(separator), Some(assign)) = (format.next(), format.next()) else { return };
    let quote = format.next();
    let percent = quote == Some('%');
    let format = PairFormat { separator, assign, quote: quote.filter(|_| !percent), null: None, percent };
    if let Ok(mut parser) = KeyValueParser::new(format, &columns("h"), None) {
        parse(&mut parser, line);
    }
}

fn values() -> Vec<Vec<u8>> {
    seeds(&[
        "a\nhttps://u:p@Shop.example:8443/p/1?a=b+%C3%A4&a=c#top",
        "utm_source\n//[2001:DB8::1]:80/?utm%5Fsource=%ff",
        "x\n203.0.113.7, 10.0.0.1 ,10.0.0.2",
        "x\nMozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
        "x\nMozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "x\nDoCoMo/2.0 N2502(c100;TB;W24H16)",
    ])
}

/// The parts of a URL, a list of addresses or a user agent; the first line names a parameter.
fn piece(data: &[u8]) {
    let (name, text) = first_line(data);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let parameter = Piece::Parameter(String::from_utf8_lossy(name).into_owned());
    let of_text = [Piece::Host, Piece::Path, Piece::Query, parameter, Piece::First, Piece::Last];
    let of_agent = [Piece::IsBot, Piece::UaFamily, Piece::UaOs, Piece::UaDevice];
    for piece in of_text.iter().chain(&of_agent) {
        let found = piece.of(Found::Text(text.into()));
        assert_eq!(found, piece.of(Found::Text(text.to_owned().into())));
        assert_ne!(found, Some(Found::Text("".into())));
    }
}

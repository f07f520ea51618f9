//! The formats of servers: lines that fit them, and lines that have to be refused.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::Offset;
use proptest::prelude::*;

use super::entry::LogEntry;
use super::*;
use crate::error::Kind;

mod times;
mod user_agents;

const LINE: &str = concat!(
    r#"203.0.113.9 - 8812 [28/Mar/2021:01:59:58 +0530] "GET /p/85123A?q=\"x\" HTTP/1.1" 200 5131 "#,
    r#""https://mail.example/" "Mozilla/5.0 (Linux; Android 11)" rt=48211 sid=s1f0 vid=v77c"#
);

const MAIN: &str = r#"log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';"#;

fn format(text: &str) -> LogFormat {
    LogFormat::new(text).unwrap()
}

/// The extra fields of a line, by the names of their columns.
fn extras<'a>(format: &'a LogFormat, entry: &'a LogEntry<'_>) -> Vec<(&'a str, Option<&'a str>)> {
    format.extras().iter().map(|e| e.name.as_str()).zip(entry.extras.iter().map(Option::as_deref)).collect()
}

#[test]
fn a_whole_line() {
    let combined = format("combined");
    let line = combined.parse(LINE.as_bytes()).unwrap();
    assert_eq!(line.host, Some("203.0.113.9"));
    assert_eq!(line.user.as_deref(), Some("8812"));
    assert_eq!(line.time.to_string(), "2021-03-27T20:29:58Z");
    let request = line.request_line().unwrap();
    assert_eq!((request.method, request.path, request.query), (Some("GET"), Some("/p/85123A"), Some("q=\"x\"")));
    assert_eq!((line.status, line.bytes, line.runtime_us), (Some(200), Some(5131), Some(48211)));
    assert_eq!(line.referrer.as_deref(), Some("https://mail.example/"));
    assert_eq!(line.user_agent.as_deref(), Some("Mozilla/5.0 (Linux; Android 11)"));
    assert_eq!((line.session.as_deref(), line.visitor.as_deref()), (Some("s1f0"), Some("v77c")));
    assert_eq!(extras(&combined, &line), [("ident", None)]);
}

#[test]
fn dashes_are_null_and_extensions_may_be_missing() {
    let combined = format("combined");
    let line = combined.parse(br#"h frank - [01/Dec/2010:00:00:00 -0000] "-" 408 - "-" "-""#).unwrap();
    assert_eq!((&line.user, &line.request, line.bytes, &line.referrer), (&None, &None, None, &None));
    assert_eq!(extras(&combined, &line), [("ident", Some("frank"))]);
    let line = combined.parse(br#"h - - [01/Dec/2010:00:00:00 +0000] "" 400 0 "" "" vid=- sid=x"#).unwrap();
    assert_eq!(line.request.as_deref(), Some(""));
    assert_eq!((line.session.as_deref(), line.visitor, line.runtime_us), (Some("x"), None, None));
}

#[test]
fn users_with_blanks_and_brackets() {
    for (user, expected) in [("john [x] doe", "john [x] doe"), ("\"\"", ""), (r"a\x20b", "a b"), ("x [y", "x [y")] {
        let line = format!(r#"h - {user} [01/Dec/2010:00:00:00 +0000] "-" 200 0 "-" "-""#);
        assert_eq!(format("combined").parse(line.as_bytes()).unwrap().user.as_deref(), Some(expected));
    }
}

#[test]
fn garbage_requests_are_valid_lines() {
    for request in ["", "GET", r#"\x16\x03\x01\x00\x8b\x01\x00\"\x87\\"#, "hello"] {
        let text = LINE.replace(r#"GET /p/85123A?q=\"x\" HTTP/1.1"#, request);
        let combined = format("combined");
        let line = combined.parse(text.as_bytes()).unwrap();
        assert_eq!(line.request.as_deref(), Some(request));
        assert_eq!(line.request_line(), None);
    }
}

#[test]
fn malformed_lines_say_why() {
    let combined = format("combined");
    let agent_end = LINE.rfind('"').unwrap();
    for end in 0..agent_end {
        assert!(combined.parse(&LINE.as_bytes()[..end]).is_err(), "{}", &LINE[..end]);
    }
    for (from, to, why) in [
        ("28/Mar", "31/Feb", "the time is not a time"),
        ("01:59:58", "24:00:00", "the time is not a time"),
        ("+0530", "+0560", "the time is not a time"),
        (" 200 ", " 20 ", "the status is not three digits"),
        (" 5131 ", " 51x ", "the bytes is not a number"),
        ("rt=48211", "rt=-5", "rt is not a number"),
        ("vid=v77c", "vi", "unknown field behind the user agent"),
        (" rt=", "rt=", "text behind the last quote"),
    ] {
        assert_eq!(combined.parse(LINE.replace(from, to).as_bytes()).unwrap_err(), why, "{to}");
    }
    assert_eq!(combined.parse(b"\xff\xfe").unwrap_err(), "not UTF-8");
    assert_eq!(combined.parse(b"").unwrap_err(), "empty line");
}

/// Lines of other formats, which must not be read as if they were combined.
#[test]
fn lines_of_other_formats_are_refused_and_not_bent() {
    let rest = r#"[10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 10 "-" "curl/7""#;
    for front in [
        "shop.example:443 203.0.113.9 - frank",
        "shop.example 203.0.113.9 - frank",
        "shop.example 203.0.113.9 - -",
        "shop.example 203.0.113.9 frank",
        "shop.example host.example - frank",
        "203.0.113.9, 10.0.0.7 - frank",
        "203.0.113.9,10.0.0.7 - frank",
        "203.0.113.9, 10.0.0.7 - -",
        "203.0.113.9 - - frank",
        "203.0.113.9 - frank -",
        "203.0.113.9 frank",
        "203.0.113.9 -",
        "203.0.113.9  - frank",
        "203.0.113.9 id 42 frank x",
        "\"203.0.113.9\" - frank",
    ] {
        let line = format!("{front} {rest}");
        assert!(format("combined").parse(line.as_bytes()).is_err(), "{front}");
    }
    let good = format!("203.0.113.9 - frank {rest}");
    format("combined").parse(good.as_bytes()).unwrap();
    for bad in [format!("{good} \"203.0.113.9\""), format!("{good} 5"), good.replace(" 10 ", " 10 77 ")] {
        assert!(format("combined").parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(format("common").parse(good.as_bytes()).is_err(), "more than the format has");
    assert!(format(MAIN).parse(good.as_bytes()).is_err(), "less than the format has");
}

#[test]
fn debians_vhost_combined() {
    let line =
        br#"shop.example:443 203.0.113.9 - frank [10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 10 "-" "curl/7""#;
    let vhost = format("vhost_combined");
    let entry = vhost.parse(line).unwrap();
    assert_eq!((entry.host, entry.user.as_deref(), entry.bytes), (Some("203.0.113.9"), Some("frank"), Some(10)));
    let expected = [("ident", None), ("virtual_host", Some("shop.example")), ("port", Some("443"))];
    assert_eq!(extras(&vhost, &entry), expected);
    let as_configured =
        r#"LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined"#;
    assert_eq!(format(as_configured), vhost);
}

#[test]
fn nginxs_main() {
    let line = concat!(
        r#"10.0.0.7 - frank [10/Oct/2020:13:55:36 +0000] "GET /a?b HTTP/1.1" 200 10 "-" "x" "#,
        r#""203.0.113.9, 10.0.0.7""#
    );
    assert_eq!(format(MAIN), format("main"));
    let main = format("main");
    let entry = main.parse(line.as_bytes()).unwrap();
    assert_eq!((entry.host, entry.user.as_deref()), (Some("10.0.0.7"), Some("frank")));
    assert_eq!(extras(&main, &entry), [("forwarded_for", Some("203.0.113.9, 10.0.0.7"))]);
    let without = line.replace(r#""203.0.113.9, 10.0.0.7""#, r#""-""#);
    assert_eq!(extras(&main, &main.parse(without.as_bytes()).unwrap()), [("forwarded_for", None)]);
}

#[test]
fn several_servers_behind_nginx_are_one_value() {
    let upstream = format(r#"$remote_addr [$time_local] "$request" $status $upstream_response_time $upstream_status"#);
    for (times, status) in [("0.1", "200"), ("0.1, 0.2", "502, 200"), ("0.1, - : 0.3", "502, 504 : 200")] {
        let line = format!(r#"10.0.0.7 [10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 {times} {status}"#);
        let entry = upstream.parse(line.as_bytes()).unwrap();
        let expected = [("upstream_response_time", Some(times)), ("upstream_status", Some(status))];
        assert_eq!(extras(&upstream, &entry), expected);
    }
    let line = br#"10.0.0.7 [10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 0.1 200 more"#;
    assert!(upstream.parse(line).is_err());
}

#[test]
fn a_list_in_front_begins_with_the_client() {
    let list = format(r#"%{X-Forwarded-For}i %l %u %t "%r" %>s %b"#);
    for (front, client) in [
        ("203.0.113.9, 10.0.0.7", Some("203.0.113.9")),
        ("203.0.113.9", Some("203.0.113.9")),
        ("unknown, 10.0.0.7", None),
        ("2001:db8::1,10.0.0.7", Some("2001:db8::1")),
    ] {
        let line = format!(r#"{front} - frank [10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 10"#);
        let entry = list.parse(line.as_bytes()).unwrap();
        assert_eq!((entry.host, entry.user.as_deref()), (client, Some("frank")), "{front}");
        assert_eq!(extras(&list, &entry), [("ident", None), ("forwarded_for", Some(front))]);
    }
    let line = br#"- - frank [10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 10"#;
    assert_eq!(list.parse(line).unwrap().host, None);
    for front in ["203.0.113.9 10.0.0.7", "203.0.113.9,", "a b, c"] {
        let line = format!(r#"{front} - frank [10/Oct/2020:13:55:36 +0000] "GET / HTTP/1.1" 200 10"#);
        assert!(list.parse(line.as_bytes()).is_err(), "{front}");
    }
}

#[test]
fn a_request_logged_in_parts() {
    for (text, line) in [
        (r#"%t "%m %U%q %H" %s"#, r#"[10/Oct/2020:13:55:36 +0000] "GET /a b?c=d HTTP/1.1" 200"#),
        (
            "[$time_local] $request_method $request_uri $server_protocol $status",
            "[10/Oct/2020:13:55:36 +0000] GET /a b?c=d HTTP/1.1 200",
        ),
        ("$msec $request_method $uri$is_args$args $server_protocol", "1602338136.000 GET /a b?c=d HTTP/1.1"),
    ] {
        let format = format(text);
        let entry = format.parse(line.as_bytes()).unwrap();
        assert_eq!(entry.time.to_string(), "2020-10-10T13:55:36Z");
        let request = entry.request_line().unwrap();
        let parts = (request.method, request.path, request.query, request.protocol);
        assert_eq!(parts, (Some("GET"), Some("/a b"), Some("c=d"), Some("HTTP/1.1")), "{text}");
    }
}

#[test]
fn json_that_nginx_writes() {
    let format = format(concat!(
        r#"log_format j escape=json '{"time":"$time_iso8601","ip":"$remote_addr","user":"$remote_user",'"#,
        r#"'"status":$status,"agent":"$http_user_agent","id":"$request_id"}';"#
    ));
    let line =
        r#"{"time":"2020-10-10T13:55:36+00:00","ip":"::1","user":"","status":200,"agent":"a \"b\" \u0001","id":"7f"}"#;
    let entry = format.parse(line.as_bytes()).unwrap();
    assert_eq!((entry.host, &entry.user, entry.status), (Some("::1"), &None, Some(200)));
    assert_eq!(entry.user_agent.as_deref(), Some("a \"b\" \u{1}"));
    assert_eq!(extras(&format, &entry), [("request_id", Some("7f"))]);
    assert!(format.parse(line.replace("200", "\"200\"").as_bytes()).is_err());
}

#[test]
fn formats_that_cannot_be_read_are_refused() {
    for (text, why) in [
        ("combimed", "there is no log format"),
        ("%h %t %r", "quotes"),
        ("%h %u \"%r\"", "time of the request"),
        ("%h%u %t", "nothing follows the host"),
        ("%t %j", "%j"),
        ("%t %{x", "%{x"),
        ("%t $remote_addr %t", "once more"),
        ("%t \"%{Host}i\" \"%{Host}i\"", "twice"),
        ("%{%F %T}t %h", "zone"),
        ("%{end:sec}t", "answer was sent"),
        ("$remote_addr [$time_local] ${open", "variable"),
        ("log_format x escape=none '$msec';", "escape=none"),
        ("LogFormat combined", "quotes"),
        ("", "there is no log format"),
    ] {
        let error = LogFormat::new(text).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains(why), "{text}: {error}");
        assert!(error.remedy().is_some(), "{text}");
    }
}

/// Writes as mod_log_config does.
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
        out
    })
}

/// A field of a format: what Apache is told, and what it then writes.
#[derive(Clone, Debug)]
struct Written {
    directive: &'static str,
    text: String,
}

/// Any text but the one that means NULL.
fn field() -> impl Strategy<Value = String> {
    "\\PC{0,20}|[ -~\u{0}-\u{1f}é€]{0,40}".prop_filter("NULL", |t| t != "-")
}

fn quoted(directive: &'static str) -> BoxedStrategy<Written> {
    let text = proptest::option::of(field());
    text.prop_map(move |t| Written { directive, text: format!("\"{}\"", t.map_or("-".into(), |t| escape(&t))) }).boxed()
}

fn bare(directive: &'static str, pattern: &'static str) -> BoxedStrategy<Written> {
    pattern.prop_map(move |text| Written { directive, text }).boxed()
}

/// All fields that the tests know, each at most once, in any order.
fn fields() -> impl Strategy<Value = Vec<Written>> {
    let all = vec![
        bare("%h", "-|[a-z]{1,9}(\\.[a-z]{2,3})?|[1-9]{1,2}\\.0\\.0\\.[1-9]|2001:db8::[0-9a-f]{1,4}"),
        bare("%l", "-|[a-z]{1,5}"),
        bare("%>s", "-|[1-5][0-9]{2}"),
        bare("%b", "-|[0-9]{1,12}"),
        bare("%D", "[0-9]{1,9}"),
        bare("%v:%p", "[a-z]{1,9}\\.example:[0-9]{2,4}"),
        bare("%{id}C", "-|[a-zA-Z0-9=+/]{1,12}"),
        bare("%{X-Forwarded-For}i", "-|[1-9]\\.0\\.0\\.1(, ?[1-9]\\.0\\.0\\.2){0,3}"),
        quoted("\"%r\""),
        quoted("\"%{Referer}i\""),
        quoted("\"%{User-Agent}i\""),
        quoted("\"%{X-Custom}i\""),
    ];
    let count = all.len();
    (all, proptest::sample::subsequence((0..count).collect::<Vec<_>>(), 1..=count)).prop_flat_map(|(all, chosen)| {
        let mut fields: Vec<Written> = chosen.into_iter().map(|i| all[i].clone()).collect();
        fields.push(Written { directive: "%t", text: "[28/Mar/2021:01:59:58 +0530]".to_owned() });
        Just(fields).prop_shuffle()
    })
}

fn joined(fields: &[Written], part: impl Fn(&Written) -> &str) -> String {
    fields.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// What a field of a parsed line says, as Apache would write it.
fn said(entry: &LogEntry<'_>, format: &LogFormat, directive: &str) -> String {
    let dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let quoted = |text: &Option<Cow<'_, str>>| format!("\"{}\"", dash(text.as_deref().map(escape)));
    let extra = |name: &str| {
        let at = format.extras().iter().position(|e| e.name == name).unwrap();
        entry.extras[at].as_deref().map(str::to_owned)
    };
    match directive {
        "%h" => dash(entry.host.map(str::to_owned)),
        "%l" => dash(extra("ident")),
        "%>s" => dash(entry.status.map(|s| s.to_string())),
        "%b" => dash(entry.bytes.map(|b| b.to_string())),
        "%D" => dash(entry.runtime_us.map(|r| r.to_string())),
        "%v:%p" => format!("{}:{}", dash(extra("virtual_host")), dash(extra("port"))),
        "%{id}C" => dash(extra("cookie_id")),
        "%{X-Forwarded-For}i" => dash(extra("forwarded_for")),
        "\"%r\"" => quoted(&entry.request),
        "\"%{Referer}i\"" => quoted(&entry.referrer),
        "\"%{User-Agent}i\"" => quoted(&entry.user_agent),
        "\"%{X-Custom}i\"" => quoted(&extra("http_x_custom").map(Cow::Owned)),
        "%t" => {
            assert_eq!(entry.time.to_string(), "2021-03-27T20:29:58Z");
            "[28/Mar/2021:01:59:58 +0530]".to_owned()
        }
        _ => unreachable!("{directive}"),
    }
}

/// Numbers are compared as numbers.
fn without_zeros(text: &str) -> &str {
    let is_number = text.len() > 1 && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { Some(text.trim_start_matches('0')).filter(|t| !t.is_empty()).unwrap_or("0") } else { text }
}

proptest! {
    #[test]
    fn what_was_written_in_a_format_is_read_by_it(fields in fields()) {
        let format = format(&joined(&fields, |f| f.directive));
        let line = joined(&fields, |f| &f.text);
        let entry = format.parse(line.as_bytes()).map_err(TestCaseError::fail)?;
        for field in &fields {
            let said = said(&entry, &format, field.directive);
            prop_assert_eq!(without_zeros(&said), without_zeros(&field.text), "{} in {}", field.directive, &line);
        }
    }

    #[test]
    fn a_field_more_or_less_is_refused(fields in fields(), at in any::<prop::sample::Index>(), more in any::<bool>()) {
        let format = format(&joined(&fields, |f| f.directive));
        let mut written = fields.clone();
        if more {
            let extra = Written { directive: "", text: "x".to_owned() };
            written.insert(at.index(fields.len() + 1), extra);
        } else {
            written.remove(at.index(fields.len()));
        }
        let line = joined(&written, |f| &f.text);
        prop_assert!(format.parse(line.as_bytes()).is_err(), "{line}");
    }

    #[test]
    fn combined_lines_with_any_user_and_time(
        user in proptest::option::of("[ -~é]{1,20}".prop_filter("fields", |user| {
            user.split(' ').all(|word| !word.is_empty() && word != "-") && user != "\"\""
        })),
        request in field(), second in 0..4_000_000_000_i64, offset_minutes in -720..840_i32,
    ) {
        let time = Timestamp::from_second(second).unwrap();
        let local = Offset::from_seconds(offset_minutes * 60).unwrap().to_datetime(time);
        let (sign, minutes) = (if offset_minutes < 0 { '-' } else { '+' }, offset_minutes.abs());
        let line = format!(
            "h - {} [{} {sign}{:02}{:02}] \"{}\" 200 1 \"-\" \"x\" rt=5",
            user.as_deref().map_or("-".to_owned(), escape),
            local.strftime("%d/%b/%Y:%H:%M:%S"), minutes / 60, minutes % 60, escape(&request),
        );
        let combined = format("combined");
        let entry = combined.parse(line.as_bytes()).map_err(TestCaseError::fail)?;
        prop_assert_eq!((entry.user.as_deref(), entry.time), (user.as_deref(), time));
        prop_assert_eq!((entry.request.as_deref(), entry.runtime_us), (Some(request.as_str()), Some(5)));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for name in ["combined", "main", "vhost_combined"] {
            let _ = format(name).parse(&bytes);
        }
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0..LINE.len(), bytes in proptest::collection::vec(any::<u8>(), 0..4)) {
        let mut line = LINE.as_bytes().to_vec();
        line.splice(at..at, bytes);
        if let Ok(line) = format("combined").parse(&line) {
            let _ = line.request_line();
        }
    }

    #[test]
    fn no_format_text_makes_it_panic(text in "[%$\"'{}<>!a-z_ \\\\]{0,60}", line in "[ -~]{0,40}") {
        if let Ok(format) = LogFormat::new(&text) {
            let _ = format.parse(line.as_bytes());
        }
    }
}

/// The columns that an agent of the first version gave its table, in their order.
const OF_0_1: &str = "event_ts ip user_name customer_id session_id visitor_id method path query protocol garbage status \
                      bytes referrer user_agent runtime_us stage product_code invoice_no is_bot source_file source_offset ident";

#[test]
fn the_shops_own_columns_stand_where_they_always_stood() {
    #[derive(serde::Deserialize)]
    struct Pipeline {
        step: Vec<toml::Table>,
    }
    let pipeline: Pipeline = toml::from_str(include_str!("../../../../examples/shop/pipeline.toml")).unwrap();
    let agent = pipeline.step.into_iter().find(|step| step["type"].as_str() == Some("agent")).unwrap();
    let columns: Vec<ColumnArgs> = agent["column"].clone().try_into().unwrap();
    let routes: Vec<RouteArgs> = agent["route"].clone().try_into().unwrap();
    let mut parser = WeblogParser::new(format("combined"), &columns, &routes).unwrap();
    let names: Vec<String> = parser.columns().iter().map(|column| column.name.clone()).collect();
    // What came later is left out.
    let later = ["quantity", "utm_source", "utm_medium", "utm_campaign"];
    let first: Vec<&str> = names.iter().map(String::as_str).filter(|name| !later.contains(name)).collect();
    assert_eq!(first.join(" "), OF_0_1);

    let mut of = |line: &str| {
        let mut event = Event { body: line.to_owned().into(), ..Event::default() };
        event.headers.set("file", "/log");
        event.headers.set("byteoffset", "77");
        let mut found = std::collections::BTreeMap::new();
        let mut take = |row: Row<'_>| {
            for (name, cell) in names.iter().zip(&row.cells) {
                found.insert(name.clone(), format!("{cell:?}"));
            }
        };
        parser.parse(&event, &mut take).unwrap();
        found
    };
    let row = of(r#"h - 17850 [01/Dec/2010:08:26:00 +0000] "GET /p/POST%20X?a=1 HTTP/1.1" 200 5 "-" "x""#);
    for (name, wanted) in [
        ("user_name", "Text(\"17850\")"),
        ("customer_id", "Whole(17850)"),
        ("path", "Text(\"/p/POST%20X\")"),
        ("stage", "Whole(3)"),
        ("product_code", "Text(\"POST X\")"),
        ("garbage", "Null"),
        ("is_bot", "Boolean(false)"),
        ("source_file", "Text(\"/log\")"),
        ("source_offset", "Whole(77)"),
    ] {
        assert_eq!(row[name], wanted, "{name}");
    }
    let row = of(r#"h - guest [01/Dec/2010:08:26:00 +0000] "nonsense" 400 - "-" "-""#);
    for (name, wanted) in [("customer_id", "Null"), ("garbage", "Text(\"nonsense\")"), ("is_bot", "Boolean(true)")] {
        assert_eq!(row[name], wanted, "{name}");
    }
}

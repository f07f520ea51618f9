use bytes::Bytes;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;

fn event(body: &str, headers: &[(&'static str, &'static str)]) -> Event {
    let mut event = Event { body: Bytes::copy_from_slice(body.as_bytes()), ..Event::default() };
    headers.iter().for_each(|(name, value)| event.headers.set(*name, *value));
    event
}

fn interceptors(toml: &str) -> Result<Interceptors> {
    #[derive(Deserialize)]
    struct All {
        all: Vec<InterceptorArgs>,
    }
    Interceptors::new(&toml::from_str::<All>(&format!("all = [{toml}]")).unwrap().all)
}

fn one(toml: &str, event: Event) -> Option<Event> {
    interceptors(toml).unwrap().apply(vec![event]).events.pop()
}

fn body(toml: &str, text: &str) -> String {
    String::from_utf8(one(toml, event(text, &[])).unwrap().body.to_vec()).unwrap()
}

#[test]
fn fv75_and_fv76_groups_become_headers() {
    let three = "{ type = 'regex-extractor', regex = '(\\d):(\\d):(\\d)', groups = [{ name = 'one' }, { name = 'two' }, { name = 'three' }] }";
    let done = one(three, event("1:2:3.4foobar5", &[])).unwrap();
    assert_eq!(["one", "two", "three"].map(|name| done.headers.get(name).unwrap()), ["1", "2", "3"]);
    let two =
        "{ type = 'regex-extractor', regex = '(\\d):(\\d):(\\d)', groups = [{ name = 'one' }, { name = 'two' }] }";
    let done = one(two, event("1:2:3.4foobar5", &[])).unwrap();
    assert_eq!(["one", "two"].map(|name| done.headers.get(name).unwrap()), ["1", "2"]);
    assert_eq!(done.headers.all().count(), 2, "a group that nothing is said of is left alone");
    assert_eq!(one(three, event("no match", &[])).unwrap(), event("no match", &[]));
}

#[test]
fn fv77_a_time_becomes_milliseconds_of_this_machines_zone() {
    let toml = "{ type = 'regex-extractor', regex = '^(\\d\\d\\d\\d-\\d\\d-\\d\\d\\s\\d\\d:\\d\\d)', \
                groups = [{ name = 'timestamp', time-pattern = 'yyyy-MM-dd HH:mm' }] }";
    let done = one(toml, event("2012-10-17 14:34 done", &[])).unwrap();
    let wanted = TimeZone::system().to_timestamp(date(2012, 10, 17).at(14, 34, 0, 0)).unwrap();
    assert_eq!(done.headers.get("timestamp"), Some(wanted.as_millisecond().to_string().as_str()));
    let zoned = "{ type = 'regex-extractor', regex = '^(.*)$', \
                 groups = [{ name = 'timestamp', time-pattern = \"dd/MMM/yyyy:HH:mm:ss Z\" }] }";
    let done = one(zoned, event("17/Oct/2012:14:34:00 +0200", &[])).unwrap();
    assert_eq!(done.headers.get("timestamp"), Some("1350477240000"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for bad in [
        "{ type = 'regex-extractor', regex = '(x)', groups = [] }",
        "{ type = 'regex-extractor', regex = '(x)', groups = [{ name = '' }] }",
        "{ type = 'regex-extractor', regex = '(x)', groups = [{ name = 'a', time-pattern = 'qq' }] }",
        "{ type = 'regex-filter', regex = '(?=x)' }",
        "{ type = 'search-replace', search = 'x', replace = '$1' }",
    ] {
        assert!(interceptors(bad).is_err(), "{bad}");
    }
    let said = interceptors("{ type = 'regex-filter', regex = '(?=x)' }").unwrap_err().to_string();
    assert!(said.contains("(?=x): look-around"), "{said}");
}

#[test]
fn fv79_events_are_kept_or_left_out_by_their_bodies() {
    let kept = |toml: &str| {
        let bodies = ["a INFO b", "WARNING", "DEBUG x"];
        let all = interceptors(toml).unwrap().apply(bodies.map(|body| event(body, &[])).into()).events;
        all.into_iter().map(|event| String::from_utf8(event.body.to_vec()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(kept("{ type = 'regex-filter', regex = 'INFO|WARNING' }"), ["a INFO b", "WARNING"]);
    assert_eq!(kept("{ type = 'regex-filter', regex = '.*DEBUG.*', exclude = true }"), ["a INFO b", "WARNING"]);
    assert_eq!(kept("{ type = 'regex-filter' }").len(), 3);
}

#[test]
fn fv80_bodies_are_rewritten() {
    assert_eq!(
        body("{ type = 'search-replace', search = '^prefix' }", "prefix non-prefix suffix"),
        " non-prefix suffix"
    );
    assert_eq!(body("{ type = 'search-replace', search = '^<[0-9]+>' }", "<13> syslog"), " syslog");
    let swap = "{ type = 'search-replace', search = 'The quick brown ([a-z]+) jumped over the lazy ([a-z]+)', \
                replace = 'The hungry $2 ate the careless $1' }";
    assert_eq!(body(swap, "The quick brown fox jumped over the lazy dog"), "The hungry dog ate the careless fox");
    let mail = "{ type = 'search-replace', search = '[\\w.]+@[\\w.]+', replace = 'REDACTED' }";
    assert_eq!(body(mail, "from a.b@example.com to c@d.org"), "from REDACTED to REDACTED");
}

#[test]
fn fv81_headers_are_set_kept_and_taken_away() {
    let get = |toml: &str, name: &str| {
        one(toml, event("", &[("key", "old"), ("timestamp", "1"), ("host", "h"), ("id", "i")]))
            .unwrap()
            .headers
            .get(name)
            .map(str::to_owned)
    };
    assert_eq!(get("{ type = 'static' }", "key").unwrap(), "old");
    assert_eq!(get("{ type = 'static', preserve-existing = false }", "key").unwrap(), "value");
    assert_eq!(get("{ type = 'timestamp', preserve-existing = true }", "timestamp").unwrap(), "1");
    let now = get("{ type = 'timestamp', preserve-existing = false }", "timestamp").unwrap();
    assert_ne!(now, "1");
    let now: i64 = get("{ type = 'timestamp' }", "timestamp").unwrap().parse().unwrap();
    assert!((Timestamp::now().as_millisecond() - now).abs() < 60_000);
    assert_eq!(get("{ type = 'host', preserve-existing = true }", "host").unwrap(), "h");
    let address = get("{ type = 'host', preserve-existing = false }", "host").unwrap();
    assert!(address.parse::<std::net::IpAddr>().is_ok(), "{address}");
    assert_eq!(get("{ type = 'host' }", "host").unwrap(), address);
    assert!(!get("{ type = 'host', use-ip = false }", "host").unwrap().is_empty());
    assert_eq!(get("{ type = 'uuid' }", "id").unwrap(), "i");
    let id = get("{ type = 'uuid', preserve-existing = false, prefix = 'p-' }", "id").unwrap();
    assert!(id.strip_prefix("p-").is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()), "{id}");
    assert_eq!(get("{ type = 'remove-header', with-name = 'key' }", "key"), None);
    assert_eq!(get("{ type = 'remove-header', names = ['id', 'key'] }", "id"), None);
    assert_eq!(get("{ type = 'remove-header', matching = 'k.*' }", "key"), None);
    assert_eq!(get("{ type = 'remove-header', matching = 'k' }", "key").unwrap(), "old", "a whole name");
}

#[test]
fn headers_and_parts_of_bodies_are_hidden() {
    let of =
        |how: &str| format!("{{ type = 'protect', headers = ['ip', 'x'], search = '\"user\":\"([^\"]*)\"', {how} }}");
    let given = event(r#"{"user":"alice","other":"alice","user":"bob"}"#, &[("ip", "203.0.113.7"), ("host", "web1")]);
    let done = one(&of("how = 'mask'"), given.clone()).unwrap();
    assert_eq!(done.body, r#"{"user":"***","other":"alice","user":"***"}"#);
    assert_eq!(
        (done.headers.get("ip"), done.headers.get("host"), done.headers.get("x")),
        (Some("***"), Some("web1"), None)
    );
    let done = one(&of("how = 'drop'"), given).unwrap();
    assert_eq!(done.body, r#"{"user":"","other":"alice","user":""}"#);
    assert_eq!((done.headers.get("ip"), done.headers.get("host")), (None, Some("web1")));
    let lines = "{ type = 'protect', search = '^\\S+', how = 'ip', ipv4-bits = 16 }";
    assert_eq!(body(lines, "203.0.113.7 - - [..]"), "203.0.0.0 - - [..]");
    assert_eq!(body(lines, ""), "");
    for bad in [
        "{ type = 'protect', how = 'mask' }",
        "{ type = 'protect', headers = ['a'], how = 'hash' }",
        "{ type = 'dedupe', header = '' }",
        "{ type = 'dedupe', header = 'id', max-ids = 0 }",
        "{ type = 'sample', keep = 2, of = 1 }",
    ] {
        assert!(interceptors(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_left_out_is_counted_by_why() {
    let all = "{ type = 'dedupe', header = 'id', window = '1h' }, { type = 'sample', keep = 0, of = 2, header = 'id' }";
    let all = interceptors(all).unwrap();
    assert!(all.turn().is_some() && interceptors("{ type = 'uuid' }").unwrap().turn().is_none());
    let events = vec![event("a", &[("id", "1")]), event("b", &[("id", "1")]), event("c", &[])];
    let done = all.apply(events.clone());
    assert_eq!(done.left_out, LeftOut { events: 2, duplicates: 1, sampled: 1, forgotten_ids: 0 });
    assert_eq!(done.events, [event("c", &[])]);
    all.settle(false);
    assert_eq!(all.apply(events).left_out.duplicates, 1, "the first of them was not put");
}

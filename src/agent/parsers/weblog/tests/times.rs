//! Times of a line, and how long it took.

use super::*;

#[test]
fn durations_and_times_in_parts() {
    for (text, line) in [
        ("%t %D", "[10/Oct/2020:13:55:36 +0000] 1500000"),
        ("%t %{ms}T", "[10/Oct/2020:13:55:36 +0000] 1500"),
        ("[$time_local] $request_time", "[10/Oct/2020:13:55:36 +0000] 1.500"),
        ("%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t %D", "10/Oct/2020:13:55:36.000 +0000 1500000"),
    ] {
        let format = format(text);
        let entry = format.parse(line.as_bytes()).unwrap();
        assert_eq!((entry.time.as_second(), entry.runtime_us), (1_602_338_136, Some(1_500_000)), "{text}");
    }
}

#[test]
fn a_leap_second_is_the_second_before_it() {
    for (text, line) in [
        ("%t", "[31/Dec/2016:23:59:60 +0000]"),
        ("[$time_iso8601]", "[2016-12-31T23:59:60+00:00]"),
        ("%{%d/%b/%Y:%T %z}t", "31/Dec/2016:23:59:60 +0000"),
    ] {
        let format = format(text);
        let entry = format.parse(line.as_bytes()).unwrap();
        assert_eq!(entry.time.to_string(), "2016-12-31T23:59:59Z", "{text}");
    }
    assert!(format("%t").parse(b"[31/Dec/2016:23:59:61 +0000]").is_err());
}

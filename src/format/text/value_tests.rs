use proptest::prelude::*;

use super::*;

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn floats_are_javas() {
    let float = |v: f32| text(|out| float(out, v));
    let double = |v: f64| text(|out| double(out, v));
    assert_eq!(float(256.0), "256.0");
    assert_eq!(float(16_777_216.0), "1.6777216E7");
    assert_eq!(float(123_456.7), "123456.7");
    assert_eq!(float(3.402_823_4e38), "3.4028235E38");
    assert_eq!(float(1.4e-45), "1.4E-45");
    assert_eq!(float(0.1), "0.1");
    assert_eq!(float(1e10), "1.0E10");
    assert_eq!(double(1e10), "1.0E10");
    assert_eq!(double(1e7), "1.0E7");
    assert_eq!(double(9_999_999.0), "9999999.0");
    assert_eq!(double(1_234_567.1), "1234567.1");
    assert_eq!(double(0.001), "0.001");
    assert_eq!(double(0.0001), "1.0E-4");
    assert_eq!(double(0.012), "0.012");
    assert_eq!(double(-2.5), "-2.5");
    assert_eq!(double(-0.0), "-0.0");
    assert_eq!(double(4.9e-324), "4.9E-324");
    assert_eq!(double(2e-323), "2.0E-323");
    assert_eq!(double(1e-10), "1.0E-10");
    assert_eq!(double(123_456_789_012_345_680.0), "1.2345678901234568E17");
    assert_eq!(double(f64::MAX), "1.7976931348623157E308");
    assert_eq!(double(2e23), "2.0E23");
    assert_eq!((double(f64::NAN), double(f64::NEG_INFINITY)), ("NaN".into(), "-Infinity".into()));
}

#[test]
fn decimals_are_plain_or_javas() {
    let both = |v: i128, s: i8| (text(|out| decimal(out, v, s, true)), text(|out| decimal(out, v, s, false)));
    assert_eq!(both(1, 6), ("0.000001".into(), "0.000001".into()));
    assert_eq!(both(1, 7), ("0.0000001".into(), "1E-7".into()));
    assert_eq!(both(-1, 30), ("-0.000000000000000000000000000001".into(), "-1E-30".into()));
    assert_eq!(both(0, 10), ("0.0000000000".into(), "0E-10".into()));
    assert_eq!(both(0, 2), ("0.00".into(), "0.00".into()));
    assert_eq!(both(10_000, 10), ("0.0000010000".into(), "0.0000010000".into()));
    assert_eq!(both(1234, 10), ("0.0000001234".into(), "1.234E-7".into()));
    assert_eq!(both(100, 0), ("100".into(), "100".into()));
    assert_eq!(both(12, -2), ("1200".into(), "1.2E+3".into()));
    assert_eq!(text(|out| decimal(out, i128::MIN, 0, true)), i128::MIN.to_string());
    assert_eq!(text(|out| decimal(out, 10i128.pow(37), 37, true)), format!("1.{}", "0".repeat(37)));
}

#[test]
fn days_and_times() {
    let at = |micros: i64| text(|out| timestamp(out, micros));
    assert_eq!(at(0), "1970-01-01 00:00:00.0");
    assert_eq!(at(-1), "1969-12-31 23:59:59.999999");
    assert_eq!(at(1_709_251_199_123_000), "2024-02-29 23:59:59.123");
    assert_eq!(at(253_402_300_799_999_999), "9999-12-31 23:59:59.999999");
    assert_eq!(text(|out| date(out, -354_285)), "1000-01-01");
    assert_eq!(text(|out| date(out, -141_432)), "1582-10-10");
    assert_eq!(text(|out| time(out, -3_600_000_000)), "-01:00:00");
    assert_eq!(text(|out| time(out, 3_020_399_000_001)), "838:59:59.000001");
}

proptest! {
    #[test]
    fn integers(v: i64) {
        prop_assert_eq!(text(|out| signed(out, v)), v.to_string());
        prop_assert_eq!(text(|out| unsigned(out, v as u64)), (v as u64).to_string());
        prop_assert_eq!(text(|out| decimal(out, v.into(), 0, true)), v.to_string());
    }

    #[test]
    fn wide_integers(high: i128, low: u128) {
        prop_assert_eq!(text(|out| decimal(out, high, 0, false)), high.to_string());
        let wide = i256::from_parts(low, high);
        prop_assert_eq!(text(|out| decimal_256(out, wide, 0, true)), wide.to_string());
    }

    #[test]
    fn doubles_read_back(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(text(|out| double(out, value)).parse::<f64>().unwrap().to_bits(), bits);
        let single = f32::from_bits(bits as u32);
        prop_assume!(single.is_finite());
        prop_assert_eq!(text(|out| float(out, single)).parse::<f32>().unwrap().to_bits(), bits as u32);
    }

    #[test]
    fn days_are_jiffs(days in -719_528..2_932_896i64) {
        let day = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
        prop_assert_eq!(text(|out| date(out, days)), day.strftime("%Y-%m-%d").to_string());
    }

    #[test]
    fn bytes_read_back(bytes: Vec<u8>) {
        prop_assert_eq!(parse_hex_pairs(&text(|out| hex_pairs(out, &bytes))).unwrap(), bytes.clone());
        prop_assert_eq!(parse_base64(&text(|out| base64(out, &bytes))).unwrap(), bytes);
    }
}

#[test]
fn bytes_as_text() {
    assert_eq!(text(|out| hex_pairs(out, b"F00\xff")), "46 30 30 ff");
    assert_eq!(text(|out| base64(out, b"light work.")), "bGlnaHQgd29yay4=");
    assert_eq!(parse_base64("a"), None);
    assert_eq!(parse_base64("a==="), None);
    assert_eq!(parse_hex_pairs("4"), None);
}

use super::super::value::{Kind, Reading, Value};

fn read(kind: &Kind, text: &str, reading: Reading) -> Result<String, String> {
    let mut out = Vec::new();
    kind.write_text(text, reading, &mut out).map_err(|why| why.into_owned())?;
    Ok(String::from_utf8(out).unwrap())
}

fn exact(kind: &Kind, text: &str) -> Result<String, String> {
    read(kind, text, Reading::Exact)
}

fn all(kind: Kind, pairs: &[(&str, &str)]) {
    for (text, literal) in pairs {
        assert_eq!(exact(&kind, text).as_deref(), Ok(*literal), "{kind:?} {text}");
    }
}

fn none(kind: Kind, texts: &[&str]) {
    for text in texts {
        assert!(exact(&kind, text).is_err(), "{kind:?} {text} became {:?}", exact(&kind, text));
    }
}

// V41.
#[test]
fn booleans_are_sqoops_words() {
    for text in ["true", "True", "t", "T", "on", "ON", "yes", "yEs", "1"] {
        assert_eq!(exact(&Kind::Bool, text).unwrap(), "1", "{text}");
        assert_eq!(read(&Kind::Bool, text, Reading::Sqoop).unwrap(), "1", "{text}");
    }
    for text in ["no", "false", "0", "off"] {
        assert_eq!(exact(&Kind::Bool, text).unwrap(), "0", "{text}");
        assert_eq!(read(&Kind::Bool, text, Reading::Sqoop).unwrap(), "0", "{text}");
    }
    // Sqoop takes any other word for no; exactly, a word that says neither is refused and a number stays one.
    assert_eq!(read(&Kind::Bool, "anything", Reading::Sqoop).unwrap(), "0");
    none(Kind::Bool, &["anything", ""]);
    all(Kind::Bool, &[("-1", "-1"), ("2", "2")]);
}

#[test]
fn numbers_are_digits() {
    all(Kind::Integer, &[("7", "7"), ("-4", "-4"), ("+5", "5"), ("18446744073709551615", "18446744073709551615")]);
    none(Kind::Integer, &["notanint", "1.0", "1e3", "", "-", " 1", "0x1"]);
    all(Kind::Year, &[("0", "'0000'"), ("2024", "2024"), ("1901", "1901")]);
    none(Kind::Year, &["24", "1900", "2156", "-2024"]);
    let decimal = Kind::Decimal { scale: 2 };
    all(
        decimal.clone(),
        &[("1", "1"), ("-1.50", "-1.5"), (".5", "0.5"), ("1E+3", "1000"), ("150E-2", "1.5"), ("0.000", "0")],
    );
    none(decimal.clone(), &["1.234", "1e", "", ".", "1,5", "1e-3", "1e99999", "0x1", "NaN"]);
    assert_eq!(read(&decimal, "1.239", Reading::Sqoop).unwrap(), "1.239", "the server rounds, as it does for Sqoop");
    all(Kind::Decimal { scale: 7 }, &[("1E-7", "0.0000001"), ("1.0E-7", "0.0000001")]);
    all(
        Kind::Double,
        &[
            ("256.0", "256.0e0"),
            ("1.0E10", "1e10"),
            ("-0.0", "-0.0e0"),
            (" 007", "007e0"),
            (".5", "5e-1"),
            ("5.", "5e0"),
        ],
    );
    none(Kind::Double, &["NaN", "Infinity", "1e400", "x"]);
    all(Kind::Float, &[("123456.7", "1.23456703125e5"), ("16777216", "1.6777216e7")]);
}

#[test]
fn bits_are_numbers() {
    all(Kind::Bit(1), &[("true", "1"), ("0", "0"), ("1", "1")]);
    all(Kind::Bit(64), &[("18446744073709551615", "18446744073709551615")]);
    none(Kind::Bit(8), &["256", "-1", "x"]);
    assert_eq!(read(&Kind::Bit(8), "0c", Reading::Sqoop).unwrap(), "12");
    assert_eq!(read(&Kind::Bit(16), "01 00", Reading::Sqoop).unwrap(), "256");
}

#[test]
fn times_keep_their_fraction_or_are_refused() {
    all(
        Kind::Date,
        &[("2024-02-29", "'2024-02-29'"), ("2009-1-12", "'2009-01-12'"), ("2024-01-01 00:00:00.0", "'2024-01-01'")],
    );
    none(Kind::Date, &["2024-01-01 10:00:00", "24-01-01", "2024-01", "x", "2024-01-01x"]);
    let micros = Kind::DateTime { digits: 6 };
    all(
        micros.clone(),
        &[
            ("2024-01-01 10:00:00.123456", "'2024-01-01 10:00:00.123456'"),
            ("1999-12-31 23:59:59.0", "'1999-12-31 23:59:59'"),
            ("2024-01-01T1:2:3", "'2024-01-01 01:02:03'"),
            ("2024-01-01", "'2024-01-01 00:00:00'"),
            ("0000-00-00 00:00:00", "'0000-00-00 00:00:00'"),
        ],
    );
    none(micros, &["2024-01-01 10:00:00.1234567", "2024-01-01 10:00", "2024-01-01 10:00:00Z", "2024-01-01 10:00:00 x"]);
    let seconds = Kind::DateTime { digits: 0 };
    none(seconds.clone(), &["2024-01-01 10:00:00.5"]);
    assert!(read(&seconds, "2024-01-01 10:00:00.5", Reading::Sqoop).is_ok());
    all(Kind::Time { digits: 3 }, &[("-838:59:59.120", "'-838:59:59.12'"), ("6:24:00", "'06:24:00'")]);
    none(Kind::Time { digits: 3 }, &["1:00", "10:00:00.0001", "1000:00:00"]);
}

#[test]
fn bytes_are_pairs_or_base64() {
    all(Kind::Binary, &[("46 30 30", "X'463030'"), ("ff", "X'FF'"), ("Zm9v", "X'666F6F'"), ("", "X''")]);
    none(Kind::Binary, &["4 6", "zz", "Zm9", "externalLob(lf,_lob/x,0,1)"]);
    assert_eq!(read(&Kind::Binary, "46 30", Reading::Sqoop).unwrap(), "X'4630'");
    assert!(read(&Kind::Binary, "4630", Reading::Sqoop).is_err());
}

#[test]
fn what_the_server_would_cut_is_refused() {
    let short = Kind::Text { max_chars: Some(3), max_bytes: None };
    all(short.clone(), &[("abc", "'abc'"), ("äöü", "'äöü'"), ("", "''")]);
    none(short, &["abcd", "abc "]);
    none(Kind::Text { max_chars: None, max_bytes: Some(3) }, &["abc "]);
    let choice = Kind::Choice { members: vec!["a".into(), "7".into()] };
    all(choice.clone(), &[("a", "'a'"), ("7", "'7'")]);
    none(choice, &["1", " 1"]);
}

#[test]
fn values_go_where_they_fit() {
    let write = |kind: &Kind, value: Value<'_>| {
        let mut out = Vec::new();
        kind.write(value, &mut out).map(|()| String::from_utf8(out).unwrap()).map_err(|why| why.into_owned())
    };
    assert_eq!(write(&Kind::Integer, Value::Integer(-7)).unwrap(), "-7");
    assert_eq!(write(&Kind::Integer, Value::Decimal("18446744073709551615")).unwrap(), "18446744073709551615");
    assert_eq!(write(&Kind::Integer, Value::Decimal("5.00")).unwrap(), "5");
    assert!(write(&Kind::Integer, Value::Decimal("5.01")).is_err());
    assert_eq!(write(&Kind::Double, Value::Integer(1 << 53)).unwrap().parse::<f64>().unwrap(), 2f64.powi(53));
    assert!(write(&Kind::Double, Value::Integer((1 << 53) + 1)).is_err());
    assert!(write(&Kind::Float, Value::Double(0.1)).is_err());
    assert_eq!(write(&Kind::Float, Value::Double(0.5)).unwrap(), "5e-1");
    assert_eq!(write(&Kind::Double, Value::Decimal("0.10")).unwrap(), "1e-1");
    assert!(write(&Kind::Double, Value::Decimal("0.1000000000000000055511151231")).is_err());
    assert_eq!(write(&Kind::Date, Value::Moment(86_400_000_000)).unwrap(), "'1970-01-02'");
    assert!(write(&Kind::Date, Value::Moment(1)).is_err());
    assert!(write(&Kind::Date, Value::Integer(1)).is_err());
    assert_eq!(write(&Kind::Decimal { scale: 2 }, Value::Text("1.00")).unwrap(), "1");
    assert_eq!(write(&Kind::Text { max_chars: None, max_bytes: None }, Value::Day(0)).unwrap(), "'1970-01-01'");
    assert_eq!(write(&Kind::Binary, Value::Text("é")).unwrap(), "X'C3A9'");
    assert_eq!(write(&Kind::Bit(64), Value::Bytes(&[0, 1, 0])).unwrap(), "256");
    assert!(write(&Kind::Text { max_chars: None, max_bytes: None }, Value::Bytes(&[0xff])).is_err());
}

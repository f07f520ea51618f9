use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};

use super::*;
use crate::error::{Kind, Result};
use crate::format::{Encoder, Output};

fn lines(columns: Vec<ArrayRef>, options: &TextOptions) -> Result<String> {
    let field = |(at, c): (usize, &ArrayRef)| Field::new(format!("c{at}"), c.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    let mut encoder = TextEncoder::new(schema, options)?;
    let mut out = Output::default();
    encoder.encode(&batch, &mut out)?;
    encoder.finish(&mut out)?;
    Ok(String::from_utf8(out.into_bytes()).unwrap())
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn one(value: &str, options: &TextOptions) -> Result<String> {
    lines(vec![texts(&[Some(value)])], options).map(|line| line.strip_suffix('\n').unwrap().to_owned())
}

fn delimited(enclosed_by: Option<char>, optionally: bool, escaped_by: Option<char>, style: TextStyle) -> TextOptions {
    let delimiters = Delimiters { enclosed_by, enclose_optionally: optionally, escaped_by, ..Delimiters::default() };
    TextOptions { delimiters, style, ..TextOptions::default() }
}

// V24 to V27.
#[test]
fn fields_are_formatted_as_sqoops_are() {
    let optional = delimited(Some('"'), true, Some('\\'), TextStyle::Sqoop);
    for (value, want) in [
        ("foo\\bar", "foo\\\\bar"),
        ("foo,bar", "\"foo,bar\""),
        ("just another string", "just another string"),
        ("foo\"bar", "foo\\\"bar"),
        ("foo\"\"bar", "foo\\\"\\\"bar"),
        ("foo\\\"bar", "foo\\\\\\\"bar"),
        ("foo\"\\bar", "foo\\\"\\\\bar"),
        ("foo\",bar", "\"foo\\\",bar\""),
        ("foo\\,bar", "\"foo\\\\,bar\""),
    ] {
        assert_eq!(one(value, &optional).unwrap(), want);
    }
    assert_eq!(one("foo", &delimited(Some('"'), false, None, TextStyle::Sqoop)).unwrap(), "\"foo\"");
    assert_eq!(one("foo,bar", &delimited(None, false, Some('\\'), TextStyle::Sqoop)).unwrap(), "foo\\,bar");
}

#[test]
fn what_nobody_could_read_back_is_refused() {
    let bare = delimited(None, false, None, TextStyle::Exact);
    for value in ["a,b", "a\nb", "a\rb", "null"] {
        let error = one(value, &bare).unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.to_string().starts_with("column c0, row 1 of the file"), "{error}");
        assert!(one(value, &delimited(None, false, None, TextStyle::Sqoop)).is_ok());
    }
    let enclosed = delimited(Some('"'), true, None, TextStyle::Exact);
    assert_eq!(one("a\rb", &enclosed).unwrap(), "\"a\rb\"");
    assert_eq!(one("a\"b", &enclosed).unwrap(), "a\"b");
    assert_eq!(one("null", &enclosed).unwrap(), "\"null\"");
    assert!(one("\"b", &enclosed).is_err());
    assert!(one("a\",b", &enclosed).is_err());
    let escaped = delimited(None, false, Some('\\'), TextStyle::Exact);
    assert_eq!(one("null", &escaped).unwrap(), "\\null");
    assert_eq!(lines(vec![texts(&[None])], &escaped).unwrap(), "null\n");
}

#[test]
fn what_hive_would_not_give_back_is_refused_in_both_styles() {
    for style in [TextStyle::Exact, TextStyle::Sqoop] {
        let bare = TextOptions { for_hive: true, ..delimited(None, false, None, style) };
        for value in ["a,b", "a\nb", "a\rb", "null"] {
            assert_eq!(one(value, &bare).unwrap_err().kind(), Kind::Data, "{value}");
        }
        assert!(one("a\nb", &bare).unwrap_err().remedy().unwrap().starts_with("drop or replace line ends"));
        let escaped =
            TextOptions { null_string: "\\N".into(), for_hive: true, ..delimited(None, false, Some('\\'), style) };
        assert!(one("a\nb", &escaped).is_err(), "its reader ends the line at an escaped line feed too");
        assert_eq!(one("a,b", &escaped).unwrap(), "a\\,b");
        assert_eq!(one("\\N", &escaped).unwrap(), "\\\\N");
        assert_eq!(lines(vec![texts(&[None])], &escaped).unwrap(), "\\N\n", "NULL is looked for before escapes");
        let dropping = TextOptions { drop_delimiters: true, ..escaped };
        assert_eq!(one("a\r\nb", &dropping).unwrap(), "ab");
    }
}

#[test]
fn null_tokens_follow_the_java_type() {
    let fields = vec![
        Field::new("s", arrow_schema::DataType::Utf8, true),
        Field::new("d", arrow_schema::DataType::Utf8, true)
            .with_metadata([("java.type".to_owned(), "BigDecimal".to_owned())]),
        Field::new("i", arrow_schema::DataType::Int32, true),
    ];
    let schema = Arc::new(Schema::new(fields));
    let values = vec![texts(&[None, Some("a\nb\u{1}c\r")]), texts(&[None, Some("1\n2")]), {
        Arc::new(Int32Array::from(vec![None, Some(1)])) as ArrayRef
    }];
    let batch = RecordBatch::try_new(schema.clone(), values).unwrap();
    let options = TextOptions {
        null_string: "S".into(),
        null_non_string: "O".into(),
        style: TextStyle::Sqoop,
        replace_delimiters: Some(" - ".into()),
        ..TextOptions::default()
    };
    let mut out = Output::default();
    TextEncoder::new(schema, &options).unwrap().encode(&batch, &mut out).unwrap();
    assert_eq!(String::from_utf8(out.into_bytes()).unwrap(), "S,O,O\na - b - c - ,1\n2,1\n");
}

#[test]
fn import_delimiters_go() {
    let row = || {
        vec![texts(&[Some("test with \n new lines \n")]), Arc::new(Int32Array::from(vec![42])) as ArrayRef, {
            texts(&[Some("oh no \u{1} field delims \u{1}")])
        }]
    };
    let hive = TextOptions { delimiters: Delimiters::hive(), ..TextOptions::default() };
    let drop = TextOptions { drop_delimiters: true, ..hive.clone() };
    assert_eq!(lines(row(), &drop).unwrap(), "test with  new lines \u{1}42\u{1}oh no  field delims \n");
    let replace = TextOptions { replace_delimiters: Some(" ".into()), ..hive.clone() };
    assert_eq!(lines(row(), &replace).unwrap(), "test with   new lines  \u{1}42\u{1}oh no   field delims  \n");
    let both = TextOptions { drop_delimiters: true, ..replace };
    assert_eq!(lines(row(), &both).unwrap_err().kind(), Kind::Config);
}

#[test]
fn delimiters_that_are_digits_or_letters_of_other_alphabets() {
    let numbers = || vec![Arc::new(Int32Array::from(vec![105])) as ArrayRef, texts(&[Some("ab")])];
    let delimiters = Delimiters { fields: '0', escaped_by: Some('¦'), ..Delimiters::default() };
    let options = TextOptions { delimiters, ..TextOptions::default() };
    assert_eq!(lines(numbers(), &options).unwrap(), "1¦050ab\n");
    let delimiters = Delimiters { fields: '☕', ..Delimiters::default() };
    let options = TextOptions { delimiters, ..TextOptions::default() };
    assert_eq!(lines(numbers(), &options).unwrap(), "105☕ab\n");
    assert!(lines(vec![texts(&[Some("a☕b")])], &options).is_err());
}

#[test]
fn bytes_are_base64_where_hive_reads_them() {
    let column = || vec![Arc::new(BinaryArray::from(vec![&b"\xde\xad\xbe\xef"[..]])) as ArrayRef];
    assert_eq!(lines(column(), &TextOptions::default()).unwrap(), "3q2+7w==\n");
    let sqoop = TextOptions { style: TextStyle::Sqoop, ..TextOptions::default() };
    assert_eq!(lines(column(), &sqoop).unwrap(), "de ad be ef\n");
}

#[test]
fn nested_types_have_no_text() {
    let list = arrow_schema::DataType::new_list(arrow_schema::DataType::Int32, true);
    let schema = Arc::new(Schema::new(vec![Field::new("x", list, true)]));
    assert_eq!(TextEncoder::new(schema, &TextOptions::default()).err().unwrap().kind(), Kind::Schema);
}

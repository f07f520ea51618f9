use apache_avro::Schema;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;

use super::*;
use crate::format::avro::{put_bytes, put_long};

/// One of everything, a type of its own name within itself, and namespaces.
const CLICK: &str = r#"{"type": "record", "name": "Click", "namespace": "shop", "fields": [
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "ok", "type": "boolean"},
    {"name": "count", "type": "int"},
    {"name": "price", "type": ["null", "double", "float"], "default": null},
    {"name": "path", "type": "string"},
    {"name": "raw", "type": "bytes"},
    {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 4}},
    {"name": "kind", "type": {"type": "enum", "name": "x.Kind", "symbols": ["VIEW", "BUY"]}},
    {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
    {"name": "from", "type": ["null", "Click", "Id"]}
]}"#;

fn click(count: i32, path: &str, from: Option<Avro>) -> Avro {
    let from = from.map_or(Avro::Union(0, Box::new(Avro::Null)), |click| Avro::Union(1, Box::new(click)));
    let tags = vec![Avro::String("a".into()), Avro::String(path.into())];
    Avro::Record(vec![
        ("at".into(), Avro::TimestampMillis(1_300_000_000_000)),
        ("ok".into(), Avro::Boolean(true)),
        ("count".into(), Avro::Int(count)),
        ("price".into(), Avro::Union(1, Box::new(Avro::Double(2.5)))),
        ("path".into(), Avro::String(path.into())),
        ("raw".into(), Avro::Bytes(path.as_bytes().to_vec())),
        ("id".into(), Avro::Fixed(4, vec![1, 2, 3, 4])),
        ("kind".into(), Avro::Enum(1, "BUY".into())),
        ("tags".into(), Avro::Map([("t".to_owned(), Avro::Array(tags))].into())),
        ("from".into(), from),
    ])
}

proptest! {
    #[test]
    fn what_another_writer_makes_is_a_datum_and_less_or_more_is_not(count: i32, path: String, again: bool) {
        let from = again.then(|| click(count, &path, None));
        let other = Schema::parse_str(CLICK).unwrap();
        let writer = GenericDatumWriter::builder(&other).build().unwrap();
        let datum = writer.write_value_to_vec(click(count, &path, from)).unwrap();
        let schema = DatumSchema::new(CLICK).unwrap();
        prop_assert_eq!(schema.check(&datum), Ok(()));
        prop_assert!(schema.check(&datum[..datum.len() - 1]).is_err());
        let more = [datum.as_slice(), &[0]].concat();
        prop_assert_eq!(schema.check(&more), Err("1 bytes follow the datum".to_owned()));
    }

    #[test]
    fn no_bytes_are_too_much(bytes: Vec<u8>) {
        let _ = DatumSchema::new(CLICK).unwrap().check(&bytes);
        let _ = DatumSchema::new(r#"{"type": "map", "values": {"type": "array", "items": "null"}}"#).unwrap().check(&bytes);
    }
}

#[test]
fn bytes_of_another_type_are_told_why() {
    let why = |schema: &str, bytes: &[u8]| DatumSchema::new(schema).unwrap().check(bytes).unwrap_err();
    assert_eq!(why(r#""boolean""#, &[2]), "a boolean is neither 0 nor 1, before its byte 1");
    assert_eq!(why(r#""string""#, b"\x04\xff\xff"), "a string is not UTF-8, before its byte 3");
    assert_eq!(why(r#""string""#, b"\x05abc"), "a length is -3, before its byte 1");
    assert_eq!(why(r#""string""#, b"\x08abc"), "it ends within a value, before its byte 1");
    assert_eq!(why(r#"["null", "int"]"#, &[4]), "a branch of a union has number 2 of 2, before its byte 1");
    assert!(why(r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#, &[2]).contains("a symbol has number 1 of 1"));
    let mut number = Vec::new();
    put_long(&mut number, i64::from(i32::MAX) + 1);
    assert!(why(r#""int""#, &number).contains("2147483648 is not an int"));
    assert!(why(r#""long""#, &[0xff; 11]).contains("more than 64 bits"));
    assert!(
        DatumSchema::new(r#""long""#).unwrap().check(&[0xff; 9].iter().copied().chain([1]).collect::<Vec<_>>()).is_ok()
    );
}

#[test]
fn blocks_with_their_length_and_items_without_bytes() {
    let schema = DatumSchema::new(r#"{"type": "array", "items": "string"}"#).unwrap();
    let mut items = Vec::new();
    put_bytes(&mut items, b"one");
    put_bytes(&mut items, b"two");
    let block = |length: usize| {
        let mut bytes = Vec::new();
        put_long(&mut bytes, -2);
        put_long(&mut bytes, length as i64);
        bytes.extend_from_slice(&items);
        put_long(&mut bytes, 0);
        bytes
    };
    assert_eq!(schema.check(&block(items.len())), Ok(()));
    assert!(schema.check(&block(items.len() + 1)).unwrap_err().contains("not as long as it says"));
    let items = DatumSchema::new(r#"{"type": "array", "items": "null"}"#).unwrap();
    assert_eq!(items.check(&counted(1_000)), Ok(()));
}

/// An array of so many items that take no bytes.
fn counted(count: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_long(&mut bytes, count);
    if count < 0 {
        put_long(&mut bytes, 0);
    }
    put_long(&mut bytes, 0);
    bytes
}

#[test]
fn a_few_bytes_are_never_much_to_do() {
    let refused = |schema: &str, bytes: &[u8]| {
        let said = DatumSchema::new(schema).unwrap().check(bytes).unwrap_err();
        assert!(said.contains("values that take no bytes"), "{schema}: {said}");
    };
    // Each record holds the one before it twice: 2^30 of the first.
    let mut doubled = r#"{"type": "record", "name": "R0", "fields": []}"#.to_owned();
    for floor in 1..=30 {
        doubled = format!(
            r#"{{"type": "record", "name": "R{floor}", "fields": [{{"name": "a", "type": {doubled}}}, {{"name": "b", "type": "R{}"}}]}}"#,
            floor - 1
        );
    }
    let nothing = r#"{"type": "record", "name": "N", "fields": [{"name": "n", "type": "null"}]}"#;
    let empty = r#"{"type": "fixed", "name": "F", "size": 0}"#;
    for items in ["\"null\"", nothing, empty, &doubled] {
        let array = format!(r#"{{"type": "array", "items": {items}}}"#);
        for count in [i64::MAX, i64::MIN, -1 << 40, 1 << 17] {
            refused(&array, &counted(count));
        }
        // Small blocks of them, too.
        let blocks = [0x80, 0x80, 4].repeat(4);
        refused(&array, &[blocks, vec![0]].concat());
    }
    refused(&doubled, &[]);
    // What has a byte each ends with the bytes.
    for items in ["\"string\"", r#"["null", "int"]"#, r#"{"type": "array", "items": "null"}"#] {
        let array = format!(r#"{{"type": "array", "items": {items}}}"#);
        let said = DatumSchema::new(&array).unwrap().check(&counted(i64::MAX)[..10]).unwrap_err();
        assert!(said.contains("ends within a value"), "{items}: {said}");
    }
    // A null that a union chose has a byte, however many there are.
    let mut nulls = Vec::new();
    put_long(&mut nulls, 500_000);
    nulls.resize(nulls.len() + 500_001, 0);
    let nullable = DatumSchema::new(r#"{"type": "array", "items": ["null", "int"]}"#).unwrap();
    assert_eq!(nullable.check(&nulls), Ok(()));
}

#[test]
fn a_datum_of_too_many_floors_is_refused() {
    let schema = r#"{"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}"#;
    let schema = DatumSchema::new(schema).unwrap();
    let of = |floors: usize| schema.check(&[vec![2; floors], vec![0]].concat());
    assert_eq!(of(100), Ok(()));
    assert!(of(1_000_000).unwrap_err().contains("nested more than 256 deep"));
    let endless = r#"{"type": "record", "name": "E", "fields": [{"name": "e", "type": "E"}]}"#;
    assert!(DatumSchema::new(endless).unwrap().check(&[]).is_err());
}

#[test]
fn what_is_not_a_schema_is_told_why() {
    for (text, wanted) in [
        ("{", "it is not JSON"),
        ("7", "7 is not a type"),
        (r#""Click""#, "the type \"Click\" is not defined"),
        (r#"{"type": "record", "name": "R"}"#, "a record has no \"fields\""),
        (r#"{"type": "record", "fields": []}"#, "has no \"name\""),
        (r#"{"type": "record", "name": "a-b", "fields": []}"#, "\"a-b\" is not a name of avro"),
        (r#"{"type": "record", "name": "int", "fields": []}"#, "\"int\" is not a name of avro"),
        (r#"{"type": "fixed", "name": "F", "size": -1}"#, "is not a number of bytes"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#, "not each once"),
        (r#"["null", ["int"]]"#, "a union is a branch of a union"),
        (r#"["int", {"type": "int", "logicalType": "date"}]"#, "two branches of a union are of one type"),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}"#,
            "that of another field",
        ),
        (
            r#"[{"type": "fixed", "name": "F", "size": 1}, {"type": "fixed", "name": "F", "size": 2}]"#,
            "the type \"F\" is defined twice",
        ),
        (r#"{"type": {"type": "string"}}"#, "is not a text"),
    ] {
        let said = DatumSchema::new(text).unwrap_err().to_string();
        assert!(said.contains("not a schema of avro") && said.contains(wanted), "{text}: {said}");
    }
}

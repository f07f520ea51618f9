//! Data of Avro under any schema.

use super::DatumSchema;
use crate::fuzz::{Target, first_line};

pub(crate) const TARGETS: &[Target] = &[Target { name: "datum", seeds: data, run: datum }];

fn data() -> Vec<Vec<u8>> {
    let of = |schema: &str, body: &[u8]| [schema.as_bytes(), b"\n", body].concat();
    let click = concat!(
        r#"{"type":"record","name":"C","namespace":"s","fields":[{"name":"at","type":"long"},{"name":"p","type":["null","double"]},"#,
        r#"{"name":"t","type":{"type":"map","values":{"type":"array","items":"string"}}},"#,
        r#"{"name":"id","type":{"type":"fixed","name":"I","size":2}},"#,
        r#"{"name":"k","type":{"type":"enum","name":"x.K","symbols":["V","B"]}},{"name":"f","type":["null","C","I"]}]}"#
    );
    vec![
        of(click, b"\x02\x00\x02\x02k\x01\x04\x02a\x00\x00ab\x02\x00"),
        of(r#"{"type":"array","items":"null"}"#, b"\x80\x80\x04\x00"),
        of(r#"{"type":"array","items":{"type":"record","name":"R","fields":[]}}"#, b"\x03\x00\x00"),
        of(r#""bytes""#, b"\x06abc"),
    ]
}

/// The first line is the schema. No datum is the beginning of another one.
fn datum(data: &[u8]) {
    let (schema, body) = first_line(data);
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let Ok(schema) = DatumSchema::new(schema) else { return };
    if schema.check(body).is_ok() {
        assert!(schema.check(&[body, &[0]].concat()).is_err());
        assert!(body.is_empty() || schema.check(&body[..body.len() - 1]).is_err());
    }
}

//! Each form over the same rows, which hold what is hard to write.

use super::*;
use crate::hiveserver2::Cell;

const TEXTS: [&str; 6] = ["plain", "", "NULL", "a,b", "say \"hi\"", "tab\there\nnext\r"];

fn columns() -> Vec<Column> {
    [("n", "int"), ("t.s", "string"), ("day", "timestamp"), ("x", "decimal(9,7)")]
        .map(|(name, of)| Column { name: name.to_owned(), hive_type: of.to_owned() })
        .into()
}

fn batch() -> Batch {
    let row = |(n, text): (usize, &&'static str)| {
        let time = Cell::Bytes(b"2020-01-01 00:00:00");
        vec![Cell::Int(n as i64), Cell::Bytes(text.as_bytes()), time, Cell::Bytes(b"0.0000001")]
    };
    let mut rows: Vec<Vec<Cell<'_>>> = TEXTS.iter().enumerate().map(row).collect();
    rows.push(vec![Cell::Null; 4]);
    rows.push(vec![Cell::Int(7), Cell::Bytes("ä日🍵".as_bytes()), Cell::Null, Cell::Bytes(b"1.5000000")]);
    Batch::of_cells(&rows)
}

fn style(form: Form, look: Look) -> Style {
    Style { form, look, null: "NULL".to_owned(), header: true, header_interval: 100, max_column_width: 50 }
}

fn written(style: &Style, batches: &[Batch]) -> String {
    let mut out = Vec::new();
    let mut writer = Writer::begin(style, &columns(), &mut out).unwrap();
    batches.iter().for_each(|batch| writer.rows(batch, &mut out).unwrap());
    writer.end(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn csv_tells_null_from_a_text_and_quotes_what_needs_it() {
    let csv = style(Form::Separated(',', Quoting::Double), Look::Hive);
    assert_eq!(
        written(&csv, &[batch()]),
        "n,t.s,day,x\n\
         0,plain,2020-01-01 00:00:00,0.0000001\n\
         1,,2020-01-01 00:00:00,0.0000001\n\
         2,\"NULL\",2020-01-01 00:00:00,0.0000001\n\
         3,\"a,b\",2020-01-01 00:00:00,0.0000001\n\
         4,\"say \"\"hi\"\"\",2020-01-01 00:00:00,0.0000001\n\
         5,\"tab\there\nnext\r\",2020-01-01 00:00:00,0.0000001\n\
         NULL,NULL,NULL,NULL\n\
         7,ä日🍵,NULL,1.5000000\n"
    );
    let empty = Style { null: String::new(), header: false, ..csv };
    let lines = written(&empty, &[batch()]);
    assert!(lines.contains("\n1,\"\",2020") && lines.contains("\n,,,\n") && lines.contains("\n2,NULL,"), "{lines}");
    let tsv = style(Form::Separated('\t', Quoting::Double), Look::Hive);
    assert!(written(&tsv, &[batch()]).contains("\n3\ta,b\t"));
}

#[test]
fn beelines_forms_quote_as_it_does() {
    let csv2 = written(&style(Form::Separated(',', Quoting::None), Look::Beeline), &[batch()]);
    assert!(csv2.starts_with("n,t.s,day,x\n0,plain,2020-01-01 00:00:00.0,1E-7\n"), "{csv2}");
    assert!(csv2.contains("\n3,a,b,2020") && csv2.contains("\n4,say \"hi\",2020") && csv2.contains("\n2,NULL,"));
    let old = written(&style(Form::Separated(',', Quoting::Apostrophes), Look::Beeline), &[batch()]);
    assert!(old.starts_with("'n','t.s','day','x'\n'0','plain','2020-01-01 00:00:00.0','1E-7'\n"), "{old}");
    assert!(old.contains("\n'NULL','NULL','NULL','NULL'\n"));
}

#[test]
fn a_table_is_as_wide_as_its_values() {
    let short = |texts: &[&'static str]| {
        Batch::of_cells(
            &texts
                .iter()
                .map(|t| vec![Cell::Int(1), Cell::Bytes(t.as_bytes()), Cell::Null, Cell::Null])
                .collect::<Vec<_>>(),
        )
    };
    let table = style(Form::Table, Look::Beeline);
    assert_eq!(
        written(&table, &[short(&["a", "ä日🍵!"])]),
        "+----+--------+-------+-------+\n\
         | n  |  t.s   |  day  |   x   |\n\
         +----+--------+-------+-------+\n\
         | 1  | a      | NULL  | NULL  |\n\
         | 1  | ä日🍵!  | NULL  | NULL  |\n\
         +----+--------+-------+-------+\n"
    );
    let bare = Style { header: false, ..table.clone() };
    assert_eq!(written(&bare, &[]).lines().count(), 2);
    let many = Batch::of_cells(&vec![vec![Cell::Int(1); 4]; 250]);
    let repeated = Style { header_interval: 100, ..table.clone() };
    assert_eq!(written(&repeated, &[many]).matches("t.s").count(), 3);
    let many = Batch::of_cells(&vec![vec![Cell::Int(1); 4]; 250]);
    assert_eq!(written(&Style { header_interval: 0, ..table.clone() }, &[many]).matches("t.s").count(), 1);
    let long = "x".repeat(60);
    let wide = Batch::of_cells(&[vec![Cell::Int(1), Cell::Bytes(long.as_bytes()), Cell::Null, Cell::Null]]);
    let text = written(&table, &[wide]);
    assert!(text.contains(&format!("| {long} | NULL  |")), "longer ones are not cut: {text}");
    assert_eq!(text.lines().next().unwrap().len(), 4 + 2 + 3 + 50 + 3 + 5 + 3 + 5);
}

#[test]
fn a_vertical_result_is_one_line_a_value() {
    let text = written(&style(Form::Vertical, Look::Beeline), &[batch()]);
    assert!(text.starts_with("n    0\nt.s  plain\nday  2020-01-01 00:00:00.0\nx    1E-7\n\nn    1\nt.s  \n"), "{text}");
    assert!(text.ends_with("x    1.5000000\n\n"));
}

#[test]
fn json_has_null_numbers_and_texts() {
    let list = written(&style(Form::Json(Wrapping::List), Look::Hive), &[batch()]);
    let read: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(read[6], serde_json::json!({ "n": null, "t.s": null, "day": null, "x": null }));
    assert_eq!(read[5]["t.s"], TEXTS[5]);
    assert!(
        list.starts_with("[\n{\"n\":0,\"t.s\":\"plain\",\"day\":\"2020-01-01 00:00:00\",\"x\":0.0000001},\n"),
        "{list}"
    );
    let lines = written(&style(Form::Json(Wrapping::Lines), Look::Hive), &[batch()]);
    assert_eq!(lines.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count(), 8);
    let set = written(&style(Form::Json(Wrapping::ResultSet), Look::Beeline), &[]);
    assert_eq!(set, "{\"resultset\":[]}\n");
    assert_eq!(written(&style(Form::Json(Wrapping::List), Look::Hive), &[]), "[\n]\n");
    assert_eq!(written(&style(Form::Json(Wrapping::Lines), Look::Hive), &[]), "");
}

#[test]
fn what_json_cannot_say_is_text() {
    let columns =
        [("d", "double"), ("raw", "binary")].map(|(name, of)| Column { name: name.into(), hive_type: of.into() });
    let batch = Batch::of_cells(&[vec![Cell::Double(f64::NAN), Cell::Bytes(b"\xff\x00")]]);
    let mut out = Vec::new();
    let mut writer = Writer::begin(&style(Form::Json(Wrapping::Lines), Look::Hive), &columns, &mut out).unwrap();
    writer.rows(&batch, &mut out).unwrap();
    writer.end(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "{\"d\":\"NaN\",\"raw\":\"/wA=\"}\n");
    let twice = [columns[0].clone(), columns[0].clone()];
    let error = Writer::begin(&style(Form::Json(Wrapping::List), Look::Hive), &twice, &mut Vec::new()).err().unwrap();
    assert!(error.to_string().contains("two columns of the result are called d"), "{error}");
}

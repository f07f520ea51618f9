//! Columns of what user agents say.

use super::*;

#[test]
fn what_user_agents_say_has_columns_where_that_is_asked_for() {
    let own: ColumnArgs = toml::from_str("name = \"stage\"\nafter = \"path\"").unwrap();
    let mut parser = WeblogParser::new(format("combined"), &[own], &[]).unwrap().describing().unwrap();
    let names: Vec<String> = parser.columns().iter().map(|column| column.name.clone()).collect();
    assert_eq!(names[names.len() - 3..], ["ua_family", "ua_os", "ua_device"]);
    let line = r#"h - - [01/Mar/2011:08:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0""#;
    let event = Event { body: line.into(), ..Event::default() };
    let mut cells = Vec::new();
    parser.parse(&event, &mut |row| cells = row.cells.iter().map(|cell| format!("{cell:?}")).collect()).unwrap();
    assert_eq!(cells.len(), names.len());
    assert_eq!(cells[cells.len() - 3..], ["Text(\"Firefox\")", "Text(\"Linux\")", "Text(\"desktop\")"]);
    let own: ColumnArgs = toml::from_str("name = \"ua_os\"").unwrap();
    assert!(WeblogParser::new(format("combined"), &[own], &[]).unwrap().describing().is_err());
    assert!(WeblogParser::new(format("common"), &[], &[]).unwrap().describing().is_err());
}

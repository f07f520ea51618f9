//! An agent's file as text: the tables that the mapping made, each with what it was made of above it.

use toml::Value;

/// Keys and values of a table, in the order in which they are read best.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table(Vec<(String, Value)>);

impl Table {
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }

    /// Sets a key where there is something to say.
    pub(super) fn set_some(&mut self, key: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Sets a key to milliseconds.
    pub(super) fn set_ms(&mut self, key: &str, ms: Option<i64>) -> &mut Self {
        self.set_some(key, ms.map(time))
    }

    /// The texts of a list.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        let list = self.0.iter().find(|(name, _)| name == key).and_then(|(_, value)| value.as_array());
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In one line.
    pub(super) fn inline(self) -> Value {
        Value::Table(self.0.into_iter().collect())
    }

    pub(super) fn append(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}

/// Milliseconds as a length of time is written.
pub(super) fn time(ms: i64) -> String {
    if ms % 1000 == 0 { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

/// A comment of one line; what TOML does not take in one is escaped.
pub(super) fn remark(out: &mut String, text: &str) {
    out.push_str("# ");
    for letter in text.chars() {
        match letter {
            '\n' => out.push(' '),
            letter if letter.is_control() && letter != '\t' => out.extend(letter.escape_default()),
            letter => out.push(letter),
        }
    }
    out.push('\n');
}

/// A table under its heading, with a comment.
pub(super) fn write(out: &mut String, comment: &str, heading: &str, table: &Table) {
    if !out.is_empty() {
        out.push('\n');
    }
    comment.lines().for_each(|line| remark(out, line));
    out.push_str(&format!("{heading}\n"));
    for (key, value) in &table.0 {
        match value {
            // A list of tables is read better one a line.
            Value::Array(list) if list.iter().any(Value::is_table) => {
                out.push_str(&format!("{key} = [\n"));
                list.iter().for_each(|value| out.push_str(&format!("    {value},\n")));
                out.push_str("]\n");
            }
            value => out.push_str(&format!("{key} = {value}\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_back() {
        let mut inner = Table::default();
        inner.set("type", "static").set("value", "a \"b\" \\ \n c");
        let mut table = Table::default();
        table.set("name", "r1").set("n", 3).set("interceptors", vec![inner.inline()]).set_ms("t", Some(1500));
        let mut text = String::new();
        write(&mut text, "one\nt\u{1}wo", "[[source]]", &table);
        assert!(
            text.starts_with("# one\n# t\\u{1}wo\n[[source]]\nname = \"r1\"\nn = 3\ninterceptors = [\n    {"),
            "{text}"
        );
        let read: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(read["source"][0]["interceptors"][0]["value"].as_str(), Some("a \"b\" \\ \n c"));
        assert_eq!(read["source"][0]["t"].as_str(), Some("1500ms"));
    }
}

//! What Hive answers: the rows of the query, each with its key and its subject, and those who may be written to.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value as Json};

use super::TriggerArgs;
use super::events::{Happened, id_of};
use crate::error::{self, Result};
use crate::hiveserver2::{Rows, Value};

/// A row of the query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    /// The values of the key's columns: one as it is, several as a JSON array.
    pub key: String,
    /// Whom it is about.
    pub subject: String,
    /// All columns.
    pub data: Map<String, Json>,
}

/// The rows of the query, of which no two have one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Candidates {
    pub rows: Vec<Candidate>,
}

impl Candidates {
    /// Reads a result.
    ///
    /// # Errors
    /// Schema: it lacks a column. Data: a key or subject that is NULL, a key that comes twice, bytes that are not text.
    pub(super) fn of(args: &TriggerArgs, answer: Rows) -> Result<Self> {
        let keys: Vec<usize> = args.key.iter().map(|name| answer.index(name)).collect::<Result<_>>()?;
        let subject = answer.index(args.subject())?;
        let (mut seen, mut rows) = (BTreeSet::new(), Vec::with_capacity(answer.rows.len()));
        for row in &answer.rows {
            let text = |at: usize| {
                let name = answer.columns.get(at).map_or("", |column| column.name.as_str());
                let value = row.get(at).and_then(Value::to_text);
                value.ok_or_else(|| {
                    error::data(format!("a row of the query has NULL in {name}"))
                        .hint("leave such rows out in the query")
                })
            };
            let parts: Vec<String> = keys.iter().map(|at| text(*at)).collect::<Result<_>>()?;
            let key = match &parts[..] {
                [one] => one.clone(),
                several => Json::from(several).to_string(),
            };
            if !seen.insert(key.clone()) {
                return Err(error::data(format!("the query gives key {key} twice"))
                    .hint("group the query by its key, or add columns to key"));
            }
            let mut data = Map::new();
            for (column, value) in answer.columns.iter().zip(row) {
                data.insert(column.name.clone(), json(value, &column.name)?);
            }
            rows.push(Candidate { key, subject: text(subject)?, data });
        }
        Ok(Self { rows })
    }

    /// The ids of the events that the rows make if each is new.
    pub(super) fn ids(&self, trigger: &str) -> Vec<String> {
        self.rows.iter().map(|row| id_of(trigger, Happened::Fired, &row.key, 0)).collect()
    }
}

/// All who may be written to: the first column of a result.
///
/// # Errors
/// Schema: the result has no column.
pub(super) fn consent(answer: Rows) -> Result<BTreeSet<String>> {
    if answer.columns.is_empty() {
        return Err(error::schema("the consent query gives no column").hint("select the persons who consented"));
    }
    Ok(answer.rows.iter().filter_map(|row| row.first().and_then(Value::to_text)).collect())
}

/// Whole numbers and truth values as such; decimals, dates and times as the text that Hive writes, so that none loses a
/// digit.
fn json(value: &Value, column: &str) -> Result<Json> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Double(value) => Number::from_f64(*value).map_or_else(|| value.to_string().into(), Json::Number),
        Value::Text(value) => value.as_str().into(),
        Value::Bytes(_) => {
            return Err(error::data(format!("a value of {column} is bytes, which JSON does not have"))
                .hint("write base64(..) or hex(..) in the query"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hiveserver2::Column;

    fn rows(names: &[&str], rows: Vec<Vec<Value>>) -> Rows {
        let column = |name: &&str| Column { name: (*name).to_owned(), hive_type: "string".to_owned() };
        Rows { columns: names.iter().map(column).collect(), rows }
    }

    fn args(key: &[&str], subject: Option<&str>) -> TriggerArgs {
        TriggerArgs {
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            subject: subject.map(str::to_owned),
            ..TriggerArgs::default()
        }
    }

    #[test]
    fn rows_have_a_key_a_subject_and_their_columns() {
        let text = |text: &str| Value::Text(text.to_owned());
        let answer = rows(&["cart", "customer", "value"], vec![vec![text("c1"), Value::Int(7), text("12.50")]]);
        let of = Candidates::of(&args(&["cart"], Some("customer")), answer.clone()).unwrap();
        let row = &of.rows[0];
        assert_eq!((row.key.as_str(), row.subject.as_str()), ("c1", "7"));
        assert_eq!(Json::Object(row.data.clone()).to_string(), r#"{"cart":"c1","customer":7,"value":"12.50"}"#);
        let two = Candidates::of(&args(&["cart", "customer"], None), answer.clone()).unwrap();
        assert_eq!((two.rows[0].key.as_str(), two.rows[0].subject.as_str()), (r#"["c1","7"]"#, "c1"));
        assert!(Candidates::of(&args(&["basket"], None), answer).is_err());
    }

    #[test]
    fn null_and_doubled_keys_are_refused() {
        let said = |of: Vec<Vec<Value>>| Candidates::of(&args(&["k"], None), rows(&["k"], of)).unwrap_err().to_string();
        assert!(said(vec![vec![Value::Null]]).contains("NULL in k"));
        assert!(said(vec![vec![Value::Int(1)], vec![Value::Int(1)]]).contains("key 1 twice"));
        assert!(said(vec![vec![Value::Bytes(vec![255])]]).contains("k is bytes"));
        let consented = consent(rows(&["k"], vec![vec![Value::Int(2)], vec![Value::Null]])).unwrap();
        assert_eq!(consented.into_iter().collect::<Vec<_>>(), ["2"]);
    }
}

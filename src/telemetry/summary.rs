//! The closing summary: what each step read, wrote, rejected and how long it took; a table or JSON.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::error::Error;
use crate::secret::masked;

/// A number and what it counts.
pub fn counted(number: impl Into<u64>, one: &str, many: &str) -> String {
    let number = number.into();
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It moved or changed something.
    Done,
    /// Source and target agreed already; nothing was touched.
    Unchanged,
    /// Source and target were compared and agree.
    Equal,
    /// Source and target were compared and differ.
    Different,
}

impl Outcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Equal => "equal",
            Self::Different => "different",
        }
    }
}

/// The counts of one step.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepSummary {
    /// Kind and name, such as `import orders`.
    pub step: String,
    /// What it did.
    pub outcome: Outcome,
    /// Rows or events read from the source.
    pub rows_in: u64,
    /// Rows written to or changed in the target.
    pub rows_out: u64,
    /// Rows put aside with a reason, in a place that `detail` or the log names.
    pub rejects: u64,
    /// Bytes of the files written.
    pub bytes: u64,
    /// Files written.
    pub files: u64,
    /// Wall time.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// What the numbers cannot say: the snapshot's position, where rejects went, the target's visibility.
    pub detail: String,
    /// Statements of a team's own that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statements: Option<u64>,
    /// Where the next run of an incremental import begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_value: Option<String>,
    /// Both sides of a comparison, for JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<serde_json::Value>,
}

impl StepSummary {
    /// A step that has done nothing yet.
    pub fn new(step: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            outcome: Outcome::Unchanged,
            rows_in: 0,
            rows_out: 0,
            rejects: 0,
            bytes: 0,
            files: 0,
            elapsed: Duration::ZERO,
            detail: String::new(),
            statements: None,
            last_value: None,
            comparison: None,
        }
    }

    /// Adds the counts of a part of the step, such as one of many tables.
    pub fn add(&mut self, part: &StepSummary) {
        if part.outcome == Outcome::Done {
            self.outcome = Outcome::Done;
        }
        self.rows_in += part.rows_in;
        self.rows_out += part.rows_out;
        self.rejects += part.rejects;
        self.bytes += part.bytes;
        self.files += part.files;
    }
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((elapsed.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// The steps of a run in the order they ran.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Identifies the run in manifests, table parameters and logs.
    pub run_id: String,
    /// One entry a step that ended well.
    pub steps: Vec<StepSummary>,
    /// Kind and name of the step that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<String>,
}

impl Summary {
    /// The summary as a table for people.
    pub fn to_table(&self) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::ASCII_BORDERS_ONLY_CONDENSED)
            .set_header(["step", "outcome", "rows in", "rows out", "rejects", "bytes", "files", "seconds", "detail"]);
        for s in &self.steps {
            table.add_row([
                s.step.clone(),
                s.outcome.as_str().to_owned(),
                s.rows_in.to_string(),
                s.rows_out.to_string(),
                s.rejects.to_string(),
                s.bytes.to_string(),
                s.files.to_string(),
                format!("{:.1}", s.elapsed.as_secs_f64()),
                s.detail.clone(),
            ]);
        }
        for index in 2..=7 {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        format!("{table}\nrun {}", self.run_id)
    }

    /// Where the next run of an incremental import begins, if one was run.
    pub fn last_value(&self) -> Option<String> {
        self.steps.iter().find_map(|step| step.last_value.clone())
    }

    /// The summary as one JSON object, with the error that ended the run, if one did; a stable interface.
    pub fn to_json(&self, error: Option<&Error>) -> String {
        #[derive(Serialize)]
        struct Run<'a> {
            #[serde(flatten)]
            summary: &'a Summary,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<serde_json::Value>,
        }
        // Structs of strings and numbers always serialise.
        serde_json::to_string_pretty(&Run { summary: self, error: error.map(error_to_json) }).unwrap_or_default()
    }
}

/// An error as JSON: its kind, text and hint, what it left visible, and the exit code; a stable interface.
pub fn error_to_json(error: &Error) -> serde_json::Value {
    serde_json::json!({
        "kind": error.kind().as_str(),
        "text": masked(&error.to_string()),
        "hint": error.remedy().map(masked),
        "effect": error.left().as_str(),
        "exit-code": error.exit_code(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_keys() {
        let summary = Summary { run_id: "r".into(), steps: vec![StepSummary::new("import orders")], failed_step: None };
        let json: serde_json::Value = serde_json::from_str(&summary.to_json(None)).unwrap();
        let step = &json["steps"][0];
        for key in ["step", "outcome", "rows-in", "rows-out", "rejects", "bytes", "files", "seconds", "detail"] {
            assert!(!step[key].is_null(), "{key}");
        }
        assert!(json.get("error").is_none() && json.get("failed-step").is_none());
    }

    #[test]
    fn an_error_is_part_of_the_object() {
        let summary = Summary { run_id: "r".into(), steps: Vec::new(), failed_step: Some("import orders".into()) };
        let error = crate::error::busy("the target is held").hint("wait");
        let json: serde_json::Value = serde_json::from_str(&summary.to_json(Some(&error))).unwrap();
        assert_eq!(json["failed-step"], "import orders");
        assert_eq!(
            json["error"],
            serde_json::json!({
                "kind": "busy", "text": "the target is held", "hint": "wait", "effect": "none", "exit-code": 75
            })
        );
    }
}

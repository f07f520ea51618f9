//! What an examination of the servers finds: one line a question, with the answer or with what to do. The rooms ask their
//! own servers; `doctor` calls them in order and prints.

use std::fmt::Display;

use serde::Serialize;

use crate::error::{Error, Result};

/// Seconds by which clocks may differ, the time of asking included.
const SAME_CLOCK: i64 = 5;

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// As it should be.
    Fine,
    /// It was not asked, because what it needs failed before.
    Skipped,
    /// It works, and may not always.
    Warning,
    /// It does not work.
    Failed,
}

impl Outcome {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One question and its answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// The server, or the place on this host.
    pub hop: String,
    /// What was asked.
    pub question: String,
    /// How it was answered.
    pub outcome: Outcome,
    /// The answer.
    pub answer: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The questions to one server after another.
#[derive(Debug, Default)]
pub(crate) struct Checkup {
    hop: String,
    checks: Vec<Check>,
}

impl Checkup {
    /// Goes on with another server, or place.
    pub(crate) fn hop(&mut self, hop: impl Into<String>) {
        self.hop = hop.into();
    }

    /// All questions so far.
    pub(crate) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The worst answer so far; what was not asked does not count.
    pub(crate) fn worst(&self) -> Outcome {
        let answers = self.checks.iter().map(|check| check.outcome).filter(|outcome| *outcome != Outcome::Skipped);
        answers.max().unwrap_or(Outcome::Fine)
    }

    /// Makes warnings of what failed from the `from`th answer on: there was another way.
    pub(crate) fn soften(&mut self, from: usize) {
        for check in self.checks.iter_mut().skip(from).filter(|check| check.outcome == Outcome::Failed) {
            check.outcome = Outcome::Warning;
        }
    }

    /// It is as it should be.
    pub(crate) fn fine(&mut self, question: impl Into<String>, answer: impl Display) {
        self.add(question, Outcome::Fine, answer.to_string(), None);
    }

    /// It works, and may not always.
    pub(crate) fn warning(&mut self, question: impl Into<String>, answer: impl Display, remedy: impl Into<String>) {
        self.add(question, Outcome::Warning, answer.to_string(), Some(remedy.into()));
    }

    /// Compares a clock, in seconds since 1970, with ours.
    pub(crate) fn clock(&mut self, question: impl Into<String>, theirs: i64) {
        let ahead = theirs - jiff::Timestamp::now().as_second();
        let words = format!("{} s {} ours", ahead.abs(), if ahead < 0 { "behind" } else { "ahead of" });
        match ahead.abs() {
            0..=SAME_CLOCK => self.fine(question, "that of this host"),
            _ => self.warning(question, words, "set the clocks by NTP: Kerberos takes 5 minutes at most, leases one"),
        }
    }

    /// It was not asked.
    pub(crate) fn skipped(&mut self, question: impl Into<String>, why: impl Display) {
        self.add(question, Outcome::Skipped, why.to_string(), None);
    }

    /// It does not work.
    pub(crate) fn failed(&mut self, question: impl Into<String>, error: &Error) {
        self.add(question, Outcome::Failed, error.to_string(), error.remedy().map(str::to_owned));
    }

    /// Notes the answer, in words where there is one, and gives it on.
    pub(crate) fn take<T>(
        &mut self,
        question: impl Into<String>,
        answer: Result<T>,
        words: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.fine(question, words(&answer));
                Some(answer)
            }
            Err(error) => {
                self.failed(question, &error);
                None
            }
        }
    }

    /// Notes a failure only, and gives the answer on.
    pub(crate) fn note<T>(&mut self, question: &str, answer: Result<T>) -> Option<T> {
        answer.map_err(|error| self.failed(question, &error)).ok()
    }

    fn add(&mut self, question: impl Into<String>, outcome: Outcome, answer: String, remedy: Option<String>) {
        let (hop, question) = (self.hop.clone(), question.into());
        self.checks.push(Check { hop, question, outcome, answer, remedy });
    }
}

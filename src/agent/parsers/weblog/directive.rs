//! The pieces of a format text: what a server is told to log, and the text between.

use super::field::{ExtraType, Field, Shape};

/// A piece of a format text.
#[derive(Clone, Debug)]
pub(super) enum Token {
    Literal(String),
    Directive(Directive),
}

/// What a server is told to log.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    /// As it stands in the format text.
    pub text: String,
    /// What reasons call it.
    pub label: String,
    /// The column it fills; `None`: one of its own.
    pub field: Option<Field>,
    /// Of several that could fill a column the one of the lowest rank does.
    pub rank: u8,
    pub shape: Shape,
    /// The column of its own that it gets otherwise.
    pub column: String,
    pub data_type: ExtraType,
    pub comment: String,
}

impl Directive {
    /// One that fills a column that every table of clicks has.
    pub(super) fn of(field: Field, shape: Shape, label: impl Into<String>, column: impl Into<String>) -> Self {
        let label = label.into();
        let data_type = if shape == Shape::Whole { ExtraType::Whole } else { ExtraType::Text };
        let (column, comment) = (column.into(), label.clone());
        Self { text: String::new(), label, field: Some(field), rank: 0, shape, column, data_type, comment }
    }

    /// One with a column of its own.
    pub(super) fn extra(
        column: impl Into<String>,
        shape: Shape,
        data_type: ExtraType,
        comment: impl Into<String>,
    ) -> Self {
        let (column, comment) = (column.into(), comment.into());
        let label = column.clone();
        Self { text: String::new(), label, field: None, rank: 0, shape, column, data_type, comment }
    }

    /// The list of a proxy.
    pub(super) fn forwarded_for() -> Self {
        let comment = "X-Forwarded-For: the client and the proxies in front of the server, as sent";
        Self::extra("forwarded_for", Shape::Hosts, ExtraType::Text, comment)
    }

    /// The name the client asked for.
    pub(super) fn virtual_host(column: &str) -> Self {
        Self::extra(column, Shape::Word, ExtraType::Text, "name of the server that was asked")
    }

    /// Bytes of the answer with its headers; they stand for the bytes where the format has no others.
    pub(super) fn bytes_sent() -> Self {
        let comment = "bytes of the answer with its headers".to_owned();
        Self { rank: 1, comment, ..Self::of(Field::Bytes, Shape::Whole, "bytes", "bytes_sent") }
    }

    /// The column of its own: lower case, and nothing but letters, digits and underscores.
    pub(super) fn column_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        self.column.chars().map(plain).collect()
    }
}

//! A click: one line of the log as a row.
//!
//! Every table of clicks has the same first columns. What else a log format says stands in columns behind them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Int8Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::parsers::{ExtraField, ExtraType, LogEntry, LogFormat};
use super::shop::{ShopPage, decoded};
use crate::error::{self, Result};

/// The columns of the clicks of a log of this format, in their order.
///
/// # Errors
/// Config: the format logs something under the name of a column that means something else.
pub(super) fn schema(format: &LogFormat) -> Result<SchemaRef> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let columns = [
        ("event_ts", time, false, "time of the request, UTC"),
        ("ip", DataType::Utf8, true, "client address or name"),
        ("user_name", DataType::Utf8, true, "who signed in, as the server logged it"),
        ("customer_id", DataType::Int64, true, "the signed-in customer, where the user name is a number"),
        ("session_id", DataType::Utf8, true, "session cookie"),
        ("visitor_id", DataType::Utf8, true, "visitor cookie"),
        ("method", DataType::Utf8, true, "HTTP method; null where the request line is not HTTP"),
        ("path", DataType::Utf8, true, "requested path, as sent"),
        ("query", DataType::Utf8, true, "what follows the question mark, as sent"),
        ("protocol", DataType::Utf8, true, "HTTP version; null for HTTP/0.9"),
        ("garbage", DataType::Utf8, true, "the request line, where it is not HTTP"),
        ("status", DataType::Int32, true, "HTTP status of the answer"),
        ("bytes", DataType::Int64, true, "bytes of the answer; with its headers where the format logs no others"),
        ("referrer", DataType::Utf8, true, "page the client says it came from"),
        ("user_agent", DataType::Utf8, true, "what the client calls itself"),
        ("runtime_us", DataType::Int64, true, "time the answer took, in microseconds"),
        ("stage", DataType::Int8, true, "1 landing 2 list or search 3 product 4 cart 5 checkout 6 payment 7 order"),
        ("product_code", DataType::Utf8, true, "product that the path names"),
        ("invoice_no", DataType::Utf8, true, "invoice that the query names"),
        (
            "is_bot",
            DataType::Boolean,
            true,
            "whether the user agent is that of a program, or missing; null where not logged",
        ),
        ("source_file", DataType::Utf8, false, "log file the line was read from"),
        ("source_offset", DataType::Int64, false, "where the line begins in that file, in bytes"),
    ];
    let is_taken = |name: &str| matches!(name, "dt" | "hr") || columns.iter().any(|column| column.0 == name);
    if let Some(taken) = format.extras().iter().find(|extra| is_taken(&extra.name)) {
        return Err(error::config(format!(
            "format: it logs {} twice, or under the name of another column",
            taken.name
        ))
        .hint("leave one of them out of the server's format"));
    }
    let extras = format.extras().iter().map(|extra| {
        let data_type = match extra.data_type {
            ExtraType::Text => DataType::Utf8,
            ExtraType::Whole => DataType::Int64,
        };
        (extra.name.as_str(), data_type, true, extra.comment.as_str())
    });
    let field = |(name, data_type, nullable, comment): (&str, DataType, bool, &str)| {
        let comment = HashMap::from([("comment".to_owned(), comment.to_owned())]);
        Field::new(name, data_type, nullable).with_metadata(comment)
    };
    Ok(Arc::new(Schema::new(columns.into_iter().chain(extras).map(field).collect::<Vec<_>>())))
}

/// Rows of clicks being built.
#[derive(Debug, Default)]
pub(super) struct Clicks {
    event_ts: TimestampMicrosecondBuilder,
    ip: StringBuilder,
    user_name: StringBuilder,
    customer_id: Int64Builder,
    session_id: StringBuilder,
    visitor_id: StringBuilder,
    method: StringBuilder,
    path: StringBuilder,
    query: StringBuilder,
    protocol: StringBuilder,
    garbage: StringBuilder,
    status: Int32Builder,
    bytes: Int64Builder,
    referrer: StringBuilder,
    user_agent: StringBuilder,
    runtime_us: Int64Builder,
    stage: Int8Builder,
    product_code: StringBuilder,
    invoice_no: StringBuilder,
    is_bot: BooleanBuilder,
    source_file: StringBuilder,
    source_offset: Int64Builder,
    extras: Vec<ExtraBuilder>,
}

/// The column of an extra field being built.
#[derive(Debug)]
enum ExtraBuilder {
    Text(StringBuilder),
    Whole(Int64Builder),
}

impl ExtraBuilder {
    fn new(field: &ExtraField) -> Self {
        match field.data_type {
            ExtraType::Text => Self::Text(StringBuilder::default()),
            ExtraType::Whole => Self::Whole(Int64Builder::default()),
        }
    }

    fn append(&mut self, value: Option<&str>) {
        match self {
            Self::Text(builder) => builder.append_option(value),
            // The parser has let numbers through only.
            Self::Whole(builder) => builder.append_option(value.and_then(|text| text.parse().ok())),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Whole(builder) => Arc::new(builder.finish()),
        }
    }
}

impl Clicks {
    /// No rows yet, of lines of this format.
    pub(super) fn new(format: &LogFormat) -> Self {
        Self { extras: format.extras().iter().map(ExtraBuilder::new).collect(), ..Self::default() }
    }

    /// Adds the line that begins at `offset` of `file`, sent by a program or not, where that is known.
    ///
    /// # Errors
    /// Data: the offset is beyond what Hive can hold.
    pub(super) fn add(&mut self, line: &LogEntry<'_>, is_bot: Option<bool>, file: &str, offset: u64) -> Result<()> {
        let offset = i64::try_from(offset)
            .map_err(|e| error::data(format!("offset {offset} of {file} does not fit into a BIGINT")).source(e))?;
        let user = line.user.as_deref();
        let request = line.request_line();
        let shop = request.as_ref().map(ShopPage::of).unwrap_or_default();
        self.event_ts.append_value(line.time.as_microsecond());
        self.ip.append_option(line.host);
        self.user_name.append_option(user);
        self.customer_id.append_option(user.and_then(customer_id));
        self.session_id.append_option(line.session.as_deref());
        self.visitor_id.append_option(line.visitor.as_deref());
        self.method.append_option(request.and_then(|r| r.method));
        self.path.append_option(request.and_then(|r| r.path));
        self.query.append_option(request.and_then(|r| r.query));
        self.protocol.append_option(request.and_then(|r| r.protocol));
        self.garbage.append_option(line.request.as_deref().filter(|_| request.is_none()));
        self.status.append_option(line.status);
        self.bytes.append_option(line.bytes);
        self.referrer.append_option(line.referrer.as_deref());
        self.user_agent.append_option(line.user_agent.as_deref());
        self.runtime_us.append_option(line.runtime_us);
        self.stage.append_option(shop.stage);
        self.product_code.append_option(shop.product.map(decoded).as_deref());
        self.invoice_no.append_option(shop.invoice.map(decoded).as_deref());
        self.is_bot.append_option(is_bot);
        self.source_file.append_value(file);
        self.source_offset.append_value(offset);
        for (builder, value) in self.extras.iter_mut().zip(&line.extras) {
            builder.append(value.as_deref());
        }
        Ok(())
    }

    /// The rows as a batch of this [`schema`].
    ///
    /// # Errors
    /// Bug: the columns do not fit the schema.
    pub(super) fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.event_ts.finish()),
            Arc::new(self.ip.finish()),
            Arc::new(self.user_name.finish()),
            Arc::new(self.customer_id.finish()),
            Arc::new(self.session_id.finish()),
            Arc::new(self.visitor_id.finish()),
            Arc::new(self.method.finish()),
            Arc::new(self.path.finish()),
            Arc::new(self.query.finish()),
            Arc::new(self.protocol.finish()),
            Arc::new(self.garbage.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.bytes.finish()),
            Arc::new(self.referrer.finish()),
            Arc::new(self.user_agent.finish()),
            Arc::new(self.runtime_us.finish()),
            Arc::new(self.stage.finish()),
            Arc::new(self.product_code.finish()),
            Arc::new(self.invoice_no.finish()),
            Arc::new(self.is_bot.finish()),
            Arc::new(self.source_file.finish()),
            Arc::new(self.source_offset.finish()),
        ];
        columns.extend(self.extras.iter_mut().map(ExtraBuilder::finish));
        RecordBatch::try_new(schema.clone(), columns)
            .map_err(|e| error::bug("the columns of the clicks do not fit their schema").source(e))
    }
}

/// A user name of digits alone is a customer's number.
fn customer_id(user: &str) -> Option<i64> {
    user.bytes().all(|b| b.is_ascii_digit()).then(|| user.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn a_line_becomes_a_row() {
        let format = LogFormat::new("combined").unwrap();
        let mut clicks = Clicks::new(&format);
        let line = br#"h - 17850 [01/Dec/2010:08:26:00 +0000] "GET /p/POST%20X HTTP/1.1" 200 5 "-" "x""#;
        clicks.add(&format.parse(line).unwrap(), Some(false), "/log", 77).unwrap();
        let line = br#"h - guest [01/Dec/2010:08:26:00 +0000] "nonsense" 400 - "-" "-""#;
        clicks.add(&format.parse(line).unwrap(), Some(true), "/log", 99).unwrap();
        let rows = clicks.finish(&schema(&format).unwrap()).unwrap();
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(text("product_code"), [Some("POST X"), None]);
        assert_eq!(text("path"), [Some("/p/POST%20X"), None]);
        assert_eq!(text("garbage"), [None, Some("nonsense")]);
        assert_eq!(text("user_name"), [Some("17850"), Some("guest")]);
        let customer = rows.column_by_name("customer_id").unwrap();
        assert!(customer.is_valid(0) && customer.is_null(1));
    }
}

//! A click: one line of the log as a row, and what the shop's paths say about it.
//!
//! | path | stage | names |
//! |---|---|---|
//! | `/`, `/index.html` | 1 landing | |
//! | `/c/..`, `/search` | 2 list or search | |
//! | `/p/CODE` | 3 product | the product |
//! | `/cart..?sku=CODE` | 4 cart | the product |
//! | `/checkout..` | 5 checkout | |
//! | `/checkout/payment` | 6 payment | |
//! | `/order?invoice=NO` | 7 order | the invoice, as on any path |

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{
    BooleanBuilder, Int8Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use percent_encoding::percent_decode_str;

use super::parsers::RequestLine;
use super::parsers::combined::Line;
use crate::error::{self, Result};

/// The columns of the clicks, in their order.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
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
        ("bytes", DataType::Int64, true, "bytes of the answer without its headers"),
        ("referrer", DataType::Utf8, true, "page the client says it came from"),
        ("user_agent", DataType::Utf8, true, "what the client calls itself"),
        ("runtime_us", DataType::Int64, true, "time the answer took, in microseconds"),
        ("stage", DataType::Int8, true, "1 landing 2 list or search 3 product 4 cart 5 checkout 6 payment 7 order"),
        ("product_code", DataType::Utf8, true, "product that the path names"),
        ("invoice_no", DataType::Utf8, true, "invoice that the query names"),
        ("is_bot", DataType::Boolean, false, "whether the user agent is that of a program, or missing"),
        ("source_file", DataType::Utf8, false, "log file the line was read from"),
        ("source_offset", DataType::Int64, false, "where the line begins in that file, in bytes"),
    ];
    let field = |(name, data_type, nullable, comment): (&str, DataType, bool, &str)| {
        let comment = HashMap::from([("comment".to_owned(), comment.to_owned())]);
        Field::new(name, data_type, nullable).with_metadata(comment)
    };
    Arc::new(Schema::new(columns.map(field).to_vec()))
});

/// Rows of clicks being built.
#[derive(Debug, Default)]
pub struct Clicks {
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
}

impl Clicks {
    /// Adds the line that begins at `offset` of `file`, sent by a program or not.
    ///
    /// # Errors
    /// Data: the offset is beyond what Hive can hold.
    pub fn add(&mut self, line: &Line<'_>, is_bot: bool, file: &str, offset: u64) -> Result<()> {
        let offset = i64::try_from(offset)
            .map_err(|e| error::data(format!("offset {offset} of {file} is no BIGINT")).source(e))?;
        let user = line.user.as_deref();
        let request = line.request_line();
        let shop = request.as_ref().map(Place::of).unwrap_or_default();
        self.event_ts.append_value(line.time.as_microsecond());
        self.ip.append_option(line.host);
        self.user_name.append_option(user);
        self.customer_id.append_option(user.and_then(customer_id));
        self.session_id.append_option(line.session);
        self.visitor_id.append_option(line.visitor);
        self.method.append_option(request.map(|r| r.method));
        self.path.append_option(request.map(|r| r.path));
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
        self.is_bot.append_value(is_bot);
        self.source_file.append_value(file);
        self.source_offset.append_value(offset);
        Ok(())
    }

    /// The rows as a batch of [`SCHEMA`].
    ///
    /// # Errors
    /// Bug: the columns do not fit the schema.
    pub fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
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
        RecordBatch::try_new(SCHEMA.clone(), columns)
            .map_err(|e| error::bug("the columns of the clicks do not fit their schema").source(e))
    }
}

/// Where in the shop a request leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place<'a> {
    stage: Option<i8>,
    product: Option<&'a str>,
    invoice: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(request: &RequestLine<'a>) -> Self {
        let path = request.path;
        let mut components = path.trim_start_matches('/').split('/');
        let first = components.next().unwrap_or_default();
        let second = components.next().filter(|c| !c.is_empty());
        let (stage, product) = match (first, second) {
            _ if !path.starts_with('/') => (None, None),
            ("" | "index.html", None) => (Some(1), None),
            ("c", Some(_)) | ("search", None) => (Some(2), None),
            ("p", Some(code)) => (Some(3), Some(code)),
            ("cart", _) => (Some(4), parameter(request.query, "sku")),
            ("checkout", Some("payment")) => (Some(6), None),
            ("checkout", _) => (Some(5), None),
            ("order", None) => (Some(7), None),
            _ => (None, None),
        };
        Self { stage, product, invoice: parameter(request.query, "invoice") }
    }
}

/// The value of a parameter of a query.
fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| v).next()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
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

    fn place(target: &'static str) -> (Option<i8>, Option<&'static str>, Option<&'static str>) {
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let place = Place::of(&RequestLine { method: "GET", path, query, protocol: None });
        (place.stage, place.product, place.invoice)
    }

    #[test]
    fn paths_lead_through_the_shop() {
        assert_eq!(place("/?utm_source=mail"), (Some(1), None, None));
        assert_eq!(place("/c/garden"), (Some(2), None, None));
        assert_eq!(place("/search?q=x"), (Some(2), None, None));
        assert_eq!(place("/p/85123A"), (Some(3), Some("85123A"), None));
        assert_eq!(place("/cart/add?sku=85123A&qty=6"), (Some(4), Some("85123A"), None));
        assert_eq!(place("/checkout"), (Some(5), None, None));
        assert_eq!(place("/checkout/payment"), (Some(6), None, None));
        assert_eq!(place("/order?invoice=536365"), (Some(7), None, Some("536365")));
        assert_eq!(place("/thanks?invoice=536365"), (None, None, Some("536365")));
        for elsewhere in ["/static/site.css", "/p/", "/c", "*", "/searching", "/order/x", "http://other/p/1"] {
            assert_eq!(place(elsewhere), (None, None, None), "{elsewhere}");
        }
    }

    #[test]
    fn a_line_becomes_a_row() {
        let mut clicks = Clicks::default();
        let line = br#"h - 17850 [01/Dec/2010:08:26:00 +0000] "GET /p/POST%20X HTTP/1.1" 200 5 "-" "x""#;
        clicks.add(&Line::parse(line).unwrap(), false, "/log", 77).unwrap();
        let line = br#"h - guest [01/Dec/2010:08:26:00 +0000] "nonsense" 400 - "-" "-""#;
        clicks.add(&Line::parse(line).unwrap(), true, "/log", 99).unwrap();
        let rows = clicks.finish().unwrap();
        let text = |name: &str| rows.column_by_name(name).unwrap().as_string::<i32>().iter().collect::<Vec<_>>();
        assert_eq!(text("product_code"), [Some("POST X"), None]);
        assert_eq!(text("path"), [Some("/p/POST%20X"), None]);
        assert_eq!(text("garbage"), [None, Some("nonsense")]);
        assert_eq!(text("user_name"), [Some("17850"), Some("guest")]);
        let customer = rows.column_by_name("customer_id").unwrap();
        assert!(customer.is_valid(0) && customer.is_null(1));
    }
}

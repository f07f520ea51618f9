//! Presets of columns for messages of the Segment specification, as its libraries and those of RudderStack, Jitsu and others
//! send them: what each message has, and what the events of the e-commerce specification have beside it.
//!
//! A table with the preset of an event takes that event alone; any other message is a reject. Numbers are doubles, since
//! the browsers that send them know no others.
//!
//! Source: Segment "Spec: Common Fields", "Spec: Page", "Spec: V2 Ecommerce Events".

use super::mapping::{FieldArgs, TimeFormat};
use crate::agent::rows::ColumnType;
use crate::config::nearest;
use crate::error::{self, Result};

/// The column with the time of a message.
pub(in crate::agent) const TIME: &str = "event_ts";

/// Columns by name, type and key.
type Columns = &'static [(&'static str, ColumnType, &'static str)];

use ColumnType::{BigInt, Double, String as Text};

/// What every message may have, behind its time and its names.
const COMMON: Columns = &[
    ("user_id", Text, "userId"),
    ("anonymous_id", Text, "anonymousId"),
    ("page_url", Text, "context.page.url"),
    ("page_path", Text, "context.page.path"),
    ("page_search", Text, "context.page.search"),
    ("page_title", Text, "context.page.title"),
    ("page_referrer", Text, "context.page.referrer"),
    ("utm_source", Text, "context.campaign.source"),
    ("utm_medium", Text, "context.campaign.medium"),
    ("utm_campaign", Text, "context.campaign.name"),
    ("utm_term", Text, "context.campaign.term"),
    ("utm_content", Text, "context.campaign.content"),
    ("ip", Text, "context.ip"),
    ("user_agent", Text, "context.userAgent"),
    ("locale", Text, "context.locale"),
    ("library_name", Text, "context.library.name"),
    ("library_version", Text, "context.library.version"),
];

const PRODUCT: Columns = &[
    ("product_id", Text, "properties.product_id"),
    ("sku", Text, "properties.sku"),
    ("category", Text, "properties.category"),
    ("name", Text, "properties.name"),
    ("brand", Text, "properties.brand"),
    ("variant", Text, "properties.variant"),
    ("price", Double, "properties.price"),
    ("quantity", BigInt, "properties.quantity"),
    ("coupon", Text, "properties.coupon"),
    ("position", BigInt, "properties.position"),
    ("url", Text, "properties.url"),
    ("image_url", Text, "properties.image_url"),
];

const VALUE: Columns = &[("currency", Text, "properties.currency"), ("value", Double, "properties.value")];
const CART: Columns = &[("cart_id", Text, "properties.cart_id")];
const PRODUCTS: Columns = &[("products", Text, "properties.products")];
const LIST: Columns = &[("list_id", Text, "properties.list_id"), ("category", Text, "properties.category")];
const FILTERS: Columns = &[("filters", Text, "properties.filters"), ("sorts", Text, "properties.sorts")];
const SEARCH: Columns = &[("query", Text, "properties.query")];
const PROMOTION: Columns = &[
    ("promotion_id", Text, "properties.promotion_id"),
    ("creative", Text, "properties.creative"),
    ("name", Text, "properties.name"),
    ("position", Text, "properties.position"),
];
const STEP: Columns = &[
    ("checkout_id", Text, "properties.checkout_id"),
    ("step", BigInt, "properties.step"),
    ("shipping_method", Text, "properties.shipping_method"),
    ("payment_method", Text, "properties.payment_method"),
];
const ORDER: Columns = &[
    ("checkout_id", Text, "properties.checkout_id"),
    ("order_id", Text, "properties.order_id"),
    ("affiliation", Text, "properties.affiliation"),
    ("value", Double, "properties.value"),
    ("total", Double, "properties.total"),
    ("subtotal", Double, "properties.subtotal"),
    ("revenue", Double, "properties.revenue"),
    ("shipping", Double, "properties.shipping"),
    ("tax", Double, "properties.tax"),
    ("discount", Double, "properties.discount"),
    ("coupon", Text, "properties.coupon"),
    ("currency", Text, "properties.currency"),
];
const COUPON: Columns = &[
    ("order_id", Text, "properties.order_id"),
    ("cart_id", Text, "properties.cart_id"),
    ("coupon_id", Text, "properties.coupon_id"),
    ("coupon_name", Text, "properties.coupon_name"),
    ("discount", Double, "properties.discount"),
    ("reason", Text, "properties.reason"),
];
const WISHLIST: Columns =
    &[("wishlist_id", Text, "properties.wishlist_id"), ("wishlist_name", Text, "properties.wishlist_name")];
const SHARED: Columns = &[
    ("share_via", Text, "properties.share_via"),
    ("share_message", Text, "properties.share_message"),
    ("recipient", Text, "properties.recipient"),
];
const REVIEW: Columns = &[
    ("product_id", Text, "properties.product_id"),
    ("review_id", Text, "properties.review_id"),
    ("review_body", Text, "properties.review_body"),
    ("rating", Double, "properties.rating"),
];
const PAGE: Columns = &[("name", Text, "name"), ("category", Text, "category"), ("properties", Text, "properties")];
const IDENTIFY: Columns = &[("traits", Text, "traits")];
const GROUP: Columns = &[("group_id", Text, "groupId"), ("traits", Text, "traits")];
const ALIAS: Columns = &[("previous_id", Text, "previousId")];
const ANY: Columns = &[("type", Text, "type"), ("event", Text, "event"), ("properties", Text, "properties")];

/// What a preset is of.
enum Of {
    /// Messages of this type.
    Type(&'static str),
    /// Tracked events of this name.
    Event,
    /// Whatever comes.
    All,
}

/// A preset: its name, what it is of, and the columns behind the common ones.
struct Preset(&'static str, Of, &'static [Columns]);

const PRESETS: [Preset; 38] = [
    Preset("Message", Of::All, &[ANY]),
    Preset("Page", Of::Type("page"), &[PAGE]),
    Preset("Screen", Of::Type("screen"), &[PAGE]),
    Preset("Identify", Of::Type("identify"), &[IDENTIFY]),
    Preset("Group", Of::Type("group"), &[GROUP]),
    Preset("Alias", Of::Type("alias"), &[ALIAS]),
    Preset("Products Searched", Of::Event, &[SEARCH]),
    Preset("Product List Viewed", Of::Event, &[LIST, PRODUCTS]),
    Preset("Product List Filtered", Of::Event, &[LIST, FILTERS, PRODUCTS]),
    Preset("Promotion Viewed", Of::Event, &[PROMOTION]),
    Preset("Promotion Clicked", Of::Event, &[PROMOTION]),
    Preset("Product Clicked", Of::Event, &[PRODUCT]),
    Preset("Product Viewed", Of::Event, &[PRODUCT, VALUE]),
    Preset("Product Added", Of::Event, &[CART, PRODUCT, VALUE]),
    Preset("Product Removed", Of::Event, &[CART, PRODUCT, VALUE]),
    Preset("Cart Viewed", Of::Event, &[CART, PRODUCTS]),
    Preset("Checkout Started", Of::Event, &[ORDER, PRODUCTS]),
    Preset("Checkout Step Viewed", Of::Event, &[STEP]),
    Preset("Checkout Step Completed", Of::Event, &[STEP]),
    Preset("Payment Info Entered", Of::Event, &[STEP, &[("order_id", Text, "properties.order_id")]]),
    Preset("Order Updated", Of::Event, &[ORDER, PRODUCTS]),
    Preset("Order Completed", Of::Event, &[ORDER, PRODUCTS]),
    Preset("Order Refunded", Of::Event, &[ORDER, PRODUCTS]),
    Preset("Order Cancelled", Of::Event, &[ORDER, PRODUCTS]),
    Preset("Coupon Entered", Of::Event, &[COUPON]),
    Preset("Coupon Applied", Of::Event, &[COUPON]),
    Preset("Coupon Denied", Of::Event, &[COUPON]),
    Preset("Coupon Removed", Of::Event, &[COUPON]),
    Preset("Product Added to Wishlist", Of::Event, &[WISHLIST, PRODUCT]),
    Preset("Product Removed from Wishlist", Of::Event, &[WISHLIST, PRODUCT]),
    Preset("Wishlist Product Added to Cart", Of::Event, &[WISHLIST, CART, PRODUCT]),
    Preset("Product Shared", Of::Event, &[SHARED, PRODUCT]),
    Preset("Cart Shared", Of::Event, &[SHARED, CART, PRODUCTS]),
    Preset("Product Reviewed", Of::Event, &[REVIEW]),
    Preset("Signed Up", Of::Event, &[&[("properties", Text, "properties")]]),
    Preset("Signed In", Of::Event, &[&[("properties", Text, "properties")]]),
    Preset("Signed Out", Of::Event, &[&[("properties", Text, "properties")]]),
    Preset("Email Link Clicked", Of::Event, &[&[("properties", Text, "properties")]]),
];

/// The columns of a preset, in their order.
///
/// # Errors
/// Config: no preset is called so.
pub(in crate::agent) fn preset(name: &str) -> Result<Vec<FieldArgs>> {
    let Some(Preset(name, of, more)) = PRESETS.iter().find(|preset| preset.0.eq_ignore_ascii_case(name)) else {
        let names = PRESETS.map(|preset| preset.0);
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the presets are {}", names.join(", ")),
        };
        return Err(error::config(format!("there is no preset `{name}`")).hint(hint));
    };
    let time = |name: &str, key: &str| FieldArgs {
        data_type: ColumnType::Timestamp,
        format: TimeFormat::Rfc3339,
        truncate: true,
        ..FieldArgs::text(name, key)
    };
    let only = |name: &str, value: &str| FieldArgs { equals: Some(value.to_owned()), ..FieldArgs::text(name, name) };
    let mut columns = vec![
        time(TIME, "timestamp"),
        FieldArgs { required: true, ..FieldArgs::text("message_id", "messageId") },
        time("sent_at", "sentAt"),
        time("received_at", "receivedAt"),
    ];
    match of {
        Of::Type(value) => columns.push(only("type", value)),
        Of::Event => columns.push(only("event", name)),
        Of::All => {}
    }
    let column = |(name, data_type, key): &(&str, ColumnType, &str)| FieldArgs {
        data_type: *data_type,
        comment: format!("{key} of the message"),
        ..FieldArgs::text(name, key)
    };
    columns.extend([COMMON].iter().chain(*more).flat_map(|columns| columns.iter()).map(column));
    Ok(columns)
}

/// The columns of a preset, with the user's own: one of the same name takes its place, the others stand behind.
///
/// # Errors
/// Those of [`preset`].
pub(in crate::agent) fn with_own(name: &str, own: Vec<FieldArgs>) -> Result<Vec<FieldArgs>> {
    let mut columns = preset(name)?;
    for field in own {
        match columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&field.name)) {
            Some(column) => *column = field,
            None => columns.push(field),
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::event::Event;
    use crate::agent::parsers::Parser;
    use crate::agent::parsers::json::JsonParser;
    use crate::agent::rows::Cell;

    #[test]
    fn every_preset_is_a_table() {
        for preset in &PRESETS {
            let columns = super::preset(&preset.0.to_lowercase()).unwrap();
            JsonParser::new(&columns, Some(TIME)).unwrap_or_else(|e| panic!("{}: {e}", preset.0));
        }
        let error = super::preset("Order Complete").unwrap_err();
        assert_eq!(error.remedy().unwrap().to_string(), "did you mean `Order Completed`?");
    }

    #[test]
    fn an_order_fills_its_columns_and_another_event_is_a_reject() {
        let own = FieldArgs { data_type: Text, ..FieldArgs::text("revenue", "properties.revenue") };
        let columns =
            with_own("Order Completed", vec![own, FieldArgs::text("products", "properties.products")]).unwrap();
        let mut parser = JsonParser::new(&columns, Some(TIME)).unwrap();
        let body = r#"{"type":"track","event":"Order Completed","messageId":"m1","anonymousId":"a","userId":null,
            "timestamp":"2024-05-01T10:00:00.123Z","context":{"page":{"url":"https://shop.example/?a=b"},"ip":"203.0.113.7"},
            "properties":{"order_id":"50314b8e","total":27.5,"revenue":25.00,"products":[{"sku":"45790-32"}]}}"#;
        let mut found = Vec::new();
        let names: Vec<String> = parser.columns().iter().map(|column| column.name.clone()).collect();
        let mut event = Event { body: body.into(), ..Event::default() };
        parser
            .parse(&event, &mut |row| {
                let is_set = |(_, cell): &(&String, &Cell<'_>)| **cell != Cell::Null;
                let told = |(name, cell): (&String, &Cell<'_>)| format!("{name} {cell:?}");
                found = names.iter().zip(&row.cells).filter(is_set).map(told).collect();
            })
            .unwrap();
        assert_eq!(
            found,
            [
                "event_ts Time(2024-05-01T10:00:00.123Z)",
                "message_id Text(\"m1\")",
                "event Text(\"Order Completed\")",
                "anonymous_id Text(\"a\")",
                "page_url Text(\"https://shop.example/?a=b\")",
                "ip Text(\"203.0.113.7\")",
                "order_id Text(\"50314b8e\")",
                "total Real(27.5)",
                "revenue Text(\"25.00\")",
                "products Text(\"[{\\\"sku\\\":\\\"45790-32\\\"}]\")",
            ]
        );
        event.body = body.replace("Order Completed", "Order Updated").into();
        let told = parser.parse(&event, &mut |_| {}).unwrap_err();
        assert_eq!(told, "event is \"Order Updated\" and not \"Order Completed\"");
    }
}

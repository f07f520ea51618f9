//! The rows of the benchmark's `orders`, made of their numbers alone.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

/// 2024-01-01, the day of the first row.
const FIRST_DAY: i32 = 19_723;

const SECONDS_PER_DAY: i64 = 86_400;

/// One row.
pub struct Order {
    pub id: u32,
    pub customer_id: i32,
    pub sku: String,
    pub qty: i16,
    /// Hundredths.
    pub price: u32,
    pub discount: Option<f64>,
    pub status: &'static str,
    /// Whole milliseconds, so that Avro as Hive reads it carries it.
    pub created_at_micros: i64,
    pub updated_at_seconds: i64,
    pub ship_date_days: Option<i32>,
    pub email: String,
    pub note: Option<String>,
}

impl Order {
    /// The row of a number, beginning with 1.
    pub fn numbered(id: u32) -> Self {
        let chance = mixed(id);
        let began = i64::from(FIRST_DAY) * SECONDS_PER_DAY;
        let seconds = began + i64::from(id) * 11 % (730 * SECONDS_PER_DAY);
        Self {
            id,
            customer_id: (1 + chance % 500_000) as i32,
            sku: format!("SKU{:07}", u64::from(id) * 7919 % 1_000_000),
            qty: (1 + id % 9) as i16,
            price: chance % 1_000_000,
            discount: (id % 5 != 0).then(|| f64::from(chance) / f64::from(u32::MAX)),
            status: ["new", "paid", "shipped", "returned"][(id % 4) as usize],
            created_at_micros: seconds * 1_000_000 + i64::from(id % 1_000) * 1_000,
            updated_at_seconds: began + i64::from(id) * 13 % (730 * SECONDS_PER_DAY),
            ship_date_days: (id % 10 != 0).then(|| FIRST_DAY + (id % 700) as i32),
            email: format!("user{}@example{}.com", 1 + chance % 500_000, id % 20),
            note: (id % 3 != 0).then(|| {
                let tail = if id % 2 == 0 { "" } else { " – café ☕" };
                format!("leave at the door {chance:08x}{:08x}{tail}", mixed(chance))
            }),
        }
    }
}

/// A number that looks like chance and is the same everywhere.
fn mixed(number: u32) -> u32 {
    let mut x = number.wrapping_add(0x9e37_79b9);
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// Schema of [`batch`].
pub fn schema() -> SchemaRef {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("customer_id", DataType::Int32, false),
        Field::new("sku", DataType::Utf8, false),
        Field::new("qty", DataType::Int16, false),
        Field::new("price", DataType::Decimal128(12, 2), false),
        Field::new("discount", DataType::Float64, true),
        Field::new("status", DataType::Utf8, false),
        Field::new("created_at", DataType::Timestamp(TimeUnit::Microsecond, None), false),
        Field::new("updated_at", utc, false),
        Field::new("ship_date", DataType::Date32, true),
        Field::new("email", DataType::Utf8, false),
        Field::new("note", DataType::Utf8, true),
    ]))
}

/// Rows as a batch.
///
/// # Errors
/// None in practice: the columns are those of the schema.
pub fn batch(rows: &[Order]) -> Result<RecordBatch, ArrowError> {
    let price = Decimal128Array::from_iter_values(rows.iter().map(|r| i128::from(r.price)));
    let created = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.created_at_micros));
    let updated = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.updated_at_seconds * 1_000_000));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| i64::from(r.id)))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r.customer_id))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.sku))),
        Arc::new(Int16Array::from_iter_values(rows.iter().map(|r| r.qty))),
        Arc::new(price.with_precision_and_scale(12, 2)?),
        Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.discount))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.status))),
        Arc::new(created),
        Arc::new(updated.with_timezone("UTC")),
        Arc::new(Date32Array::from_iter(rows.iter().map(|r| r.ship_date_days))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.email))),
        Arc::new(StringArray::from_iter(rows.iter().map(|r| r.note.as_deref()))),
    ];
    RecordBatch::try_new(schema(), columns)
}

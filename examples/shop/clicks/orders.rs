//! Reads the invoice lines of the data set back into orders. Refuses a file that is not CSV with
//! the eight columns of the data set, naming the file and the line.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use csv::ByteRecord;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const COLUMNS: [&str; 8] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"];

/// What an invoice is, as far as a web server would see it.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Kind {
    /// Somebody bought something.
    Sale,
    /// A number with a C: somebody sent something back.
    Cancellation,
    /// The shop's own booking: bad debt (a number with an A), or stock written off.
    Adjustment,
}

/// One invoice.
#[derive(Debug)]
pub struct Order {
    pub number: String,
    pub kind: Kind,
    /// `None` for a guest.
    pub customer: Option<u32>,
    /// The first line's minute on the shop's clock, in seconds since 1970 as if that clock were UTC.
    pub at: i64,
    /// Its articles in the order of the lines; postage, discounts and the like left out.
    pub articles: Vec<Article>,
}

/// One line of an order that has a page in the shop.
#[derive(Debug)]
pub struct Article {
    pub code: String,
    pub name: String,
    pub quantity: i64,
}

/// Reads all files of the folder in the order of their names, which is the order of the days.
pub fn read(folder: &Path) -> Result<Vec<Order>, Box<dyn Error>> {
    let describe = |e| format!("cannot list {}: {e}", folder.display());
    let mut files = Vec::new();
    for file in fs::read_dir(folder).map_err(describe)? {
        let file = file.map_err(describe)?.path();
        if file.extension().is_some_and(|e| e == "csv") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(format!("no CSV file in {}; unpack.sh fills it", folder.display()).into());
    }
    files.sort();
    let mut orders = Orders::default();
    for file in files {
        orders.read_file(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    }
    Ok(orders.finish())
}

#[derive(Default)]
struct Orders {
    list: Vec<Order>,
    place: HashMap<String, usize>,
}

impl Orders {
    fn read_file(&mut self, file: &Path) -> Result<(), Box<dyn Error>> {
        let mut reader = csv::Reader::from_path(file)?;
        if *reader.headers()? != COLUMNS[..] {
            return Err(format!("the columns are not {}", COLUMNS.join(",")).into());
        }
        let mut row = ByteRecord::new();
        while reader.read_byte_record(&mut row)? {
            self.add(&row).map_err(|e| format!("line {}: {e}", row.position().map_or(0, |p| p.line())))?;
        }
        Ok(())
    }

    fn add(&mut self, row: &ByteRecord) -> Result<(), Box<dyn Error>> {
        let text = |column: usize| std::str::from_utf8(row.get(column).unwrap_or_default());
        let number = text(0)?;
        let place = match self.place.get(number) {
            Some(place) => *place,
            None => {
                self.list.push(Order {
                    number: number.to_owned(),
                    kind: kind(number),
                    customer: customer(text(6)?)?,
                    at: seconds(text(4)?)?,
                    articles: Vec::new(),
                });
                self.place.insert(number.to_owned(), self.list.len() - 1);
                self.list.len() - 1
            }
        };
        let code = text(1)?;
        if has_page(code) {
            let article =
                Article { code: code.to_owned(), name: text(2)?.trim().to_owned(), quantity: text(3)?.parse()? };
            self.list[place].articles.push(article);
        }
        Ok(())
    }

    /// Only the whole order shows a write-off: nobody's, and nothing but negative quantities.
    fn finish(mut self) -> Vec<Order> {
        for order in &mut self.list {
            let written_off = order.customer.is_none()
                && !order.articles.is_empty()
                && order.articles.iter().all(|article| article.quantity <= 0);
            if order.kind == Kind::Sale && written_off {
                order.kind = Kind::Adjustment;
            }
        }
        self.list
    }
}

fn kind(number: &str) -> Kind {
    match number.as_bytes().first() {
        Some(b'C') => Kind::Cancellation,
        Some(b'A') => Kind::Adjustment,
        _ => Kind::Sale,
    }
}

/// Article codes begin with five digits; the others are vouchers, postage, discounts, fees.
fn has_page(code: &str) -> bool {
    code.len() >= 5 && code.bytes().take(5).all(|b| b.is_ascii_digit())
}

/// Reads `17850.0`.
fn customer(text: &str) -> Result<Option<u32>, Box<dyn Error>> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(text.strip_suffix(".0").unwrap_or(text).parse()?))
}

fn seconds(text: &str) -> Result<i64, Box<dyn Error>> {
    let time: DateTime = text.parse()?;
    Ok(TimeZone::UTC.to_timestamp(time)?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_customer_and_a_guest() -> Result<(), Box<dyn Error>> {
        assert_eq!(customer("17850.0")?, Some(17850));
        assert_eq!(customer("")?, None);
        assert!(customer("someone").is_err());
        Ok(())
    }

    #[test]
    fn only_articles_have_pages() {
        assert!(has_page("85123A"));
        for code in ["POST", "D", "gift_0001_20", "BANK CHARGES", "1234"] {
            assert!(!has_page(code), "{code}");
        }
    }
}

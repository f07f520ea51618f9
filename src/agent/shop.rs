//! What the shop's paths say about a request.
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

use percent_encoding::percent_decode_str;

use super::parsers::RequestLine;

/// Where in the shop a request leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShopPage<'a> {
    pub stage: Option<i8>,
    pub product: Option<&'a str>,
    pub invoice: Option<&'a str>,
}

impl<'a> ShopPage<'a> {
    pub(super) fn of(request: &RequestLine<'a>) -> Self {
        let path = request.path.unwrap_or_default();
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

pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(target: &'static str) -> (Option<i8>, Option<&'static str>, Option<&'static str>) {
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let page = ShopPage::of(&RequestLine { method: Some("GET"), path: Some(path), query, protocol: None });
        (page.stage, page.product, page.invoice)
    }

    #[test]
    fn paths_lead_through_the_shop() {
        assert_eq!(page("/?utm_source=mail"), (Some(1), None, None));
        assert_eq!(page("/c/garden"), (Some(2), None, None));
        assert_eq!(page("/search?q=x"), (Some(2), None, None));
        assert_eq!(page("/p/85123A"), (Some(3), Some("85123A"), None));
        assert_eq!(page("/cart/add?sku=85123A&qty=6"), (Some(4), Some("85123A"), None));
        assert_eq!(page("/checkout"), (Some(5), None, None));
        assert_eq!(page("/checkout/payment"), (Some(6), None, None));
        assert_eq!(page("/order?invoice=536365"), (Some(7), None, Some("536365")));
        assert_eq!(page("/thanks?invoice=536365"), (None, None, Some("536365")));
        for elsewhere in ["/static/site.css", "/p/", "/c", "*", "/searching", "/order/x", "http://other/p/1"] {
            assert_eq!(page(elsewhere), (None, None, None), "{elsewhere}");
        }
    }
}

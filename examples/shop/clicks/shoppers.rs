//! People: every invoice becomes a session that ends in it, and about every second sale is paired
//! with a visit that buys nothing.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::line::Request;
use crate::orders::{Article, Kind, Order};
use crate::{Entry, SEED};

const SHOP: &str = "https://shop.example";

/// An order of more lines is looked at in part, the rest goes into the cart in one piece.
const MAX_VIEWS: usize = 5;

const BROWSERS: [&str; 9] = [
    "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:5.0) Gecko/20100101 Firefox/5.0",
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/534.30 (KHTML, like Gecko) Chrome/12.0.742.112 Safari/534.30",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0; .NET CLR 2.0.50727)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6_8) AppleWebKit/533.21.1 (KHTML, like Gecko) Version/5.0.5 Safari/533.21.1",
    "Mozilla/5.0 (iPad; U; CPU OS 4_3_3 like Mac OS X; en-gb) AppleWebKit/533.17.9 (KHTML, like Gecko) Version/5.0.2 Mobile/8J2 Safari/6533.18.5",
    "Mozilla/5.0 (Linux; U; Android 2.3.4; en-gb; HTC Desire) AppleWebKit/533.1 (KHTML, like Gecko) Version/4.0 Mobile Safari/533.1",
    "Opera/9.80 (Windows NT 6.1; U; en-GB) Presto/2.9.168 Version/11.50",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1; \"Till\\2\" kiosk)",
];

const LISTS: [&str; 8] = ["christmas", "kitchen", "garden", "bags", "candles", "stationery", "toys", "jewellery"];

const LANDINGS: [&str; 6] = [
    "/",
    "/",
    "/",
    "/?utm_source=mail&utm_medium=email&utm_campaign=newsletter",
    "/?utm_source=search&utm_medium=cpc&utm_campaign=gifts",
    "/?utm_source=partner&utm_medium=banner&utm_campaign=wholesale",
];

/// Adds the sessions of all people.
pub fn browse(orders: &[Order], random: &mut ChaCha8Rng, log: &mut Vec<Entry>) {
    let mut sessions = 0;
    for order in orders {
        let mut visit = Visit::new(&mut sessions, order, random);
        match order.kind {
            Kind::Sale => visit.buy(order, random),
            Kind::Cancellation => visit.cancel(order, random),
            Kind::Adjustment => visit.adjust(order, random),
        }
        visit.end_at(order.at + random.random_range(0..60), random, log);
        if order.kind == Kind::Sale && random.random_bool(0.45) {
            let mut visit = Visit::new(&mut sessions, order, random);
            if let Some(other) = orders.choose(random) {
                visit.look_around(other, random);
            }
            let midnight = order.at - order.at.rem_euclid(24 * 3600);
            visit.end_at(midnight + random.random_range(7 * 3600..24 * 3600), random, log);
        }
    }
}

/// One session of one browser.
struct Visit {
    client: String,
    agent: &'static str,
    visitor: String,
    session: String,
    customer: Option<u32>,
    signed_in: bool,
    steps: Vec<Step>,
}

struct Step {
    line: String,
    status: u16,
    bytes: Option<u32>,
    referer: String,
    customer: Option<u32>,
}

impl Visit {
    /// A customer comes back with one of two browsers of their own; a guest is new each time.
    fn new(sessions: &mut u32, order: &Order, random: &mut ChaCha8Rng) -> Self {
        *sessions += 1;
        let who = match order.customer {
            Some(customer) => u64::from(customer) * 2 + u64::from(random.random_bool(0.2)),
            None => 1 << 32 | u64::from(*sessions),
        };
        let mut own = ChaCha8Rng::seed_from_u64(SEED ^ who << 8);
        Self {
            client: address(&mut own),
            agent: BROWSERS[own.random_range(0..BROWSERS.len())],
            visitor: format!("v{:08x}", own.random::<u32>()),
            session: format!("s{sessions:06x}"),
            customer: order.customer,
            signed_in: random.random_bool(0.7),
            steps: Vec::new(),
        }
    }

    fn buy(&mut self, order: &Order, random: &mut ChaCha8Rng) {
        self.land(order.articles.first(), random);
        for article in order.articles.iter().take(MAX_VIEWS) {
            self.view(article, random);
            self.post(&format!("/cart/add?sku={}&qty={}", article.code, article.quantity), 302);
        }
        if order.articles.len() > MAX_VIEWS {
            self.post(&format!("/cart/bulk?lines={}", order.articles.len() - MAX_VIEWS), 302);
        }
        self.get("/checkout", random);
        self.sign_in();
        if random.random_bool(0.02) {
            self.post("/checkout/payment", 502);
        }
        self.post("/checkout/payment", 302);
        self.post(&format!("/order?invoice={}", order.number), 302);
        self.get(&format!("/thanks?invoice={}", order.number), random);
    }

    fn cancel(&mut self, order: &Order, random: &mut ChaCha8Rng) {
        self.land(None, random);
        self.sign_in();
        self.get("/account/orders", random);
        self.post(&format!("/account/cancel?invoice={}", order.number), 302);
        self.get("/account/orders", random);
    }

    fn adjust(&mut self, order: &Order, random: &mut ChaCha8Rng) {
        self.get("/office/stock", random);
        self.post(&format!("/office/adjust?invoice={}", order.number), 302);
    }

    fn look_around(&mut self, order: &Order, random: &mut ChaCha8Rng) {
        self.land(order.articles.first(), random);
        for article in order.articles.iter().take(random.random_range(1..MAX_VIEWS)) {
            self.view(article, random);
            if random.random_bool(0.15) {
                self.post(&format!("/cart/add?sku={}&qty=1", article.code), 302);
            }
        }
        if random.random_bool(0.1) {
            self.get("/checkout", random);
        }
    }

    fn land(&mut self, wanted: Option<&Article>, random: &mut ChaCha8Rng) {
        let page = LANDINGS[random.random_range(0..LANDINGS.len())];
        self.get(page, random);
        let from = match (page, wanted) {
            (p, _) if p.contains("=mail") => "https://mail.example/".to_owned(),
            (p, _) if p.contains("=partner") => "http://partner.example/wholesale".to_owned(),
            (_, Some(article)) if random.random_bool(0.3) => {
                format!("https://search.example/?q=\"{}\"", article.name.to_lowercase())
            }
            (p, _) if p.contains("=search") => "https://search.example/".to_owned(),
            _ => String::new(),
        };
        let cached = random.random_bool(0.6);
        self.steps[0].referer = from;
        self.step("GET", "/static/site.css", if cached { 304 } else { 200 }, (!cached).then_some(18_211));
    }

    fn view(&mut self, article: &Article, random: &mut ChaCha8Rng) {
        match random.random_range(0..10) {
            0..2 => self.get(&format!("/c/{}", LISTS[random.random_range(0..LISTS.len())]), random),
            2..4 => {
                let words = utf8_percent_encode(&article.name, NON_ALPHANUMERIC);
                self.get(&format!("/search?q={words}"), random);
            }
            _ => {}
        }
        self.get(&format!("/p/{}", article.code), random);
    }

    fn sign_in(&mut self) {
        if self.customer.is_some() && !self.signed_in {
            self.post("/login", 302);
            self.signed_in = true;
        }
    }

    fn get(&mut self, target: &str, random: &mut ChaCha8Rng) {
        self.step("GET", target, 200, Some(random.random_range(3_000..40_000)));
    }

    fn post(&mut self, target: &str, status: u16) {
        self.step("POST", target, status, (status != 302).then_some(512));
    }

    /// Refers to the page before it, as a browser does.
    fn step(&mut self, method: &str, target: &str, status: u16, bytes: Option<u32>) {
        let page = self.steps.iter().rev().find_map(|step| step.page());
        let referer = page.map(|page| format!("{SHOP}{page}")).unwrap_or_default();
        let customer = self.customer.filter(|_| self.signed_in);
        self.steps.push(Step { line: format!("{method} {target} HTTP/1.1"), status, bytes, referer, customer });
    }

    /// Spreads the steps backwards from the last but one, the invoice itself.
    fn end_at(self, end: i64, random: &mut ChaCha8Rng, log: &mut Vec<Entry>) {
        let mut at = end;
        let first = log.len();
        for step in self.steps.iter().rev() {
            let slow = if random.random_bool(0.03) { 20 } else { 1 };
            let request = Request {
                client: &self.client,
                customer: step.customer,
                at,
                line: step.line.as_bytes(),
                status: step.status,
                bytes: step.bytes,
                referer: &step.referer,
                agent: self.agent,
                micros: slow * random.random_range(2_000..60_000),
                session: &self.session,
                visitor: &self.visitor,
            };
            log.push(request.entry());
            at -= if step.line.contains("/static/") { 1 } else { random.random_range(2..75) };
        }
        log[first..].reverse();
    }
}

impl Step {
    fn page(&self) -> Option<&str> {
        let target = self.line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
        (!target.starts_with("/static/")).then_some(target)
    }
}

/// An address that routes nowhere: the benchmark net of RFC 2544, or the documentation net of IPv6.
fn address(random: &mut ChaCha8Rng) -> String {
    if random.random_bool(0.15) {
        let [a, b, c]: [u16; 3] = random.random();
        return format!("2001:db8:{a:x}::{b:x}:{c:x}");
    }
    let [net, middle, host]: [u8; 3] = random.random();
    format!("198.{}.{middle}.{host}", 18 + net % 2)
}

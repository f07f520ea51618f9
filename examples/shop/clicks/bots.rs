//! Machines: crawlers that begin with /robots.txt, a price scraper, an uptime probe, and scanners
//! whose requests are not always HTTP. They keep no cookies, so they have no session.

use std::collections::HashSet;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::Entry;
use crate::line::Request;
use crate::orders::Order;

const DAY: i64 = 24 * 3600;

struct Crawler {
    agent: &'static str,
    client: &'static str,
    pages_a_day: u32,
    /// Most seconds between two of its requests.
    pace: i64,
}

const CRAWLERS: [Crawler; 6] = [
    Crawler {
        agent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        client: "192.0.2.10",
        pages_a_day: 30,
        pace: 1200,
    },
    Crawler {
        agent: "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        client: "192.0.2.77",
        pages_a_day: 16,
        pace: 1800,
    },
    Crawler {
        agent: "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        client: "2001:db8:59::1",
        pages_a_day: 8,
        pace: 3600,
    },
    Crawler {
        agent: "Baiduspider+(+http://www.baidu.com/search/spider.htm)",
        client: "203.0.113.5",
        pages_a_day: 5,
        pace: 3600,
    },
    Crawler { agent: "python-requests/0.8.2", client: "203.0.113.200", pages_a_day: 20, pace: 2 },
    Crawler { agent: "", client: "203.0.113.66", pages_a_day: 3, pace: 60 },
];

/// What scanners send, and what they get: not all of it is HTTP.
const PROBES: [(&[u8], u16, Option<u32>); 6] = [
    (b"GET /phpmyadmin/scripts/setup.php HTTP/1.1", 404, Some(209)),
    (b"GET /w00tw00t.at.ISC.SANS.DFind:) HTTP/1.1", 400, Some(226)),
    (b"\x16\x03\x01\x00\x8b\x01\x00\"\x87\\", 400, Some(226)),
    (b"GET /", 200, Some(7_311)),
    (b"-", 408, None),
    (b"OPTIONS * HTTP/1.0", 200, None),
];

/// Adds the requests of all machines, for every day of the orders.
pub fn crawl(orders: &[Order], random: &mut ChaCha8Rng, log: &mut Vec<Entry>) {
    let codes = codes(orders);
    let (Some(first), Some(last)) = (orders.first(), orders.last()) else { return };
    let mut midnight = first.at - first.at.rem_euclid(DAY);
    while midnight <= last.at {
        for crawler in &CRAWLERS {
            crawler.visit(midnight, &codes, random, log);
        }
        probe_uptime(midnight, random, log);
        scan(midnight, random, log);
        midnight += DAY;
    }
}

/// The codes of all articles, in the order of their first sale.
fn codes(orders: &[Order]) -> Vec<&str> {
    let mut seen = HashSet::new();
    let articles = orders.iter().flat_map(|order| &order.articles);
    articles.map(|article| article.code.as_str()).filter(|code| seen.insert(*code)).collect()
}

impl Crawler {
    fn visit(&self, midnight: i64, codes: &[&str], random: &mut ChaCha8Rng, log: &mut Vec<Entry>) {
        let mut at = midnight + random.random_range(0..DAY / 2);
        let mut get = |line: &str, at, status, bytes| {
            log.push(machine(self.agent, self.client, at, line.as_bytes(), status, Some(bytes)));
        };
        get("GET /robots.txt HTTP/1.1", at, 200, 131);
        for _ in 0..self.pages_a_day {
            at = (at + random.random_range(1..=self.pace)).min(midnight + DAY - 1);
            match codes.choose(random) {
                Some(code) if random.random_bool(0.97) => {
                    get(&format!("GET /p/{code} HTTP/1.1"), at, 200, random.random_range(3_000..40_000));
                }
                _ => get("GET /p/00000X HTTP/1.1", at, 404, 209),
            }
        }
    }
}

fn probe_uptime(midnight: i64, random: &mut ChaCha8Rng, log: &mut Vec<Entry>) {
    for hour in 0..24 {
        let at = midnight + hour * 3600 + random.random_range(0..5);
        log.push(machine("uptime-probe/1.4", "192.0.2.250", at, b"HEAD / HTTP/1.0", 200, None));
    }
}

fn scan(midnight: i64, random: &mut ChaCha8Rng, log: &mut Vec<Entry>) {
    for _ in 0..random.random_range(0..4) {
        let (line, status, bytes) = PROBES[random.random_range(0..PROBES.len())];
        let at = midnight + random.random_range(0..DAY);
        log.push(machine("ZmEu \"scan\"", "203.0.113.99", at, line, status, bytes));
    }
}

fn machine(agent: &str, client: &str, at: i64, line: &[u8], status: u16, bytes: Option<u32>) -> Entry {
    // The longer the answer, the longer it took: nothing here needs to be random.
    let micros = 900 + bytes.unwrap_or(0) * 3;
    Request { client, customer: None, at, line, status, bytes, referer: "", agent, micros, session: "", visitor: "" }
        .entry()
}

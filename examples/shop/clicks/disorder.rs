//! What goes wrong between a web server and its log: lines that arrive late, and lines that arrive
//! broken. A broken line is always one more, a damaged copy: no request is lost by it.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::Entry;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// One line in 200 is late by seconds to minutes; one evening line in 2,000 comes the next morning.
pub fn delay(log: &mut [Entry], random: &mut ChaCha8Rng) {
    for entry in log {
        let Some(at) = entry.at else { continue };
        let evening = at.rem_euclid(DAY) >= 18 * HOUR;
        if evening && random.random_range(0..2000) == 0 {
            entry.logged_at = at + random.random_range(7 * HOUR..14 * HOUR);
        } else if random.random_range(0..200) == 0 {
            entry.logged_at = at + random.random_range(2..300);
        }
    }
}

/// Puts one malformed line after every thousand or so. None of them can be read as a request.
pub fn damage(log: Vec<Entry>, random: &mut ChaCha8Rng) -> Vec<Entry> {
    let mut damaged = Vec::with_capacity(log.len() + log.len() / 900);
    for entry in log {
        let broken = (random.random_range(0..1000) == 0).then(|| break_line(&entry.text, random));
        let logged_at = entry.logged_at;
        damaged.push(entry);
        damaged.extend(broken.map(|text| Entry { at: None, logged_at, text }));
    }
    damaged
}

fn break_line(text: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    match random.random_range(0..5) {
        // Cut in the request or in the user agent: what is left is not even the shorter common format.
        0 => text[..random.random_range(12..first_quote(text) + 4)].to_vec(),
        1 => text[..random.random_range(agent(text)..=last_quote(text))].to_vec(),
        2 => without(text, last_quote(text)),
        3 => without(text, first_quote(text)),
        _ => noise(random),
    }
}

fn without(text: &[u8], place: usize) -> Vec<u8> {
    [&text[..place], &text[place + 1..]].concat()
}

/// Where the request line opens.
fn first_quote(text: &[u8]) -> usize {
    text.iter().position(|b| *b == b'"').unwrap_or(0)
}

/// Where the user agent closes.
fn last_quote(text: &[u8]) -> usize {
    text.iter().rposition(|b| *b == b'"').unwrap_or(text.len() - 1)
}

/// Where the user agent begins, behind `"referer" "`.
fn agent(text: &[u8]) -> usize {
    text.windows(3).rposition(|w| w == b"\" \"").map_or(0, |place| place + 3)
}

/// Bytes of something else that was written over the log; not UTF-8, and one line.
fn noise(random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfe];
    for _ in 0..random.random_range(10..90) {
        bytes.push(random.random_range(0x20..=0xff));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    const LINE: &[u8] =
        br#"1.2.3.4 - - [01/Dec/2010:08:26:01 +0000] "GET / HTTP/1.1" 200 5 "-" "x \"y\"" rt=1 sid=- vid=-"#;

    #[test]
    fn a_broken_line_never_keeps_all_its_quotes() {
        let quotes = |text: &[u8]| text.iter().filter(|b| **b == b'"').count();
        let mut random = random(9);
        for _ in 0..1000 {
            let broken = break_line(LINE, &mut random);
            assert!(quotes(&broken) < quotes(LINE) || broken.starts_with(b"\xff\xfe"));
            assert!(!broken.contains(&b'\n'));
        }
    }

    #[test]
    fn evening_lines_may_wait_until_the_next_day() {
        let evening = 20 * HOUR;
        let mut log: Vec<_> =
            (0..20_000).map(|_| Entry { at: Some(evening), logged_at: evening, text: LINE.to_vec() }).collect();
        delay(&mut log, &mut random(9));
        let next_day = log.iter().filter(|entry| entry.logged_at >= DAY).count();
        let minutes = log.iter().filter(|entry| (evening + 1..evening + 300).contains(&entry.logged_at)).count();
        assert!((1..40).contains(&next_day), "{next_day}");
        assert!((50..200).contains(&minutes), "{minutes}");
        assert!(log.iter().all(|entry| entry.at == Some(evening)));
    }
}

//! Guesses at texts between two texts. Only the character sets are known here in which any guess is a valid text; the order
//! is the collation's and known to the server alone, so a guess by code point may miss.

use super::between::points;
use super::cut::{bytes_of, hex_of};

/// Character sets of one byte a character.
const OF_ONE_BYTE: [&str; 24] = [
    "armscii8", "ascii", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8", "geostd8", "greek",
    "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7", "macce", "macroman",
    "tis620",
];

/// Guesses as hexadecimal digits of their bytes; none in a character set that is not known here.
pub(super) fn between(charset: &str, low: &str, high: &str, count: usize) -> Vec<String> {
    let unicode = match charset {
        "utf8mb4" => Some(LAST),
        "utf8mb3" | "utf8" => Some(0xFFFF),
        _ if OF_ONE_BYTE.contains(&charset) => None,
        _ => return Vec::new(),
    };
    let characters = |hex: &str| -> Option<Vec<u32>> {
        let bytes = bytes_of(hex);
        match unicode {
            Some(_) => Some(String::from_utf8(bytes).ok()?.chars().map(u32::from).collect()),
            None => Some(bytes.into_iter().map(u32::from).collect()),
        }
    };
    let Some((low, high)) = characters(low).zip(characters(high)) else { return Vec::new() };
    let guesses = guesses(&low, &high, unicode.unwrap_or(0xFF), count);
    let bytes = |guess: Vec<u32>| match unicode {
        Some(_) => guess.into_iter().filter_map(char::from_u32).collect::<String>().into_bytes(),
        None => guess.into_iter().filter_map(|c| u8::try_from(c).ok()).collect(),
    };
    guesses.into_iter().map(|guess| hex_of(&bytes(guess))).collect()
}

fn guesses(low: &[u32], high: &[u32], last: u32, count: usize) -> Vec<Vec<u32>> {
    let same = |a: &[u32], b: &[u32]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let start = same(low, high);
    // Where the first difference is one of case only, most collations see none there.
    let (low, high) = match (low.get(start), high.get(start)) {
        (Some(a), Some(b)) if small(*a) == small(*b) => (lower(low), lower(high)),
        _ => (low.to_vec(), high.to_vec()),
    };
    let start = same(&low, &high);
    let digits = Digits::of(low.iter().chain(&high).skip(start), last);
    let (from, to) = (digits.number(&low[start..]), digits.number(&high[start..]));
    let made = points(from, to, count).into_iter().map(|n| [&low[..start], &digits.characters(n)].concat());
    made.collect()
}

/// The last code point.
const LAST: u32 = 0x10_FFFF;

/// Characters as digits of a number, so that there is a middle between two texts.
struct Digits {
    first: u32,
    base: i128,
    /// Characters that are reckoned with.
    window: usize,
}

impl Digits {
    fn of<'a>(mut characters: impl Iterator<Item = &'a u32>, last: u32) -> Self {
        match characters.all(|c| (0x20..0x7F).contains(c)) {
            true => Self { first: 0x20, base: 0x5F, window: 16 },
            false if last <= 0xFF => Self { first: 0, base: 0x100, window: 12 },
            false => Self { first: 0, base: i128::from(last) + 1, window: 5 },
        }
    }

    fn number(&self, text: &[u32]) -> i128 {
        let digit = |i: usize| text.get(i).map_or(0, |c| i128::from(c.saturating_sub(self.first)));
        (0..self.window).fold(0, |n, i| n * self.base + digit(i))
    }

    fn characters(&self, mut number: i128) -> Vec<u32> {
        let mut text = Vec::with_capacity(self.window);
        for _ in 0..self.window {
            // A digit is below the base, which fits.
            text.push(self.first + u32::try_from(number % self.base).unwrap_or(0));
            number /= self.base;
        }
        text.reverse();
        while text.last() == Some(&self.first) {
            text.pop();
        }
        // Half a surrogate pair is no character.
        text.into_iter().map(|c| if (0xD800..0xE000).contains(&c) { 0xD7FF } else { c }).collect()
    }
}

fn small(character: u32) -> u32 {
    char::from_u32(character).map_or(character, |c| u32::from(c.to_ascii_lowercase()))
}

fn lower(text: &[u32]) -> Vec<u32> {
    text.iter().map(|c| small(*c)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(charset: &str, low: &str, high: &str) -> Vec<String> {
        let guesses = between(charset, &hex_of(low.as_bytes()), &hex_of(high.as_bytes()), 4);
        guesses.iter().map(|g| String::from_utf8(bytes_of(g)).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn every_guess_is_a_text(low in any::<String>(), high in any::<String>()) {
            for guess in texts("utf8mb4", &low, &high) {
                prop_assert!(!guess.is_empty() || low.is_empty() || high.is_empty());
            }
        }

        #[test]
        fn the_basic_plane_is_not_left(low in "[\u{0}-\u{d7ff}]{0,9}", high in "[\u{0}-\u{d7ff}]{0,9}") {
            for guess in texts("utf8mb3", &low, &high) {
                prop_assert!(guess.chars().all(|c| u32::from(c) <= 0xFFFF), "{guess:?}");
            }
        }

        #[test]
        fn in_code_order_guesses_lie_between(low in "[ -~]{0,12}", high in "[ -~]{0,12}") {
            prop_assume!(low < high && low.trim_end() == low);
            let (from, to) = (low.trim_end(), high.as_str());
            let first = from.bytes().zip(to.bytes()).find(|(a, b)| a != b);
            prop_assume!(first.is_none_or(|(a, b)| !a.eq_ignore_ascii_case(&b)));
            for guess in texts("utf8mb4", from, to) {
                prop_assert!(guess.as_str() >= from && guess.as_str() <= to, "{guess:?}");
            }
        }
    }

    #[test]
    fn difference_of_case_alone_is_looked_through() {
        let guesses = texts("latin1", "Ab10", "aB90");
        assert!(guesses.iter().any(|g| g.starts_with("ab5")), "{guesses:?}");
    }

    #[test]
    fn other_character_sets_are_left_to_the_server() {
        assert!(texts("gbk", "a", "z").is_empty());
        assert!(!texts("latin1", "a", "z").is_empty());
    }
}

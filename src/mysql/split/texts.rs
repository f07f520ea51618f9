//! Guesses at texts between two texts. Only the character sets are known here in which any guess is a valid text; the order
//! is the collation's and known to the server alone, so a guess by code point may miss.

use std::collections::BTreeSet;

use super::cut::{Charset, Value, bytes_of, hex_of};
use super::steps::{Effort, steps};

/// Character sets of one byte a character.
const OF_ONE_BYTE: [&str; 24] = [
    "armscii8", "ascii", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "dec8", "geostd8", "greek",
    "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7", "macce", "macroman",
    "tis620",
];

/// Most characters of which guesses are made: the more there are, the shorter the guesses.
const ALPHABET: usize = 4096;

/// Values of which the characters are taken.
const LOOKED_AT: usize = 64;

/// Guesses as hexadecimal digits of their bytes; none in a character set that is not known here. They are made of the
/// characters of the values that are `seen`, since those that are not used lead nowhere.
pub(super) fn between(charset: &Charset, (low, high): (&str, &str), seen: &[&Value], effort: Effort) -> Vec<String> {
    let Charset { charset, collation } = charset;
    let is_unicode = matches!(charset.as_str(), "utf8mb4" | "utf8mb3" | "utf8");
    if !is_unicode && !OF_ONE_BYTE.contains(&charset.as_str()) {
        return Vec::new();
    }
    // Where case makes no difference, each letter counts once.
    let folds = collation.as_ref().is_none_or(|name| name.ends_with("_ci"));
    let characters = |hex: &str| -> Vec<u32> {
        let bytes = bytes_of(hex);
        let characters: Vec<u32> = match is_unicode {
            true => String::from_utf8_lossy(&bytes).chars().map(u32::from).collect(),
            false => bytes.into_iter().map(u32::from).collect(),
        };
        characters.into_iter().map(|c| if folds { small(c) } else { c }).collect()
    };
    let (low, high) = (characters(low), characters(high));
    let every = seen.len() / LOOKED_AT + 1;
    let mut alphabet: BTreeSet<u32> = seen.iter().step_by(every).flat_map(|v| characters(&v.raw)).collect();
    alphabet.extend(low.iter().chain(&high).copied());
    let bytes = |guess: Vec<u32>| match is_unicode {
        true => guess.into_iter().filter_map(char::from_u32).collect::<String>().into_bytes(),
        false => guess.into_iter().filter_map(|c| u8::try_from(c).ok()).collect(),
    };
    guesses(&low, &high, alphabet, effort).into_iter().map(|guess| hex_of(&bytes(guess))).collect()
}

fn guesses(low: &[u32], high: &[u32], alphabet: BTreeSet<u32>, effort: Effort) -> Vec<Vec<u32>> {
    let start = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let digits = Digits::new(alphabet);
    let (from, to) = (digits.number(&low[start..]), digits.number(&high[start..]));
    let made = steps(from, to, effort).into_iter().map(|n| [&low[..start], &digits.characters(n)].concat());
    made.collect()
}

/// Characters as digits of a number, so that there is a middle between two texts. The digit 0 is the end of the text.
struct Digits {
    alphabet: Vec<u32>,
    /// Characters that are computed with.
    window: usize,
}

impl Digits {
    fn new(mut alphabet: BTreeSet<u32>) -> Self {
        // One digit is hardly ever alone.
        if alphabet.range(u32::from(b'0')..=u32::from(b'9')).next().is_some() {
            alphabet.extend(u32::from(b'0')..=u32::from(b'9'));
        }
        let every = alphabet.len() / ALPHABET + 1;
        let alphabet: Vec<u32> = alphabet.into_iter().step_by(every).collect();
        let bits = (alphabet.len() + 1).ilog2() as usize + 1;
        Self { alphabet, window: (126 / bits).min(24) }
    }

    fn number(&self, text: &[u32]) -> i128 {
        let digit = |i: usize| text.get(i).map_or(0, |c| self.alphabet.partition_point(|a| a < c) as i128 + 1);
        let base = self.alphabet.len() as i128 + 1;
        (0..self.window).fold(0, |n, i| n * base + digit(i).min(base - 1))
    }

    fn characters(&self, mut number: i128) -> Vec<u32> {
        let base = self.alphabet.len() as i128 + 1;
        let mut text = Vec::with_capacity(self.window);
        for _ in 0..self.window {
            // A digit is below the base, which fits.
            text.push(usize::try_from(number % base).unwrap_or(0));
            number /= base;
        }
        text.reverse();
        let used = text.iter().rposition(|digit| *digit > 0).map_or(0, |last| last + 1);
        // An end in the middle stands for the least character.
        let character = |digit: &usize| self.alphabet.get(digit.saturating_sub(1)).copied();
        text[..used].iter().filter_map(character).collect()
    }
}

fn small(character: u32) -> u32 {
    char::from_u32(character).map_or(character, |c| u32::from(c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn charset(charset: &str, collation: &str) -> Charset {
        Charset { charset: charset.into(), collation: Some(collation.into()) }
    }

    fn texts(of: &Charset, low: &str, high: &str) -> Vec<String> {
        let (low, high) = (hex_of(low.as_bytes()), hex_of(high.as_bytes()));
        let guesses = between(of, (&low, &high), &[], Effort { even: 8, shrinking: 2 });
        guesses.iter().map(|g| String::from_utf8(bytes_of(g)).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn every_guess_is_a_text(low in any::<String>(), high in any::<String>()) {
            for guess in texts(&charset("utf8mb4", "utf8mb4_bin"), &low, &high) {
                let known = |c: char| low.contains(c) || high.contains(c) || c.is_ascii();
                prop_assert!(guess.chars().all(known), "{guess:?}");
            }
        }

        #[test]
        fn in_code_order_guesses_lie_between(low in "[ -~]{0,12}", high in "[ -~]{0,12}") {
            prop_assume!(low < high);
            for guess in texts(&charset("utf8mb4", "utf8mb4_bin"), &low, &high) {
                // What is longer than the window, and an end in the middle, are met by and by.
                let near = |text: &str| text.chars().take(3).collect::<String>();
                prop_assert!(near(&guess) >= near(&low) || guess >= low, "{guess:?}");
            }
        }
    }

    #[test]
    fn guesses_are_made_of_what_is_seen() {
        let value = |text: &str| Value { raw: hex_of(text.as_bytes()), literal: String::new() };
        let seen = ["0a", "9f", "cb", "de"].map(value);
        let seen: Vec<&Value> = seen.iter().collect();
        let guesses = between(
            &charset("ascii", "ascii_bin"),
            (&seen[0].raw, &seen[1].raw),
            &seen,
            Effort { even: 9, shrinking: 0 },
        );
        assert_eq!(guesses.len(), 9);
        for guess in guesses.iter().map(|g| String::from_utf8(bytes_of(g)).unwrap()) {
            assert!(guess.bytes().all(|b| b.is_ascii_hexdigit()), "{guess}");
        }
    }

    #[test]
    fn difference_of_case_alone_is_looked_through() {
        let guesses = texts(&charset("latin1", "latin1_swedish_ci"), "Ab10", "aB90");
        assert!(guesses.iter().any(|g| g.starts_with("ab5")), "{guesses:?}");
    }

    #[test]
    fn other_character_sets_are_left_to_the_server() {
        assert!(texts(&charset("gbk", "gbk_chinese_ci"), "a", "z").is_empty());
        assert!(!texts(&charset("latin1", "latin1_bin"), "a", "z").is_empty());
    }
}

//! Values as text, written straight into the output: numbers as Java prints them, days, times, and bytes. Nothing but
//! base64 allocates.

use arrow_buffer::i256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Two digits at a time.
const PAIRS: &[u8; 200] = b"00010203040506070809101112131415161718192021222324252627282930313233343536373839\
4041424344454647484950515253545556575859606162636465666768697071727374757677787980818283848586878889909192939495969798\
99";

/// Digits of the longest number that a 256-bit decimal holds, and a little more.
const MAX_DIGITS: usize = 80;

fn pair(n: u64) -> [u8; 2] {
    let at = (n % 100) as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// Writes an unsigned number.
pub fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    while value >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(value));
        value /= 100;
    }
    if value >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(value));
    } else {
        at -= 1;
        digits[at] = b'0' + value as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a signed number.
pub fn signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

/// The digits of a decimal's unscaled value, most significant first, without leading zeros; `0` for zero.
struct Digits {
    bytes: [u8; MAX_DIGITS],
    from: usize,
}

impl Digits {
    fn new() -> Self {
        Self { bytes: [b'0'; MAX_DIGITS], from: MAX_DIGITS }
    }

    /// Puts `value` in front; `width` digits if it is not the most significant part.
    fn put(&mut self, mut value: u64, width: usize) {
        let end = self.from;
        while value > 0 {
            self.from -= 1;
            self.bytes[self.from] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.from = self.from.min(end.saturating_sub(width));
    }

    fn of_128(mut value: u128) -> Self {
        const CHUNK: u128 = 10u128.pow(19);
        let mut digits = Self::new();
        while value >= CHUNK {
            digits.put((value % CHUNK) as u64, 19);
            value /= CHUNK;
        }
        digits.put(value as u64, 0);
        digits.not_empty()
    }

    fn of_256(value: i256) -> Self {
        let mut value = value.wrapping_abs();
        let chunk = i256::from_i128(10i128.pow(18));
        let mut digits = Self::new();
        while value >= chunk {
            digits.put(value.wrapping_rem(chunk).as_i128() as u64, 18);
            value = value.wrapping_div(chunk);
        }
        digits.put(value.as_i128() as u64, 0);
        digits.not_empty()
    }

    fn not_empty(mut self) -> Self {
        self.from = self.from.min(MAX_DIGITS - 1);
        self
    }

    fn get(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

/// Writes a decimal of `scale` digits behind the point; `plain` never with an exponent, else as Java's
/// `BigDecimal.toString` has it.
pub fn decimal(out: &mut Vec<u8>, value: i128, scale: i8, plain: bool) {
    if value < 0 {
        out.push(b'-');
    }
    scaled(out, Digits::of_128(value.unsigned_abs()).get(), scale, plain);
}

/// [`decimal`] for up to 76 digits.
pub fn decimal_256(out: &mut Vec<u8>, value: i256, scale: i8, plain: bool) {
    if value < i256::ZERO {
        out.push(b'-');
    }
    scaled(out, Digits::of_256(value).get(), scale, plain);
}

fn scaled(out: &mut Vec<u8>, digits: &[u8], scale: i8, plain: bool) {
    let (length, scale) = (digits.len() as i32, i32::from(scale));
    let exponent = length - scale - 1;
    if scale == 0 {
        return out.extend_from_slice(digits);
    }
    if !plain && (scale < 0 || exponent < -6) {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        if exponent != 0 {
            out.extend_from_slice(if exponent > 0 { b"E+" } else { b"E-" });
            unsigned(out, exponent.unsigned_abs().into());
        }
        return;
    }
    if scale < 0 {
        out.extend_from_slice(digits);
        if digits != b"0" {
            out.resize(out.len() + scale.unsigned_abs() as usize, b'0');
        }
    } else if length > scale {
        let point = (length - scale) as usize;
        out.extend_from_slice(&digits[..point]);
        out.push(b'.');
        out.extend_from_slice(&digits[point..]);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (scale - length) as usize, b'0');
        out.extend_from_slice(digits);
    }
}

/// Writes a double as Java's `Double.toString` does since JDK 19: the shortest digits that stand for this number.
pub fn double(out: &mut Vec<u8>, value: f64) {
    floating(out, value, value.abs() < f64::MIN_POSITIVE, |value| ryu::Buffer::new().format_finite(value).into());
}

/// Writes a float as Java's `Float.toString` does since JDK 19.
pub fn float(out: &mut Vec<u8>, value: f32) {
    floating(out, value.into(), value.abs() < f32::MIN_POSITIVE, |_| ryu::Buffer::new().format_finite(value).into());
}

/// The shortest decimal of a number as it was printed: its digits and the place of the point.
struct Shortest {
    digits: [u8; 24],
    count: usize,
    /// Power of ten of the first digit.
    exponent: i32,
}

impl From<&str> for Shortest {
    /// Reads `-12.5`, `1e-7`, `0.001`: the sign is left out.
    fn from(text: &str) -> Self {
        let mut this = Self { digits: [0; 24], count: 0, exponent: 0 };
        let (mut seen_point, mut leading) = (false, 0);
        let mut bytes = text.bytes().enumerate();
        let mut before_point = 0;
        for (at, byte) in bytes.by_ref() {
            match byte {
                b'.' => seen_point = true,
                b'e' => {
                    let exponent: i32 = text[at + 1..].parse().unwrap_or(0);
                    this.exponent = exponent;
                    break;
                }
                b'0'..=b'9' => {
                    before_point += i32::from(!seen_point);
                    if this.count == 0 && byte == b'0' {
                        leading += 1;
                    } else if this.count < this.digits.len() {
                        this.digits[this.count] = byte;
                        this.count += 1;
                    }
                }
                _ => {}
            }
        }
        this.exponent += before_point - leading - 1;
        while this.count > 1 && this.digits[this.count - 1] == b'0' {
            this.count -= 1;
        }
        this
    }
}

fn floating(out: &mut Vec<u8>, value: f64, subnormal: bool, shortest: impl Fn(f64) -> Shortest) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    if value == 0.0 {
        return out.extend_from_slice(b"0.0");
    }
    let mut digits = shortest(value);
    if digits.count == 1 && subnormal {
        // Where one digit is enough Java takes the nearest of two digits, which differs for the smallest numbers only.
        digits = Shortest::from(format!("{value:.1e}").as_str());
    }
    java_form(out, &digits.digits[..digits.count], digits.exponent);
}

/// Plain from 0.001 up to 10 million, else with an exponent; always with a digit behind the point.
fn java_form(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let pad = |out: &mut Vec<u8>, n: i32| out.resize(out.len() + n.max(0) as usize, b'0');
    if (-3..0).contains(&exponent) {
        out.extend_from_slice(b"0.");
        pad(out, -exponent - 1);
        out.extend_from_slice(digits);
        return;
    }
    let before = if (0..7).contains(&exponent) { exponent as usize + 1 } else { 1 };
    let (whole, rest) = digits.split_at(before.min(digits.len()));
    out.extend_from_slice(whole);
    pad(out, before as i32 - whole.len() as i32);
    out.push(b'.');
    out.extend_from_slice(if rest.is_empty() { b"0" } else { rest });
    if !(0..7).contains(&exponent) {
        out.push(b'E');
        signed(out, exponent.into());
    }
}

/// Writes a day of the proleptic Gregorian calendar, counted from 1970-01-01, as `yyyy-MM-dd`.
pub fn date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    if year < 0 {
        out.push(b'-');
    }
    let year = year.unsigned_abs();
    if year < 10_000 {
        out.extend_from_slice(&pair(year / 100));
        out.extend_from_slice(&pair(year));
    } else {
        unsigned(out, year);
    }
    out.push(b'-');
    out.extend_from_slice(&pair(month));
    out.push(b'-');
    out.extend_from_slice(&pair(day));
}

/// Year, month, day; by Howard Hinnant's algorithm, years that begin in March.
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month as u64, day as u64)
}

/// Writes `yyyy-MM-dd HH:mm:ss.f`: at least one digit of the fraction, at most six, trailing zeros cut.
pub fn timestamp(out: &mut Vec<u8>, micros: i64) {
    const DAY: i64 = 86_400_000_000;
    date(out, micros.div_euclid(DAY));
    out.push(b' ');
    let rest = micros.rem_euclid(DAY) as u64;
    clock(out, rest / 1_000_000);
    out.push(b'.');
    fraction(out, rest % 1_000_000, 1);
}

/// Writes `[-]HH:mm:ss[.f]`; the hours may be more than 24.
pub fn time(out: &mut Vec<u8>, micros: i64) {
    if micros < 0 {
        out.push(b'-');
    }
    let micros = micros.unsigned_abs();
    clock(out, micros / 1_000_000);
    if !micros.is_multiple_of(1_000_000) {
        out.push(b'.');
        fraction(out, micros % 1_000_000, 1);
    }
}

fn clock(out: &mut Vec<u8>, seconds: u64) {
    let hours = seconds / 3600;
    if hours < 100 {
        out.extend_from_slice(&pair(hours));
    } else {
        unsigned(out, hours);
    }
    out.push(b':');
    out.extend_from_slice(&pair(seconds / 60 % 60));
    out.push(b':');
    out.extend_from_slice(&pair(seconds % 60));
}

fn fraction(out: &mut Vec<u8>, micros: u64, least: usize) {
    let start = out.len();
    for part in [micros / 10_000, micros / 100, micros] {
        out.extend_from_slice(&pair(part));
    }
    while out.len() > start + least && out.last() == Some(&b'0') {
        out.pop();
    }
}

/// Writes bytes as Sqoop does: pairs of lower-case hexadecimal digits with blanks between them.
pub fn hex_pairs(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Writes bytes in base64 with padding, as Hive's text tables hold BINARY columns.
pub fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

/// Bytes of [`hex_pairs`]; nothing if it is not such a text. Blanks may be left out.
pub fn parse_hex_pairs(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(digit).collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Bytes of [`base64()`]; nothing if it is not such a text.
pub fn parse_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;

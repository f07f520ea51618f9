//! The least and the greatest value of pages and column chunks, by which readers leave out what they do not look for.

use std::cmp::Ordering;

/// Longer texts are cut to this in statistics: the least one downwards, the greatest one upwards.
const TEXT_BYTES: usize = 64;

/// What is known of some values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Between which they lie; nothing where their type has no order, or where nobody would ask for them.
    pub bounds: Option<Bounds>,
    /// How many are not a number (NaN); nothing where the type has no NaN.
    pub nans: Option<usize>,
}

impl Seen {
    /// Adds what is known of more values of the same column.
    pub(super) fn join(&mut self, other: &Self) {
        match (&mut self.bounds, &other.bounds) {
            (Some(own), Some(other)) => own.join(other),
            (own @ None, other) => own.clone_from(other),
            (Some(_), None) => {}
        }
        if let Some(nans) = other.nans {
            *self.nans.get_or_insert(0) += nans;
        }
    }

    /// What is known of some floating numbers.
    pub(super) fn of_floats(values: impl Iterator<Item = f64> + Clone) -> Self {
        Self { nans: Some(values.clone().filter(|v| v.is_nan()).count()), bounds: Bounds::of_floats(values) }
    }
}

impl From<Option<Bounds>> for Seen {
    fn from(bounds: Option<Bounds>) -> Self {
        Self { bounds, nans: None }
    }
}

/// The least and the greatest of some values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bounds {
    Whole(i64, i64),
    Float(f64, f64),
    Decimal(i128, i128),
    Text(TextBounds),
}

impl Bounds {
    /// Bounds of some numbers that have an order among all of them.
    pub(super) fn of<T: Copy + Ord>(values: &[T], bounds: impl Fn(T, T) -> Self) -> Option<Self> {
        let (first, rest) = values.split_first()?;
        let (least, most) = rest.iter().fold((*first, *first), |(least, most), v| (least.min(*v), most.max(*v)));
        Some(bounds(least, most))
    }

    /// Bounds of some floating numbers, NaN left out; zeros are widened to both signs, as the
    /// format's specification wants it.
    fn of_floats(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (least, most) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (f64::min(least, v), f64::max(most, v)));
        let signed = |zero: f64, bound: f64| if bound == 0.0 { zero } else { bound };
        (least <= most).then(|| Self::Float(signed(-0.0, least), signed(0.0, most)))
    }

    /// Widens these bounds by others of the same column.
    pub(super) fn join(&mut self, other: &Self) {
        match (self, other) {
            (Self::Whole(least, most), Self::Whole(a, b)) => (*least, *most) = ((*least).min(*a), (*most).max(*b)),
            (Self::Decimal(least, most), Self::Decimal(a, b)) => (*least, *most) = ((*least).min(*a), (*most).max(*b)),
            (Self::Float(least, most), Self::Float(a, b)) => (*least, *most) = (least.min(*a), most.max(*b)),
            (Self::Text(own), Self::Text(other)) => {
                own.widen(&other.least);
                own.widen(&other.most);
            }
            // A column has bounds of one kind.
            _ => {}
        }
    }

    /// How these bounds lie to those of the page before: whether neither is less, and whether neither is greater.
    pub(super) fn order_after(&self, before: &Self) -> (bool, bool) {
        let orders = match (self, before) {
            (Self::Whole(a, b), Self::Whole(c, d)) => [a.cmp(c), b.cmp(d)],
            (Self::Decimal(a, b), Self::Decimal(c, d)) => [a.cmp(c), b.cmp(d)],
            (Self::Float(a, b), Self::Float(c, d)) => [a.total_cmp(c), b.total_cmp(d)],
            (Self::Text(own), Self::Text(before)) => [own.least.cmp(&before.least), own.most.cmp(&before.most)],
            _ => return (false, false),
        };
        (orders.iter().all(|o| *o != Ordering::Less), orders.iter().all(|o| *o != Ordering::Greater))
    }
}

/// The least and the greatest of some texts, by their bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextBounds {
    least: Vec<u8>,
    most: Vec<u8>,
    /// The first bytes of both as numbers, which decide nearly always.
    least_key: u64,
    most_key: u64,
}

impl TextBounds {
    pub(super) fn new(text: &[u8]) -> Self {
        Self { least: text.into(), most: text.into(), least_key: key(text), most_key: key(text) }
    }

    /// Widens the bounds so that the text lies within.
    #[inline]
    pub(super) fn widen(&mut self, text: &[u8]) {
        let key = key(text);
        if key <= self.least_key && (key < self.least_key || text < self.least.as_slice()) {
            (self.least_key, self.least) = (key, text.into());
        }
        if key >= self.most_key && (key > self.most_key || text > self.most.as_slice()) {
            (self.most_key, self.most) = (key, text.into());
        }
    }

    /// A text of at most [`TEXT_BYTES`] that none is less than, and whether it is one of them.
    pub(super) fn least(&self) -> (Vec<u8>, bool) {
        let cut = cut(&self.least);
        (cut.to_vec(), cut.len() == self.least.len())
    }

    /// A text of at most [`TEXT_BYTES`] that none is greater than, if there is one, and whether it is one of them.
    pub(super) fn most(&self) -> (Vec<u8>, bool) {
        let cut = cut(&self.most);
        let whole = || (self.most.clone(), true);
        if cut.len() == self.most.len() { whole() } else { next(cut).map_or_else(whole, |next| (next, false)) }
    }
}

/// The first eight bytes as a number, zeros where there are fewer: of two texts with different numbers the one with the
/// smaller number is the smaller one.
#[inline]
fn key(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => text.iter().fold(0, |key, byte| key << 8 | u64::from(*byte)) << (8 * (8 - text.len() as u32) % 64),
    }
}

/// The text, cut between two characters if it is long.
fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= TEXT_BYTES {
        return text;
    }
    let starts = |at: &usize| text[*at] & 0xc0 != 0x80;
    &text[..(TEXT_BYTES - 3..=TEXT_BYTES).rev().find(starts).unwrap_or(TEXT_BYTES)]
}

/// The least text that is greater than all that begin with this one: the last character that has a next one of its
/// length is replaced by it.
fn next(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    text.char_indices().rev().find_map(|(at, last)| {
        let next = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8())?;
        Some(format!("{}{next}", &text[..at]).into_bytes())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(texts: &[String]) -> TextBounds {
        let mut bounds = TextBounds::new(texts[0].as_bytes());
        texts.iter().for_each(|text| bounds.widen(text.as_bytes()));
        bounds
    }

    proptest! {
        #[test]
        fn all_texts_lie_within(texts in prop::collection::vec("[\\x00a-c\u{e9}\u{10ffff}]{0,12}|.{50,80}", 1..20)) {
            let bounds = of(&texts);
            prop_assert_eq!(&bounds.least, texts.iter().min().unwrap().as_bytes());
            prop_assert_eq!(&bounds.most, texts.iter().max().unwrap().as_bytes());
            let ((least, least_exact), (most, most_exact)) = (bounds.least(), bounds.most());
            prop_assert!(least <= bounds.least && most >= bounds.most);
            prop_assert!(std::str::from_utf8(&least).is_ok() && std::str::from_utf8(&most).is_ok());
            prop_assert_eq!((least_exact, most_exact), (least == bounds.least, most == bounds.most));
            prop_assert!(least.len() <= TEXT_BYTES);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "é".repeat(100);
        let bounds = of(std::slice::from_ref(&long));
        assert_eq!(bounds.least(), ("é".repeat(32).into_bytes(), false));
        assert_eq!(bounds.most(), (format!("{}ê", "é".repeat(31)).into_bytes(), false));
        // There is nothing after the last character that there is.
        let last = "\u{10ffff}".repeat(20);
        assert_eq!(of(std::slice::from_ref(&last)).most(), (last.into_bytes(), true));
        let before = format!("a{}", "\u{10ffff}".repeat(20));
        assert_eq!(of(&[before]).most(), (b"b".to_vec(), false));
    }

    #[test]
    fn nothing_but_nan_has_no_bounds() {
        assert_eq!(Bounds::of_floats([f64::NAN].into_iter()), None);
        assert_eq!(Bounds::of_floats([].into_iter()), None);
        let Some(Bounds::Float(least, most)) = Bounds::of_floats([f64::NAN, 0.0, -0.0].into_iter()) else { panic!() };
        assert!(least.is_sign_negative() && most.is_sign_positive());
        let Some(Bounds::Float(least, most)) = Bounds::of_floats([1.5, f64::NEG_INFINITY, -2.0].into_iter()) else {
            panic!()
        };
        assert_eq!((least, most), (f64::NEG_INFINITY, 1.5));
    }

    #[test]
    fn orders_of_pages_are_told() {
        let whole = |a, b| Bounds::Whole(a, b);
        assert_eq!(whole(1, 5).order_after(&whole(1, 5)), (true, true));
        assert_eq!(whole(2, 5).order_after(&whole(1, 5)), (true, false));
        assert_eq!(whole(0, 5).order_after(&whole(1, 6)), (false, true));
        assert_eq!(whole(0, 9).order_after(&whole(1, 5)), (false, false));
    }
}

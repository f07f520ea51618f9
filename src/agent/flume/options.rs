//! The options that Flume's components know, one row each: its default there, and what becomes of it here.
//!
//! An option is mapped to a key of ours, noted because nothing depends on it here, or refused with a sentence that says
//! what to use. [The list](../../../docs/flume-options.md) is made of these rows.

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It is this key of ours, or has its meaning in this way.
    Mapped(&'static str),
    /// It is taken and does nothing, for this reason.
    Note(&'static str),
    /// A value other than the default is refused with this sentence, which says what to use.
    Refused(&'static str),
}

/// An option of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opt {
    /// As it is typed; one that ends with `*` stands for all that begin so.
    pub name: &'static str,
    /// Flume's default; empty where it has none.
    pub default: &'static str,
    pub does: Does,
}

/// An option that is mapped.
pub(super) const fn mapped(name: &'static str, default: &'static str, key: &'static str) -> Opt {
    Opt { name, default, does: Does::Mapped(key) }
}

/// An option that does nothing here.
pub(super) const fn noted(name: &'static str, default: &'static str, why: &'static str) -> Opt {
    Opt { name, default, does: Does::Note(why) }
}

/// An option that is refused unless it has its default.
pub(super) const fn refused(name: &'static str, default: &'static str, instead: &'static str) -> Opt {
    Opt { name, default, does: Does::Refused(instead) }
}

/// Several lists of options as one, known when this is compiled.
macro_rules! rows {
    ($($list:expr),+ $(,)?) => {{
        use crate::agent::flume::options::{Opt, joined, total};
        const LISTS: &[&[Opt]] = &[$($list),+];
        const ROWS: [Opt; total(LISTS)] = joined(LISTS);
        &ROWS
    }};
}
pub(super) use rows;

/// How many options lists have.
pub(super) const fn total(lists: &[&[Opt]]) -> usize {
    let (mut total, mut list) = (0, 0);
    while list < lists.len() {
        total += lists[list].len();
        list += 1;
    }
    total
}

/// The options of lists; `N` is how many they are.
pub(super) const fn joined<const N: usize>(lists: &[&[Opt]]) -> [Opt; N] {
    let (mut rows, mut at, mut list) = ([noted("", "", ""); N], 0, 0);
    while list < lists.len() {
        let mut row = 0;
        while row < lists[list].len() {
            rows[at] = lists[list][row];
            (at, row) = (at + 1, row + 1);
        }
        list += 1;
    }
    rows
}

impl Opt {
    /// Whether a key is this option.
    pub(super) fn is(&self, key: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => key.len() > beginning.len() && key.starts_with(beginning),
            None => self.name == key,
        }
    }
}

/// A component of Flume that is here, and how it is said here.
pub(super) struct Component<T> {
    /// Flume's names: the short one, its class, and others.
    pub names: &'static [&'static str],
    /// The type of ours.
    pub native: &'static str,
    pub options: &'static [Opt],
    /// What is said here.
    pub map: fn(&super::settings::Settings<'_>) -> T,
}

impl<T> Component<T> {
    /// Whether Flume calls it so; it does not look at upper and lower case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The component of a name.
pub(super) fn find<T>(all: &'static [&'static Component<T>], name: &str) -> Option<&'static Component<T>> {
    all.iter().copied().find(|component| component.is(name))
}

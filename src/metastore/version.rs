//! What a metastore says it is.

/// The version of the Hive around a metastore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number before the first dot; it decides what Hive reads.
    pub major: u32,
    /// All of it, such as `4.0.1`.
    pub text: String,
}

impl Version {
    /// `None` where the text does not begin with a number.
    pub(super) fn parse(text: String) -> Option<Self> {
        let major = text.split('.').next()?.trim().parse().ok()?;
        Some(Self { major, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_counts() {
        assert_eq!(Version::parse("4.0.1".into()).unwrap().major, 4);
        assert_eq!(Version::parse("3.1.3000.7.1".into()).unwrap().major, 3);
        assert_eq!(Version::parse("unknown".into()), None);
    }
}

//! Which values need not be written down, because they are the defaults.

/// For `skip_serializing_if` of flags.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// For `skip_serializing_if` of everything with a default.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

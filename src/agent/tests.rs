//! The channel against crashes: cut at any byte, damaged anywhere, closed while somebody waits.

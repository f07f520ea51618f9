//! Sessions in which Hive, or Spark, computes rightly: settings that switch off what gives wrong rows without an error.

use super::options::HiveServer2Options;
use super::session::Session;
use crate::error::Result;

/// The settings; docs/hive-defects.md says which defects they are about. They are about right or wrong, so they win over
/// what the user sets.
const EXACT: [(&str, &str); 5] = [
    ("hive.vectorized.execution.ptf.enabled", "false"),
    ("hive.vectorized.reuse.scratch.columns", "false"),
    ("hive.mapjoin.full.outer", "false"),
    ("hive.auto.convert.anti.join", "false"),
    ("hive.acid.direct.insert.enabled", "false"),
];

impl Session {
    /// Opens a session for statements whose rows must be right.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn open_exact(options: &HiveServer2Options) -> Result<Self> {
        let session = Self::open_with(options, &EXACT).await?;
        session.tune().await?;
        Ok(session)
    }

    /// Opens a session with more settings. One that the server does not know, being too old for it, or that it forbids,
    /// is left out.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn open_with(options: &HiveServer2Options, settings: &[(&str, &str)]) -> Result<Self> {
        let mut settings = settings.to_vec();
        loop {
            let with = settings.iter().fold(options.clone(), |all, (name, value)| all.setting(name, value));
            let error = match Self::open(&with).await {
                Err(error) => error,
                opened => return opened,
            };
            let said = error.to_string();
            let Some(named) = settings.iter().position(|(name, _)| said.contains(name)) else { return Err(error) };
            tracing::debug!(%error, "the server does not take a setting");
            settings.remove(named);
        }
    }
}

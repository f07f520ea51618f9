//! Facts where they make versions: their table is a part of what the dimension is made from, beside the log.

use super::check::Checks;
use super::plan::Plan;
use super::progress;
use super::run::Runner;
use super::source;
use crate::error::{self, Result};

impl Runner<'_> {
    /// The load that the log shows; with facts, that of both.
    pub(super) async fn load(&self) -> Result<Option<String>> {
        let mut shown = Vec::new();
        for table in [Some(&self.args.source), self.args.facts.as_ref()].into_iter().flatten() {
            let parameters = progress::parameters(self.session, table, self.stop).await?.unwrap_or_default();
            shown.push(progress::load_of(&parameters));
        }
        let shown: Option<Vec<String>> = shown.into_iter().collect();
        Ok(shown.map(|loads| loads.join("+")))
    }

    /// Makes a plan whole whose versions begin with facts.
    ///
    /// # Errors
    /// NotFound: there is no such table. Schema: its columns do not serve.
    pub(super) async fn take_facts(&self, plan: &mut Plan) -> Result<()> {
        let Some(facts) = &self.args.facts else { return Ok(()) };
        plan.set_facts(&source::columns(self.session, facts, self.stop).await?)
    }

    /// A digest of the first facts; 0 where facts do not count.
    pub(super) async fn digest_of_facts(&self, plan: &Plan) -> Result<u64> {
        let Some(statement) = plan.digest_of_facts() else { return Ok(0) };
        self.session.query(&statement, self.stop).await?.count(0, "digest")
    }
}

impl Checks<'_> {
    /// Whether each first fact has its version, where facts count; `false` if they are not those of the `digest` any more.
    ///
    /// # Errors
    /// Data: one has none, or a version is inferred that should not be.
    pub(super) async fn placed(&self, plan: &Plan, until: &str, digest: u64) -> Result<bool> {
        let Some(facts) = &self.args.facts else { return Ok(true) };
        let rows = self.session.query(&plan.placed(until)?, self.stop).await?;
        if rows.count(0, "digest")? != digest {
            tracing::warn!(target = self.args.target, facts, "facts came during the run; the next run takes them");
            return Ok(false);
        }
        let wrong = rows.count(0, "wrong")?;
        if wrong == 0 {
            return Ok(true);
        }
        let key = rows.text(0, "example_key")?.unwrap_or("");
        Err(error::data(format!(
            "{} has not the versions that the first facts of {wrong} keys in {facts} ask for, such as of key {key}",
            self.args.target
        ))
        .hint(
            "somebody else wrote to the table, or hive computed it wrongly; drop it to have it built anew from the log",
        ))
    }
}

//! Makes the tables and views of a dimension.

use std::collections::BTreeMap;

use super::plan::Plan;
use super::progress;
use super::run::Runner;
use super::source;
use super::template::Templates;
use super::views;
use crate::error::{self, Result};
use crate::telemetry::summary::{Outcome, StepSummary};

impl Runner<'_> {
    /// Makes the tables that are not there.
    pub(super) async fn init(&self, templates: Templates) -> Result<StepSummary> {
        let mut summary = StepSummary::new(format!("scd2 {}", self.args.target));
        let found = self.look(templates).await?;
        summary.detail = "it is there".to_owned();
        if found.is_new {
            self.create(&found.plan).await?;
            summary.outcome = Outcome::Done;
            summary.detail = "made, without a row".to_owned();
        }
        if let Some(table) = &self.args.quarantine {
            self.make_quarantine(&found.plan, table).await?;
        }
        self.show(&found.plan).await?;
        Ok(summary)
    }

    pub(super) async fn create(&self, plan: &Plan) -> Result<()> {
        let own = [(progress::TYPES, plan.types()), (progress::GENERATION, progress::CURRENT_GENERATION)];
        let location = match plan.needs_location() {
            true => Some(source::location_of_new(self.session, &self.args.target, self.stop).await?),
            false => None,
        };
        self.execute(&plan.create(&self.definition(&own), location.as_deref())?).await?;
        tracing::info!(target = self.args.target, "made the dimension");
        Ok(())
    }

    /// Makes the views, where they are asked for and are not there as they should be.
    pub(super) async fn show(&self, plan: &Plan) -> Result<()> {
        if !self.args.views {
            return Ok(());
        }
        for view in plan.views() {
            let stranger = ("is not a view of", "leave views out, or move it away");
            let there = self.beside(&view.name, views::VIEW_OF, stranger).await?.unwrap_or_default();
            if there.get(views::VIEW_DIGEST) != Some(&view.digest) {
                self.execute(&view.statement).await?;
                tracing::info!(view = view.name, "made the view");
            }
        }
        Ok(())
    }

    /// Puts what cannot be taken into its table, where there is one.
    pub(super) async fn quarantine(&self, plan: &Plan) -> Result<()> {
        let Some(table) = &self.args.quarantine else { return Ok(()) };
        self.make_quarantine(plan, table).await?;
        self.execute(&plan.quarantine(table, &[], self.run_id)?[1]).await
    }

    /// The parameters of what is kept beside the dimension; `None` if it is not there. `stranger` says what it is not, and
    /// the remedy, where its parameter `mark` does not name the dimension.
    ///
    /// # Errors
    /// Exists: it is another's.
    pub(super) async fn beside(
        &self,
        name: &str,
        mark: &str,
        stranger: (&str, &str),
    ) -> Result<Option<BTreeMap<String, String>>> {
        let (there, target) = (progress::parameters(self.session, name, self.stop).await?, &self.args.target);
        let is_ours = there.as_ref().is_none_or(|parameters| parameters.get(mark) == Some(target));
        if is_ours {
            Ok(there)
        } else {
            Err(error::exists(format!("{name} exists and {} {target}", stranger.0)).hint(stranger.1))
        }
    }

    async fn make_quarantine(&self, plan: &Plan, table: &str) -> Result<()> {
        let stranger = ("is not the quarantine of", "name another table in quarantine, or move the table away");
        self.beside(table, progress::QUARANTINE_OF, stranger).await?;
        let properties = [(progress::QUARANTINE_OF, self.args.target.as_str())];
        self.execute(&plan.quarantine(table, &properties, self.run_id)?[0]).await
    }
}

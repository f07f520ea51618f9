//! Makes the tables and views of a dimension.

use super::plan::Plan;
use super::progress;
use super::run::Runner;
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
        self.execute(&plan.create(&self.definition(&own))?).await?;
        tracing::info!(target = self.args.target, "made the dimension");
        Ok(())
    }

    /// Makes the views, where they are asked for and are not there as they should be.
    pub(super) async fn show(&self, plan: &Plan) -> Result<()> {
        if !self.args.views {
            return Ok(());
        }
        for view in plan.views() {
            let there = progress::parameters(self.session, &view.name, self.stop).await?;
            let get = |name: &str| there.as_ref().and_then(|parameters| parameters.get(name));
            if there.is_some() && get(views::VIEW_OF) != Some(&self.args.target) {
                return Err(error::exists(format!("{} exists and is not a view of {}", view.name, self.args.target))
                    .hint("leave views out, or move it away"));
            }
            if get(views::VIEW_DIGEST) != Some(&view.digest) {
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

    async fn make_quarantine(&self, plan: &Plan, table: &str) -> Result<()> {
        let there = progress::parameters(self.session, table, self.stop).await?;
        if there.is_some_and(|parameters| parameters.get(progress::QUARANTINE_OF) != Some(&self.args.target)) {
            return Err(error::exists(format!(
                "table {table} exists and is not the quarantine of {}",
                self.args.target
            ))
            .hint("name another table in quarantine, or move the table away"));
        }
        let properties = [(progress::QUARANTINE_OF, self.args.target.as_str())];
        self.execute(&plan.quarantine(table, &properties, self.run_id)?[0]).await
    }
}

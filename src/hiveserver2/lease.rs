//! A lease in Hive, beside the table that it protects: a view that exists while somebody holds it.
//!
//! Views are names in the metastore alone, and making one is atomic. The view's properties say who holds it. A renewal
//! writes a property that bears the holder's token, so one that comes late harms no successor. A dead lease is removed
//! by its heir only, of whom there is one: the holder of another view, named after the dead lease's token.

use async_trait::async_trait;

use super::options::HiveServer2Options;
use super::quote;
use super::rows::Value;
use super::session::Session;
use crate::error::{self, Error, Kind, Result};
use crate::lease::{Holder, LeaseStore};
use crate::shutdown::Stop;

/// The property that says who took the lease; one with `.` and the token behind it says until when it was renewed.
const HOLDER: &str = "sakia.lease";

/// What follows a table's name in the name of its lease.
const SUFFIX: &str = "_sakia_lease";

/// The lease of one table.
pub struct ViewLease {
    session: Session,
    target: String,
    database: String,
    view: String,
}

impl ViewLease {
    /// The lease of `database`.`table`, over a session of its own.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn new(options: &HiveServer2Options, database: &str, table: &str) -> Result<Self> {
        Ok(Self {
            session: Session::open(options).await?,
            target: format!("{database}.{table}"),
            database: database.to_owned(),
            view: format!("{}{SUFFIX}", table.to_lowercase()),
        })
    }

    /// No stop request reaches these statements: they are short, and one that is cancelled half-way helps nobody.
    async fn execute(&self, statement: &str) -> Result<()> {
        self.session.execute(statement, &Stop::new()).await.map(drop)
    }

    async fn create_view(&self, view: &str, holder: &Holder) -> Result<bool> {
        let properties = quote::properties(&[
            ("comment", "held by a run of sakia; drop it only if that run is dead"),
            (HOLDER, &holder.name()),
        ]);
        let name = quote::table(&self.database, view);
        match self.execute(&format!("CREATE VIEW {name} TBLPROPERTIES ({properties}) AS SELECT 1 AS `held`")).await {
            Ok(()) => Ok(true),
            // Whoever came first is not always told apart from other failures by what Hive says.
            Err(error) => match self.read_view(view).await {
                Ok(Some(found)) => Ok(found.token == holder.token),
                _ => Err(error),
            },
        }
    }

    async fn read_view(&self, view: &str) -> Result<Option<Holder>> {
        let statement = format!("SHOW TBLPROPERTIES {}", quote::table(&self.database, view));
        let rows = match self.session.query(&statement, &Stop::new()).await {
            Ok(rows) => rows,
            Err(e) if e.kind() == Kind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let property = |name: &str| {
            let mut pairs = rows.rows.iter().filter_map(|row| Some((row.first()?.as_str()?, row.get(1)?)));
            pairs.find(|(key, _)| key.trim() == name).and_then(|(_, value)| Value::as_str(value)).map(str::trim)
        };
        let holder = property(HOLDER).and_then(Holder::of_name).ok_or_else(|| self.damaged(view))?;
        let renewed = property(&format!("{HOLDER}.{}", holder.token)).and_then(Holder::of_name);
        Ok(Some(renewed.unwrap_or(holder)))
    }

    fn damaged(&self, view: &str) -> Error {
        error::data(format!("{}.{view} is not a lease, so {} cannot be held", self.database, self.target))
            .hint("make sure that no run of sakia writes to the table, then drop or rename the view")
    }

    async fn drop_view(&self, view: &str) -> Result<()> {
        self.execute(&format!("DROP VIEW IF EXISTS {}", quote::table(&self.database, view))).await
    }

    /// Puts `holder` in the place of a dead lease; `false` if somebody else does.
    async fn take_over(&self, dead: &Holder, holder: &Holder) -> Result<bool> {
        let mut dead = vec![(self.view.clone(), dead.clone())];
        // An heir that died before it was done has an heir of its own.
        while let Some((view, last)) = dead.last() {
            let heir = heir(view, last);
            if self.create_view(&heir, holder).await? {
                break;
            }
            match self.read_view(&heir).await? {
                Some(other) if !other.is_alive() => dead.push((heir, other)),
                _ => return Ok(false),
            }
        }
        for (view, dead) in dead.iter().rev() {
            if self.read_view(view).await?.is_some_and(|now| now.token == dead.token) {
                self.drop_view(view).await?;
            }
            let taken = self.create_view(view, holder).await?;
            self.drop_view(&heir(view, dead)).await?;
            if !taken {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The view whose holder may remove a dead lease.
fn heir(view: &str, dead: &Holder) -> String {
    format!("{view}_{}", dead.token.rsplit('-').next().unwrap_or_default())
}

#[async_trait]
impl LeaseStore for ViewLease {
    fn target(&self) -> &str {
        &self.target
    }

    async fn create(&self, holder: &Holder) -> Result<bool> {
        self.create_view(&self.view, holder).await
    }

    async fn read(&self) -> Result<Option<Holder>> {
        self.read_view(&self.view).await
    }

    async fn replace(&self, from: &Holder, to: &Holder) -> Result<bool> {
        if from.token != to.token {
            return self.take_over(from, to).await;
        }
        let renewed = format!("{HOLDER}.{}", to.token);
        let properties = quote::properties(&[(&renewed, &to.name())]);
        let name = quote::table(&self.database, &self.view);
        match self.execute(&format!("ALTER VIEW {name} SET TBLPROPERTIES ({properties})")).await {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == Kind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn remove(&self, holder: &Holder) -> Result<()> {
        if self.read().await?.is_some_and(|found| found.token == holder.token) {
            self.drop_view(&self.view).await?;
        }
        Ok(())
    }
}

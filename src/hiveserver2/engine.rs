//! Which engine executes the statements of a session. Spark's Thrift server speaks HiveServer2's protocol, and another SQL.

use super::fault;
use super::session::Session;
use super::tcli_service::{TGetInfoReq, TGetInfoType, TGetInfoValue, TTCLIServiceSyncClient};
use crate::error::Result;
use crate::shutdown::Stop;

/// What executes statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// Hive
    #[default]
    Hive,
    /// Spark, behind its Thrift server or another that names it
    Spark,
}

/// What statements of ours need of Spark: moments in UTC; Hive's rules for casts and division; `${..}` left alone; days and
/// moments in Parquet files as every reader takes them, also those before 1582.
const OF_SPARK: [(&str, &str); 10] = [
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.ansi.enabled", "false"),
    ("spark.sql.variable.substitute", "false"),
    ("spark.sql.parser.escapedStringLiterals", "false"),
    ("spark.sql.parquet.outputTimestampType", "INT96"),
    ("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED"),
    ("spark.sql.parquet.int96RebaseModeInRead", "CORRECTED"),
    ("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED"),
    ("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED"),
    ("spark.sql.sources.partitionOverwriteMode", "dynamic"),
];

impl Session {
    /// Asks the server what it is.
    ///
    /// # Errors
    /// Those of a call.
    pub async fn engine(&self) -> Result<Engine> {
        let (session_handle, info_type) = (self.handle.clone(), TGetInfoType::CLI_DBMS_NAME);
        let request = TGetInfoReq { session_handle, info_type };
        let answer = self.client.call(move |thrift| thrift.get_info(request)).await?;
        fault::check(answer.status, "cannot ask hiveserver2 what it is")?;
        Ok(match answer.info_value {
            Some(TGetInfoValue::StringValue(name)) => Engine::of_name(&name),
            None => Engine::Hive,
        })
    }

    /// Makes Spark compute as our statements are meant; nothing where the engine is Hive.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn tune(&self) -> Result<()> {
        if self.engine().await? == Engine::Spark {
            for (name, value) in OF_SPARK {
                self.execute(&format!("SET {name}={value}"), &Stop::new()).await?;
            }
        }
        Ok(())
    }
}

impl Engine {
    /// The engine of a product's name, as a server gives it: `Apache Hive`, `Spark SQL`.
    fn of_name(name: &str) -> Self {
        if name.to_lowercase().contains("spark") { Self::Spark } else { Self::Hive }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_known_by_the_names_of_products() {
        assert_eq!(Engine::of_name("Apache Hive"), Engine::Hive);
        assert_eq!(Engine::of_name("Spark SQL"), Engine::Spark);
    }
}

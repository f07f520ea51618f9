//! The keys of each type of step, as the help of its command lists them; a test holds them to what the steps accept.

/// Keys of `type = "import"`.
pub const IMPORT: &str = "\
Keys of an import step:
  table           table or view to read, in the database of [mysql]
  columns         columns to read, in this order; all where absent
  where           condition that rows must meet, as SQL text
  split-by        column to split by: integers, decimals, dates or times; first of the primary key where absent
  num-mappers     connections that read at once (4)
  target-dir      directory that will hold the files; belongs to this step alone
  as              parquet (default) or avro
  compression     snappy (default), zstd, gzip, lz4 or none
  hive-database   Hive database of the table, made if missing; no table is registered where both are absent
  hive-table      external Hive table to register; named as `table` where absent
  partition-by    partition columns, as in \"order_month=month(ordered_at)\": NAME=COLUMN or NAME=year|month|day|hour(COLUMN)";

/// Keys of `type = "agent"`.
pub const AGENT: &str = "\
Keys of an agent step:
  files              log files: a pattern with * and ?, or a list of them
  format             combined: the log format of Apache and nginx
  channel-dir        local directory of the durable channel; belongs to this step alone
  channel-max-bytes  bytes that may wait in the channel (1 GiB)
  max-line-bytes     longer lines are rejected (64 KiB)
  target-dir         directory of the events in the cluster; belongs to this step alone
  reject-dir         directory in the cluster for malformed lines: JSON lines of file, offset, reason, text
  partition          day (dt=YYYY-MM-DD, default) or hour (with hr=HH), by event time in UTC
  hive-database      Hive database of the table, made if missing
  hive-table         external Hive table over the events
  roll               when an epoch is written: { rows = 250000, bytes = 67108864, seconds = 60 }
  drain              stop when every file is read to its end (false)";

/// Keys of `type = "scd2"`.
pub const SCD2: &str = "\
Keys of an scd2 step:
  source            change log, as database.table
  target            table of versions, as database.table; made as an ACID table if missing
  keys              columns that identify the thing whose versions are kept
  sequence          column that orders the changes of a key
  tracked           columns whose change opens a new version
  untracked         columns carried along without opening one
  untracked-policy  latest-in-run (default) or first-in-run
  op-column         column that holds D where the thing was deleted
  batches           month (default), day or all
  reapply-last      apply the last batch once more, as a check (false)
  ddl-dir           directory whose scd2_*.hql files take the place of the built-in ones";

/// Keys of `type = "lookup"`.
pub const LOOKUP: &str = "\
Keys of a lookup step:
  schema            file that describes the HBase table
  query-file        file with the HiveQL query that gives one row a key; ${database} stands for the database
  database          Hive database that the query reads
  hive-table        external Hive table over the HBase table, made if missing
  timestamp-column  result column with the time a row was last true, in milliseconds since the epoch";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::AgentArgs;
    use crate::config;
    use crate::lookup::LookupArgs;
    use crate::scd2::Scd2Args;
    use crate::transfer::ImportArgs;

    /// The keys that a step accepts, from the answer to one that it does not.
    fn accepted<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let table = toml::Table::from_iter([("no-such-key-anywhere".to_owned(), toml::Value::Boolean(true))]);
        let hint = config::from_table::<T>(table, "").err().and_then(|e| e.remedy().map(str::to_owned)).unwrap();
        hint.strip_prefix("known keys: ").unwrap().split(", ").map(str::to_owned).collect()
    }

    fn listed(help: &str) -> Vec<String> {
        help.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_help_lists_the_keys_that_a_step_accepts() {
        for (help, mut keys) in [
            (IMPORT, accepted::<ImportArgs>()),
            (AGENT, accepted::<AgentArgs>()),
            (SCD2, accepted::<Scd2Args>()),
            (LOOKUP, accepted::<LookupArgs>()),
        ] {
            let mut listed = listed(help);
            listed.sort();
            keys.sort();
            assert_eq!(listed, keys);
        }
    }
}

//! The keys of each type of step, as the help of its command lists them; a test holds them to what the steps accept.

/// Keys of `type = "import"`.
pub const IMPORT: &str = "\
Keys of an import step:
  table                    table or view to read, in the database of [mysql]
  query                    query to read instead; $CONDITIONS stands where the condition of a split goes
  columns                  columns to read, in this order; all where absent
  where                    condition that rows must meet, as SQL text
  split-by                 column to split by; the primary key where absent
  split-limit              greatest width of a split: a difference of numbers, or seconds
  boundary-query           query for the least and the greatest key; rows outside are not read
  num-mappers              connections that read at once (4)
  autoreset-to-one-mapper  one connection where there is no key to split by, instead of an error (false)
  fetch-size               most rows in a batch
  consistency              auto (default), binlog-position, gtid, flush-tables, lock-tables, one-connection, none
  relaxed-isolation        read uncommitted rows too; with consistency none (false)
  target-dir               directory that will hold the files
  warehouse-dir            directory above it: the files go to WAREHOUSE/TABLE
  existing                 replace (default), refuse, append or delete what is there
  as                       parquet (default), avro, text or sequence
  compression              snappy, zstd, gzip, bzip2, xz, lz4 or none; what the format can
  parquet-timestamps       auto (default), int96 or int64
  compat                   exact (default) or sqoop: whose values the files hold
  logical-decimals         with compat sqoop: decimals as decimals instead of text (false)
  zero-dates               error (default), null or text
  invalid-text             error (default) or replace
  map-column-java          Java types of columns, as in \"id=String,n=Long\"
  map-column-hive          Hive types of columns, as in \"total=DECIMAL(13,5)\"
  record-name              name of the Avro record; the table's where absent
  success-file             write an empty _SUCCESS beside the files (false)
  file-names               load (default) or sqoop: part-m-00000
  text                     delimited text: { fields-terminated-by, lines-terminated-by, enclosed-by,
                           optionally-enclosed-by, escaped-by, null-string, null-non-string, drop-delims,
                           replace-delims, scientific-decimals }
  hive-database            Hive database of the table, made if missing; no table is registered where both are absent
  hive-table               external Hive table to register; named as `table` where absent
  partition-by             partition columns, as in \"order_month=month(ordered_at)\": NAME=COLUMN or NAME=year|month|day|hour(COLUMN)
  hive-partition           the one partition that the rows go to, as in \"ds=2024-01-01\"
  create-hive-table        fail if the Hive table exists (false)
  hive-adopt               take over a Hive table of the same columns that somebody else made (false)
  hive-stored-as           orc, acid or parquet: a managed table filled by HiveServer2
  incremental              only new or changed rows: { mode = \"append\" or \"lastmodified\", check-column, last-value,
                           merge-key }
  hbase                    HBase cells instead of files: { table, column-family, row-key, create, null-mode, add-row-key }
  verify                   compare target and source in the same snapshot (false)";

/// Keys of `type = "import-all"`.
pub const IMPORT_ALL: &str = "\
Keys of an import-all step:
  exclude-tables         tables to leave out
  stop-at-first-failure  stop at the first table that fails, instead of importing the others (false)
  each                   what is done with each table: keys of an import step, such as { warehouse-dir = \"/lake\" }";

/// Keys of `type = "export"`.
pub const EXPORT: &str = "\
Keys of an export step:
  table                       table to fill
  call                        stored procedure to call with each record instead
  columns                     columns that the fields go to; all where absent
  export-dir                  directory, file or pattern to read
  hive-database               Hive database of the table to read (default)
  hive-table                  Hive table to read instead of a directory
  hive-partition              the one partition of it to read, as in \"ds=2024-01-01\"
  num-mappers                 connections that write at once (4)
  update-key                  columns by which rows are found and updated
  update-mode                 update-only (default) or allow-insert
  staging-table               table that is filled first and moved over in one transaction
  clear-staging-table         empty it first (false)
  batch                       one record a statement, sent many at a time (false)
  direct                      LOAD DATA LOCAL INFILE instead of INSERT (false)
  rows-per-statement          most records sent at a time (2000 in bulk on MariaDB, else 100)
  statements-per-transaction  statements in one transaction (100); 0 for one transaction a connection
  text                        delimited text: { fields-terminated-by, lines-terminated-by, enclosed-by,
                              optionally-enclosed-by, escaped-by, null-string, null-non-string }
  compat                      exact (default) or sqoop: whose reading of text
  reject-dir                  directory for records that cannot be exported, with place and reason
  reject-limit                most records that may be rejected (0)
  verify                      compare the count of records with what the table gained (false)";

/// Keys of `type = "merge"`.
pub const MERGE: &str = "\
Keys of a merge step:
  new-data      directory of the newer records, which win
  onto          directory of the older records
  target-dir    directory of the merged records
  merge-key     key columns: of all records with one key the newest stays
  columns       columns of delimited text, in order
  num-mappers   most workers at once (4)
  compression   codec inside the merged files; that of the older records where absent
  success-file  write an empty _SUCCESS beside the files (false)
  file-names    load (default) or sqoop: part-m-00000
  text          delimited text, as in an import step";

/// Keys of `type = "verify"`.
pub const VERIFY: &str = "\
Keys of a verify step:
  table           table to compare
  columns         columns to compare; all where absent
  where           condition that rows of the table must meet, as SQL text
  target-dir      directory of the files to compare with
  hive-database   Hive database of the table to compare with (default)
  hive-table      Hive table to compare with instead of a directory
  hive-partition  the one partition of it to compare with
  num-mappers     connections that read at once (4)
  consistency     how all connections come to see one moment, as in an import step
  compat          exact (default) or sqoop: whose values the files hold
  text            delimited text, as in an export step";

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
    use crate::transfer::args::{ExportArgs, ImportAllArgs, ImportArgs, MergeArgs, VerifyArgs};

    /// The keys that a step accepts, from the answer to one that it does not.
    fn accepted<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let table = toml::Table::from_iter([("no-such-key-anywhere".to_owned(), toml::Value::Boolean(true))]);
        let hint = config::from_table::<T>(table, "").err().and_then(|e| e.remedy().map(str::to_owned)).unwrap();
        hint.strip_prefix("known keys: ").unwrap().split(", ").map(str::to_owned).collect()
    }

    fn listed(help: &str) -> Vec<String> {
        let keys = help.lines().skip(1).filter(|line| !line.starts_with("   "));
        keys.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_help_lists_the_keys_that_a_step_accepts() {
        for (help, mut keys) in [
            (IMPORT, accepted::<ImportArgs>()),
            (IMPORT_ALL, accepted::<ImportAllArgs>()),
            (EXPORT, accepted::<ExportArgs>()),
            (MERGE, accepted::<MergeArgs>()),
            (VERIFY, accepted::<VerifyArgs>()),
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

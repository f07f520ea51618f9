//! Options that contradict each other or lack another, whatever the table and the server: each with the key that is wrong.

use super::export::{ExportArgs, UpdateMode};
use super::import::{Existing, ImportArgs, StartFrom};
use super::import_all::ImportAllArgs;
use super::merge::MergeArgs;
use super::policy::Consistency;
use super::verify::VerifyArgs;
use crate::error::{self, Error, Result};
use crate::load;
use crate::mysql::sql_text::check_query;

/// A key, and what is wrong with it.
pub type Wrong = (&'static str, Error);

/// A rule: whether it is broken, the key, what to say, and the remedy.
type Rule = (bool, &'static str, &'static str, &'static str);

/// Fails with the first thing that is wrong.
///
/// # Errors
/// Config: there is one.
pub fn refuse(wrong: Vec<Wrong>) -> Result<()> {
    wrong.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

fn broken(rules: impl IntoIterator<Item = Rule>) -> Vec<Wrong> {
    let said = |(_, key, what, hint): Rule| (key, error::config(what).hint(hint));
    rules.into_iter().filter(|(broken, ..)| *broken).map(said).collect()
}

const CHOOSE: &str = "choose one of them";

impl ImportArgs {
    /// What is wrong with an import, before anything is asked of a server.
    pub fn check(&self) -> Vec<Wrong> {
        let source = [
            (
                self.table.is_none() && self.query.is_none(),
                "table",
                "missing key `table`",
                "name the table to read, or give a query",
            ),
            (self.table.is_some() && self.query.is_some(), "query", "both table and query are given", CHOOSE),
            (
                self.hbase.table.is_none()
                    && self.target_dir.is_none()
                    && self.warehouse_dir.is_none()
                    && self.hive_database.is_none()
                    && self.hive_table.is_none(),
                "target-dir",
                "missing key `target-dir`",
                "name the directory of the files",
            ),
        ];
        let mut wrong = broken(source.into_iter().chain(self.contradictions()));
        wrong.extend(self.query.as_deref().and_then(|query| check_query(query).err()).map(|e| ("query", e)));
        if let Some(target) = &self.target_dir {
            wrong.extend(load::check_target(target).err().map(|e| ("target-dir", e)));
        }
        wrong
    }

    /// Rules that hold for each table of an import of all, too.
    fn contradictions(&self) -> [Rule; 11] {
        let incremental = self.incremental.mode.is_some();
        [
            (self.num_mappers == 0, "num-mappers", "num-mappers is 0", "give at least 1"),
            (
                self.autoreset_to_one_mapper && self.split_by.is_some(),
                "autoreset-to-one-mapper",
                "both autoreset-to-one-mapper and split-by are given",
                CHOOSE,
            ),
            (
                self.relaxed_isolation && self.consistency != Consistency::None,
                "relaxed-isolation",
                "relaxed-isolation reads uncommitted rows, which no snapshot shows",
                "add consistency none, or leave relaxed-isolation out",
            ),
            (
                self.target_dir.is_some() && self.warehouse_dir.is_some(),
                "warehouse-dir",
                "both target-dir and warehouse-dir are given",
                CHOOSE,
            ),
            (
                self.partition_by.is_some() && self.hive_partition.is_some(),
                "hive-partition",
                "both partition-by and hive-partition are given",
                CHOOSE,
            ),
            (
                self.text.drop_delims && self.text.replace_delims.is_some(),
                "text",
                "both drop-delims and replace-delims are given",
                CHOOSE,
            ),
            (
                !self.incremental.merge_key.is_empty() && self.existing == Existing::Append,
                "existing",
                "merge-key replaces rows, and existing append keeps all",
                CHOOSE,
            ),
            (
                self.incremental.start_from == StartFrom::LastValue && self.incremental.last_value.is_none(),
                "start-from",
                "start-from last-value is given without last-value",
                "give last-value too",
            ),
            (
                incremental && self.incremental.check_column.is_none(),
                "check-column",
                "incremental is given without check-column",
                "name the column that grows",
            ),
            (
                self.verify && (incremental || self.hbase.table.is_some()),
                "verify",
                "verify compares whole tables with files",
                "leave it out here",
            ),
            (
                self.verify && (self.text.drop_delims || self.text.replace_delims.is_some()),
                "verify",
                "verify compares values as they are in the table, and drop-delims and replace-delims change them",
                "leave it out here",
            ),
        ]
    }
}

impl ImportAllArgs {
    /// What is wrong with an import of all tables, before anything is asked of a server.
    pub fn check(&self) -> Vec<Wrong> {
        let each = &self.each;
        let of_one = [
            (each.table.is_some(), "table"),
            (each.query.is_some(), "query"),
            (!each.columns.is_empty(), "columns"),
            (each.condition.is_some(), "where"),
            (each.split_by.is_some(), "split-by"),
            (each.target_dir.is_some(), "target-dir"),
            (each.hive_table.is_some(), "hive-table"),
        ];
        let of_one = of_one.into_iter().filter(|(given, _)| *given).map(|(_, key)| {
            let what = format!("`each.{key}` is of one table, and all are imported");
            ("each", error::config(what).hint("leave it out; directories go below warehouse-dir"))
        });
        let wrong = broken(each.contradictions()).into_iter().map(|(_, e)| ("each", e));
        of_one.chain(wrong).collect()
    }
}

impl ExportArgs {
    /// What is wrong with an export, before anything is asked of a server.
    pub fn check(&self) -> Vec<Wrong> {
        let is_update = !self.update_key.is_empty();
        let (in_files, in_hive) = (self.export_dir.is_some(), self.hive_table.is_some());
        broken([
            (
                self.table.is_none() && self.call.is_none(),
                "table",
                "missing key `table`",
                "name the table to fill, or the procedure to call",
            ),
            (self.table.is_some() && self.call.is_some(), "call", "both table and call are given", CHOOSE),
            (!in_files && !in_hive, "export-dir", "missing key `export-dir`", "name the directory of the files"),
            (in_files && in_hive, "hive-table", "both export-dir and hive-table are given", CHOOSE),
            (
                !in_hive && (self.hive_database.is_some() || self.hive_partition.is_some()),
                if self.hive_database.is_some() { "hive-database" } else { "hive-partition" },
                "hive-database and hive-partition need hive-table",
                "name the table",
            ),
            (
                self.staging_table.is_some() && (is_update || self.call.is_some()),
                "staging-table",
                "staging-table excludes update-key and call",
                "leave staging-table out",
            ),
            (
                self.clear_staging_table && self.staging_table.is_none(),
                "clear-staging-table",
                "clear-staging-table needs staging-table",
                "name the staging table",
            ),
            (is_update && self.call.is_some(), "update-key", "update-key excludes call", "leave one of them out"),
            (
                self.update_mode == UpdateMode::AllowInsert && !is_update,
                "update-mode",
                "update-mode allow-insert needs update-key",
                "name the columns of a unique key in update-key",
            ),
            (
                self.direct && (is_update || self.call.is_some() || self.batch),
                "direct",
                "direct only inserts: it excludes update-key, call and batch",
                "leave direct out",
            ),
            (self.num_mappers == 0, "num-mappers", "num-mappers is 0", "give at least 1"),
            (self.rows_per_statement == Some(0), "rows-per-statement", "rows-per-statement is 0", "give at least 1"),
            (
                self.reject_limit > 0 && self.reject_dir.is_none(),
                "reject-limit",
                "reject-limit needs reject-dir",
                "name a directory for the rejected records",
            ),
            (
                self.verify && (is_update || self.call.is_some()),
                "verify",
                "verify counts what an insert adds: it excludes update-key and call",
                "leave verify out",
            ),
        ])
    }
}

impl MergeArgs {
    /// What is wrong with a merge, before anything is asked of a server.
    pub fn check(&self) -> Vec<Wrong> {
        let plain = |path: &'_ str| path.trim_end_matches('/').to_owned();
        let new = plain(&self.new_data);
        broken([
            (new.is_empty(), "new-data", "missing key `new-data`", "name the directory of the newer records"),
            (self.onto.is_empty(), "onto", "missing key `onto`", "name the directory of the older records"),
            (self.target_dir.is_empty(), "target-dir", "missing key `target-dir`", "name the directory to fill"),
            (self.merge_key.is_empty(), "merge-key", "missing key `merge-key`", "name the key columns"),
            (
                !new.is_empty() && (new == plain(&self.onto) || new == plain(&self.target_dir)),
                "new-data",
                "new-data is one of the other two directories",
                "give the directory of the newer records, which is read and left as it is",
            ),
            (self.num_mappers == Some(0), "num-mappers", "num-mappers is 0", "give at least 1"),
        ])
    }
}

impl VerifyArgs {
    /// What is wrong with a comparison, before anything is asked of a server.
    pub fn check(&self) -> Vec<Wrong> {
        let (in_files, in_hive) = (self.target_dir.is_some(), self.hive_table.is_some());
        broken([
            (self.table.is_empty(), "table", "missing key `table`", "name the table to compare"),
            (
                !in_files && !in_hive,
                "target-dir",
                "missing key `target-dir`",
                "say what to compare the table with: target-dir, or hive-table",
            ),
            (in_files && in_hive, "hive-table", "both target-dir and hive-table are given", CHOOSE),
            (self.num_mappers == 0, "num-mappers", "num-mappers is 0", "give at least 1"),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::args::Compat;

    fn keys(wrong: Vec<Wrong>) -> Vec<&'static str> {
        assert!(wrong.iter().all(|(_, e)| e.remedy().is_some() && e.exit_code() == 2));
        wrong.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(keys(ImportArgs::default().check()), ["table", "target-dir"]);
        assert_eq!(keys(ExportArgs::default().check()), ["table", "export-dir"]);
        assert_eq!(keys(MergeArgs::default().check()), ["new-data", "onto", "target-dir", "merge-key"]);
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let import = ImportArgs {
            table: text("t"),
            target_dir: text("/t"),
            warehouse_dir: text("/w"),
            num_mappers: 0,
            relaxed_isolation: true,
            ..ImportArgs::default()
        };
        assert_eq!(keys(import.check()), ["num-mappers", "relaxed-isolation", "warehouse-dir"]);
        let all = ImportAllArgs { each: import, ..ImportAllArgs::default() };
        assert_eq!(keys(all.check()), ["each"; 5]);
        let export = ExportArgs {
            table: text("t"),
            export_dir: text("/d"),
            hive_database: text("h"),
            update_mode: UpdateMode::AllowInsert,
            compat: Compat::Sqoop,
            ..ExportArgs::default()
        };
        assert_eq!(keys(export.check()), ["hive-database", "update-mode"]);
    }
}

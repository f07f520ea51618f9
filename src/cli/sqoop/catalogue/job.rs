//! Options of saved jobs.

use super::{Group, Mark, Opt, Rows};

const ROWS: Rows = Rows(Group::Job, "j");

const NO_METASTORE: &str =
    "saved jobs are files: point SAKIA_JOB_DIR at a directory that everybody who runs them shares";

pub(super) const JOB: &[Opt] = &[
    ROWS.value("create", "job-id", "Save a job: --create JOB -- TOOL ARGUMENTS"),
    ROWS.value("delete", "job-id", "Delete a saved job"),
    ROWS.value("exec", "job-id", "Run a saved job: --exec JOB [-- OVERRIDES]"),
    ROWS.flag("list", "List the saved jobs"),
    ROWS.value("show", "job-id", "Show what a saved job does"),
    ROWS.value("meta-connect", "jdbc-uri", "Database of the saved jobs").mark(Mark::Should).refused(NO_METASTORE),
    ROWS.value("meta-username", "user", "Its user").mark(Mark::Should).refused(NO_METASTORE),
    ROWS.value("meta-password", "password", "Its password").mark(Mark::Should).refused(NO_METASTORE),
];

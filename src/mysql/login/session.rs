//! What every session is set to before its first statement.

/// What the zone and the mode were before is kept for [`crate::mysql::session`].
///
/// Text in Unicode, instants in UTC, strict and plain SQL, each statement on its own. Limits that the server or the account
/// sets for a session and that a session may lift are lifted: how long a statement may run and a transaction may be idle,
/// how many rows a SELECT gives or looks at, and how long the server waits while the target stalls.
///
/// MySQL executes the comments that begin with `/*!` and the number of its version, MariaDB those with `/*M!`; neither
/// reads what is meant for the other.
pub(in crate::mysql) const SESSION: &str = "SET NAMES utf8mb4, @sakia_zone = @@time_zone, @sakia_mode = @@sql_mode, \
     time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, \
     net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 2147483, \
     sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0\
     /*!50708 , max_execution_time = 0 */\
     /*M!100101 , max_statement_time = 0 */\
     /*M!100300 , idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0, \
     idle_write_transaction_timeout = 0 */";

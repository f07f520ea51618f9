//! Slowly changing dimensions of type 2: a log of changes folded into a table of versions, by HiveQL.
//!
//! The rows never pass through this process: the planner turns a specification into HiveQL and [`run`] has HiveServer2
//! execute it, batch by batch. A batch recomputes, from the whole log up to its end, the versions of the keys it
//! touches, compares them with the target's and merges the differences only, in the way of the table's shape (`shapes`). So
//! late events land where they belong, a batch applied again changes nothing, and a crash at any step is mended by running
//! again.
//!
//! [`reference`](mod@reference) is the definition of a dimension, in memory; the tests hold Hive against it. docs/history.md says it in
//! words.
//!
//! A version is valid in `[valid_from, valid_to)`; the open one ends at 9999-12-31, or where the step is told. Refuses logs
//! with NULL in a key or in the sequence, or sets such events aside if it is told to; refuses types that cannot be compared
//! or carried exactly, logs that no longer hold what the dimension rests on, and targets it did not make. A lease keeps a
//! second run away.
//!
//! What Hive computed is not trusted: the dimension is compared with its log after every run (`check`).
//! docs/hive-defects.md names the defects of Hive that the statements avoid, and how. Checked on Hive 4.0.1 and
//! Spark 3.5.9.

mod args;
mod asked;
mod batch;
mod check;
mod drift;
mod ends;
mod expressions;
mod facts;
mod history;
mod input;
mod inspect;
mod intake;
mod journal;
mod late;
mod make;
mod names;
mod plan;
mod progress;
pub mod reference;
mod run;
mod sequence;
mod shapes;
mod source;
mod target;
mod template;
mod types;
mod views;
mod work;

pub use args::{Batches, Deletes, EndUnit, FirstVersion, Input, NewColumns, OpenEnd, Scd2Args, UntrackedPolicy};
pub use ends::Ends;
pub use inspect::{status, verify};
pub use names::OwnColumns;
pub use run::{init, plan, rebuild, run};
pub use shapes::Shape;
pub(crate) use source::describe;

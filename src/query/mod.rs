//! HiveQL of people and scripts: cut as Hive's own shell cuts it, run one statement after another in one session, the rows
//! written in the form that was asked for.
//!
//! A result is never in memory as a whole: rows are fetched some at a time, as many as a few megabytes hold. A statement is
//! run once: where the connection breaks, the session is over with its variables and temporary tables, and the error says
//! which statement nobody knows the end of.
//!
//! | file | what it does |
//! |---|---|
//! | `split` | a script into statements |
//! | `script` | the statements of a run: from the command line, files, standard input |
//! | `run` | one statement after another, their logs, errors and places |
//! | `text` | a value as text |
//! | `output` | the forms of results |
//! | `sink` | standard output, or a file that is there when it is whole |
//! | `step` | a file of statements as a step of a pipeline: once a run, or once for each partition that is new |

mod output;
mod run;
mod script;
mod sink;
mod split;
mod step;
mod text;

pub(crate) use self::output::{Form, Quoting, Style, Wrapping};
pub(crate) use self::run::{Request, run};
pub(crate) use self::script::{Source, acts};
pub(crate) use self::sink::Sink;
pub(crate) use self::step::HiveqlArgs;
pub(crate) use self::step::{check as check_step, plan as plan_step, run as run_step};
pub(crate) use self::text::Look;

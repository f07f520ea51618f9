//! Sqoop's options, one row each: which tools take it, whether a value follows, and what becomes of it here.
//!
//! An option is mapped to something of ours, accepted with a note because ignoring it harms nothing, or refused with
//! a sentence that says what to use. A tool never sees an option that has no row.

mod common;
mod export;
mod hive;
mod import;
mod job;
mod text;

use super::tool::Tool;

/// How much users of Sqoop rely on an option: all of the first must work, the second work or say what to use instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Users of MySQL, HDFS, Hive and HBase rely on it.
    Must,
    /// Some do.
    Should,
    /// Nobody needs it here: Java code generation, MapReduce, other systems.
    Skip,
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It has a meaning here.
    Mapped,
    /// It is taken and does nothing, for this reason.
    Note(&'static str),
    /// It is refused with this sentence, which says what to use.
    Refused(&'static str),
}

/// The groups of Sqoop's help, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Connections and everything every tool takes.
    Common,
    /// What and how to import.
    Import,
    /// Only new or changed rows.
    Incremental,
    /// How text is written.
    Output,
    /// How text is read.
    Input,
    /// Hive tables.
    Hive,
    /// HBase tables.
    HBase,
    /// Tables named by HCatalog's options.
    HCatalog,
    /// Accumulo tables.
    Accumulo,
    /// Java code.
    Codegen,
    /// What and how to export.
    Export,
    /// Merging.
    Merge,
    /// Statements.
    Eval,
    /// Saved jobs.
    Job,
}

impl Group {
    /// The heading in the help.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Common => "Common arguments",
            Self::Import => "Import control arguments",
            Self::Incremental => "Incremental import arguments",
            Self::Output => "Output line formatting arguments",
            Self::Input => "Input parsing arguments",
            Self::Hive => "Hive arguments",
            Self::HBase => "HBase arguments",
            Self::HCatalog => "HCatalog arguments",
            Self::Accumulo => "Accumulo arguments",
            Self::Codegen => "Code generation arguments",
            Self::Export => "Export control arguments",
            Self::Merge => "Merge arguments",
            Self::Eval => "SQL evaluation arguments",
            Self::Job => "Job management arguments",
        }
    }
}

/// One option of Sqoop.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opt {
    /// Long name without dashes; for `-P` and the like the short one.
    pub name: &'static str,
    /// One-letter name.
    pub short: Option<char>,
    /// What the value is called in the help, if one follows.
    pub value: Option<&'static str>,
    /// The tools that take it, by [`Tool::letter`].
    pub tools: &'static str,
    /// How much it is relied on.
    pub mark: Mark,
    /// What becomes of it.
    pub does: Does,
    /// Where the help lists it.
    pub group: Group,
    /// One line for the help.
    pub help: &'static str,
}

impl Opt {
    /// As it is typed: `--table`, `-P`.
    pub(super) fn typed(&self) -> String {
        if self.name.len() == 1 { format!("-{}", self.name) } else { format!("--{}", self.name) }
    }

    /// Whether its value is a URL, which may hold a password.
    pub(super) fn is_url(&self) -> bool {
        matches!(self.name, "connect" | "hs2-url" | "meta-connect")
    }

    const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    const fn mark(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }

    /// Taken without effect, for a reason.
    const fn note(mut self, why: &'static str) -> Self {
        self.does = Does::Note(why);
        self
    }

    /// Refused with a sentence.
    const fn refused(mut self, what_to_use: &'static str) -> Self {
        self.does = Does::Refused(what_to_use);
        self
    }
}

/// Rows of one group and its usual tools.
struct Rows(Group, &'static str);

impl Rows {
    /// An option that stands alone.
    const fn flag(&self, name: &'static str, help: &'static str) -> Opt {
        let Self(group, tools) = *self;
        Opt { name, short: None, value: None, tools, mark: Mark::Must, does: Does::Mapped, group, help }
    }

    /// An option that a value follows.
    const fn value(&self, name: &'static str, value: &'static str, help: &'static str) -> Opt {
        let mut opt = self.flag(name, help);
        opt.value = Some(value);
        opt
    }
}

/// All rows.
pub(super) fn all() -> impl Iterator<Item = &'static Opt> {
    [
        common::COMMON,
        import::IMPORT,
        import::INCREMENTAL,
        text::OUTPUT,
        text::INPUT,
        hive::HIVE,
        hive::HBASE,
        hive::HCATALOG,
        hive::ACCUMULO,
        common::CODEGEN,
        export::EXPORT,
        export::MERGE,
        export::EVAL,
        job::JOB,
    ]
    .into_iter()
    .flatten()
}

/// The options of a tool, in the order of the help.
pub(super) fn of_tool(tool: Tool) -> impl Iterator<Item = &'static Opt> {
    all().filter(move |opt| opt.tools.contains(tool.letter()))
}

/// The option of a tool by its name without dashes, long or short.
pub(super) fn find(tool: Tool, name: &str) -> Option<&'static Opt> {
    let mut letters = name.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    of_tool(tool).find(|opt| opt.name == name || letter.is_some() && opt.short == letter)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_tool_takes_a_name_once() {
        for tool in Tool::ALL {
            let mut seen = BTreeSet::new();
            for opt in of_tool(tool) {
                assert!(seen.insert(opt.name.to_owned()), "{tool:?} takes --{} twice", opt.name);
                assert!(opt.short.is_none_or(|letter| seen.insert(letter.to_string())), "{tool:?} {:?}", opt.short);
            }
        }
    }

    #[test]
    fn what_users_rely_on_works_or_does_no_harm() {
        for opt in all().filter(|opt| opt.mark == Mark::Must) {
            assert!(!matches!(opt.does, Does::Refused(_)), "--{} must work", opt.name);
        }
        for opt in all() {
            let (Does::Note(sentence) | Does::Refused(sentence)) = opt.does else { continue };
            assert!(sentence.len() > 10 && !sentence.ends_with('.'), "--{}: {sentence}", opt.name);
        }
    }
}

//! Sqoop's tools: those that work here, and those that are refused with a sentence.

use crate::error::{self, Result};

/// A tool of Sqoop that works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// `import`
    Import,
    /// `import-all-tables`
    ImportAllTables,
    /// `export`
    Export,
    /// `merge`
    Merge,
    /// `job`
    Job,
    /// `eval`
    Eval,
    /// `list-databases`
    ListDatabases,
    /// `list-tables`
    ListTables,
    /// `create-hive-table`
    CreateHiveTable,
    /// `help`
    Help,
    /// `version`
    Version,
}

/// Tools that are refused, and what to use.
const REFUSED: [(&str, &str); 4] = [
    ("codegen", "no Java code is generated; Avro files carry their schema, and sakia import --dry-run shows it"),
    ("metastore", "saved jobs are files: point SAKIA_JOB_DIR at a directory that everybody who runs them shares"),
    ("import-mainframe", "mainframe data sets are not supported: sources are MySQL and MariaDB"),
    ("mainframe-import", "mainframe data sets are not supported: sources are MySQL and MariaDB"),
];

impl Tool {
    /// Every tool, in the order of Sqoop's help.
    pub(crate) const ALL: [Self; 11] = [
        Self::CreateHiveTable,
        Self::Eval,
        Self::Export,
        Self::Help,
        Self::Import,
        Self::ImportAllTables,
        Self::Job,
        Self::ListDatabases,
        Self::ListTables,
        Self::Merge,
        Self::Version,
    ];

    /// The name as typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::ImportAllTables => "import-all-tables",
            Self::Export => "export",
            Self::Merge => "merge",
            Self::Job => "job",
            Self::Eval => "eval",
            Self::ListDatabases => "list-databases",
            Self::ListTables => "list-tables",
            Self::CreateHiveTable => "create-hive-table",
            Self::Help => "help",
            Self::Version => "version",
        }
    }

    /// One line for the help.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Import => "Import a table from a database to HDFS",
            Self::ImportAllTables => "Import tables from a database to HDFS",
            Self::Export => "Export an HDFS directory to a database table",
            Self::Merge => "Merge results of incremental imports",
            Self::Job => "Work with saved jobs",
            Self::Eval => "Evaluate a SQL statement and display the results",
            Self::ListDatabases => "List available databases on a server",
            Self::ListTables => "List available tables in a database",
            Self::CreateHiveTable => "Import a table definition into Hive",
            Self::Help => "List available commands",
            Self::Version => "Display version information",
        }
    }

    /// What the catalogue calls it.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Import => 'i',
            Self::ImportAllTables => 'a',
            Self::Export => 'e',
            Self::Merge => 'g',
            Self::Job => 'j',
            Self::Eval => 'q',
            Self::ListDatabases => 'l',
            Self::ListTables => 't',
            Self::CreateHiveTable => 'h',
            Self::Help => '?',
            Self::Version => 'v',
        }
    }

    /// The tool of a name.
    ///
    /// # Errors
    /// Usage: an unknown tool, or one that is refused, with what to use instead.
    pub(crate) fn of_name(name: &str) -> Result<Self> {
        if let Some(tool) = Self::ALL.into_iter().find(|tool| tool.name() == name) {
            return Ok(tool);
        }
        match REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, instead)) => Err(error::usage(format!("sqoop's tool {name} is not supported")).hint(*instead)),
            None => Err(error::usage(format!("No such sqoop tool: {name}. See 'sqoop help'"))
                .hint(format!("the tools are {}", Self::ALL.map(Self::name).join(", ")))),
        }
    }
}

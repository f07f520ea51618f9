//! Help texts in the shape of Sqoop's: the tools, and a tool's options by group.

use std::fmt::Write;

use super::catalogue::{self, Does, Opt};
use super::tool::Tool;

/// Column at which the texts begin.
const TEXTS_AT: usize = 50;

/// The help of all tools.
pub(super) fn overview() -> String {
    let mut text = "usage: sqoop COMMAND [ARGS]\n\nAvailable commands:".to_owned();
    for tool in Tool::ALL {
        // Writing to a string does not fail.
        let _ = write!(text, "\n  {:<19}{}", tool.name(), tool.about());
    }
    text.push_str(
        "\n\nSee 'sqoop help COMMAND' for information on a specific command.\n\
         With --explain anywhere the equivalent pipeline file of sakia is printed and nothing is run.\n\n\
         Environment:\n  \
         HADOOP_CONF_DIR        core-site.xml and hdfs-site.xml, which say where HDFS is unless -fs or fs.defaultFS do\n  \
         HIVE_CONF_DIR          hive-site.xml with hive.metastore.uris; looked for in HADOOP_CONF_DIR too\n  \
         SAKIA_HBASE_URL        HBase's Thrift gateway, thrift://HOST:PORT\n  \
         SAKIA_HIVESERVER2_URL  HiveServer2, jdbc:hive2://HOST:PORT; for tables stored as ORC\n  \
         SAKIA_JOB_DIR          saved jobs (~/.sakia/jobs)\n  \
         HADOOP_USER_NAME       the user on a cluster without Kerberos, whose home relative paths start from",
    );
    text
}

/// The help of one tool.
pub(super) fn of_tool(tool: Tool) -> String {
    let usage = match tool {
        Tool::Job => "[GENERIC-ARGS] [JOB-ARGS] [-- [<tool-name>] [TOOL-ARGS]]",
        Tool::Help => "[COMMAND]",
        Tool::Version => "",
        _ => "[GENERIC-ARGS] [TOOL-ARGS]",
    };
    let mut text = format!("usage: sqoop {} {usage}", tool.name()).trim_end().to_owned();
    let mut group = None;
    for opt in catalogue::of_tool(tool) {
        if group != Some(opt.group) {
            let _ = write!(text, "\n\n{}:", opt.group.title());
            group = Some(opt.group);
        }
        let _ = write!(text, "\n{}", line(opt));
    }
    if !matches!(tool, Tool::Help | Tool::Version) {
        text.push_str(
            "\n\nGeneric Hadoop command-line arguments (they stand before the tool's own):\n\
             \x20  -D <name=value>   sets a property: fs.defaultFS, hive.metastore.uris, sakia.hbase.url,\n\
             \x20                    sakia.hiveserver2.url, sakia.step.KEY (a key of the step that --explain shows)\n\
             \x20  -conf <file>      properties of a site file\n\
             \x20  -fs <uri>         the NameNode\n\
             \x20  -jt, -files, -libjars, -archives    do nothing here",
        );
    }
    text
}

fn line(opt: &Opt) -> String {
    let mut names = opt.short.map(|letter| format!("-{letter},")).unwrap_or_default();
    names.push_str(&opt.typed());
    if let Some(value) = opt.value {
        let _ = write!(names, " <{value}>");
    }
    let note = match opt.does {
        Does::Mapped => "",
        Does::Note(_) => " [does nothing here]",
        Does::Refused(_) => " [refused]",
    };
    let names = format!("   {names}");
    if names.len() + 2 > TEXTS_AT {
        format!("{names}\n{:TEXTS_AT$}{}{note}", "", opt.help)
    } else {
        format!("{names:<TEXTS_AT$}{}{note}", opt.help)
    }
}

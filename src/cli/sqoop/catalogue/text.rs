//! Options of delimited text.

use super::{Group, Opt, Rows};

const OUT: Rows = Rows(Group::Output, "iaegh");
const NULLS: Rows = Rows(Group::Output, "ia");
const IN: Rows = Rows(Group::Input, "eg");
/// An import generates the class that would read its files again.
const IDLE: Rows = Rows(Group::Input, "iah");

const NO_CODE: &str = "an import reads no text, and generates no class that would";

pub(super) const OUTPUT: &[Opt] = &[
    OUT.value("fields-terminated-by", "char", "Character between fields (comma; ^A for Hive)"),
    OUT.value("lines-terminated-by", "char", "Character after each record (\\n)"),
    OUT.value("enclosed-by", "char", "Character around every field"),
    OUT.value("optionally-enclosed-by", "char", "Character around fields that hold a delimiter"),
    OUT.value("escaped-by", "char", "Character before delimiters inside fields"),
    OUT.flag("mysql-delimiters", "fields: ,  lines: \\n  escaped-by: \\  optionally-enclosed-by: '"),
    NULLS.value("null-string", "text", "What a NULL in a text column is written as, a Java string (null)"),
    NULLS.value("null-non-string", "text", "What a NULL in any other column is written as, a Java string (null)"),
];

pub(super) const INPUT: &[Opt] = &[
    IN.value("input-fields-terminated-by", "char", "Character between fields of the input"),
    IN.value("input-lines-terminated-by", "char", "Character after each record of the input"),
    IN.value("input-enclosed-by", "char", "Character around every field of the input"),
    IN.value("input-optionally-enclosed-by", "char", "Character around some fields of the input"),
    IN.value("input-escaped-by", "char", "Character before delimiters inside fields of the input"),
    Rows(Group::Input, "e").value("input-null-string", "text", "What stands for NULL in text columns, a Java string"),
    Rows(Group::Input, "e").value("input-null-non-string", "text", "What stands for NULL elsewhere, a Java string"),
    IDLE.value("input-fields-terminated-by", "char", "Character between fields of the input").note(NO_CODE),
    IDLE.value("input-lines-terminated-by", "char", "Character after each record of the input").note(NO_CODE),
    IDLE.value("input-enclosed-by", "char", "Character around every field of the input").note(NO_CODE),
    IDLE.value("input-optionally-enclosed-by", "char", "Character around some fields of the input").note(NO_CODE),
    IDLE.value("input-escaped-by", "char", "Character before delimiters inside fields of the input").note(NO_CODE),
    IDLE.value("input-null-string", "text", "What stands for NULL in text columns").note(NO_CODE),
    IDLE.value("input-null-non-string", "text", "What stands for NULL elsewhere").note(NO_CODE),
];

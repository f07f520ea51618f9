//! The SQL that rows are written with.

use std::ops::Range;

use super::rows::Rows;
use super::target::TargetColumn;
use super::value::Kind;
use crate::mysql::sql::quote;
use crate::mysql::wire::Parameter;

/// What is done with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is inserted.
    Insert,
    /// It is inserted, or changes the row that has its unique key.
    Upsert,
    /// It changes the rows found by these of its columns.
    Update {
        /// Their places.
        keys: Vec<usize>,
    },
    /// A procedure is called with it.
    Call,
}

/// The statements of one target.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What is done with a row.
    pub action: Action,
    columns: Vec<String>,
    head: String,
    tail: String,
    load: String,
    parameters: Vec<Parameter>,
    width: usize,
}

impl Statement {
    /// Statements on a table or, for [`Action::Call`], a procedure; `target` in back quotes.
    pub fn new(action: Action, target: &str, columns: &[TargetColumn]) -> Self {
        let names: Vec<String> = columns.iter().map(|c| quote(&c.name)).collect();
        let list = names.join(", ");
        let (head, tail) = match &action {
            Action::Insert => (format!("INSERT INTO {target} ({list}) VALUES "), String::new()),
            Action::Upsert => {
                let set: Vec<String> = names.iter().map(|n| format!("{n} = VALUES({n})")).collect();
                (
                    format!("INSERT INTO {target} ({list}) VALUES "),
                    format!(" ON DUPLICATE KEY UPDATE {}", set.join(", ")),
                )
            }
            Action::Update { .. } => (format!("UPDATE {target} SET "), String::new()),
            Action::Call => (format!("CALL {target}"), String::new()),
        };
        let parameters = columns.iter().map(|c| c.kind.parameter()).collect();
        Self { load: load(target, columns), parameters, action, width: names.len(), columns: names, head, tail }
    }

    /// One statement for all these rows; only for those that insert.
    pub fn multi(&self, rows: &Rows, range: Range<usize>, out: &mut Vec<u8>) {
        out.reserve(self.head.len() + rows.bytes_of(range.clone()) + range.len() * (self.width + 2) + self.tail.len());
        out.extend_from_slice(self.head.as_bytes());
        for row in range.clone() {
            if row > range.start {
                out.push(b',');
            }
            tuple(rows, row, out);
        }
        out.extend_from_slice(self.tail.as_bytes());
    }

    /// The statement of one row.
    pub fn single(&self, rows: &Rows, row: usize, out: &mut Vec<u8>) {
        match &self.action {
            Action::Insert | Action::Upsert => self.multi(rows, row..row + 1, out),
            Action::Call => {
                out.extend_from_slice(self.head.as_bytes());
                tuple(rows, row, out);
            }
            Action::Update { keys } => {
                out.extend_from_slice(self.head.as_bytes());
                let set = (0..self.width).filter(|at| !keys.contains(at));
                self.equations(rows, row, set, ", ", out);
                out.extend_from_slice(b" WHERE ");
                self.equations(rows, row, keys.iter().copied(), " AND ", out);
            }
        }
    }

    fn equations(&self, rows: &Rows, row: usize, at: impl Iterator<Item = usize>, between: &str, out: &mut Vec<u8>) {
        for (number, column) in at.enumerate() {
            if number > 0 {
                out.extend_from_slice(between.as_bytes());
            }
            out.extend_from_slice(self.columns[column].as_bytes());
            out.extend_from_slice(b" = ");
            out.extend_from_slice(rows.literal(row, column));
        }
    }

    /// The statement that asks for `load_rows`.
    pub fn load_data(&self) -> &str {
        &self.load
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Bytes of a statement besides its literals.
    pub fn overhead_bytes(&self) -> usize {
        self.head.len() + self.tail.len() + self.columns.iter().map(|c| c.len() + 8).sum::<usize>()
    }

    /// What the values of the columns travel as when they are not literals.
    pub(super) fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// A statement of one row with a question mark for each literal, to be shown or prepared.
    pub fn shown(&self) -> String {
        let mut rows = Rows::new(self.width);
        for _ in 0..self.width {
            rows.field().push(b'?');
            rows.end_field();
        }
        rows.end_row();
        let mut out = Vec::new();
        self.single(&rows, 0, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

fn tuple(rows: &Rows, row: usize, out: &mut Vec<u8>) {
    out.push(b'(');
    for (at, literal) in rows.row(row).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(literal);
    }
    out.push(b')');
}

/// LOAD DATA of tab separated fields; bits and bytes come as numbers and hexadecimal digits.
fn load(target: &str, columns: &[TargetColumn]) -> String {
    let mut set = Vec::new();
    let fields: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let (name, variable) = (quote(&column.name), format!("@f{at}"));
            match column.kind {
                Kind::Binary => set.push(format!("{name} = UNHEX({variable})")),
                Kind::Bit(_) => set.push(format!("{name} = CAST({variable} AS UNSIGNED)")),
                _ => return name,
            }
            variable
        })
        .collect();
    let set = if set.is_empty() { String::new() } else { format!(" SET {}", set.join(", ")) };
    format!(
        "LOAD DATA LOCAL INFILE 'rows' INTO TABLE {target} CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' \
         ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({}){set}",
        fields.join(", ")
    )
}

/// The rows as LOAD DATA reads them: literals without their quotes, whose escapes mean the same there.
pub(super) fn load_rows(rows: &Rows, range: Range<usize>, out: &mut Vec<u8>) {
    out.reserve(rows.bytes_of(range.clone()) + range.len() * 2);
    for row in range {
        for (at, literal) in rows.row(row).enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            match literal {
                b"NULL" => out.extend_from_slice(b"\\N"),
                [b'\'', text @ .., b'\''] | [b'X', b'\'', text @ .., b'\''] => out.extend_from_slice(text),
                number => out.extend_from_slice(number),
            }
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<TargetColumn> {
        [("id", Kind::Integer), ("na`me", Kind::Text { max_chars: None, max_bytes: None }), ("b", Kind::Binary)]
            .map(|(name, kind)| TargetColumn::new(name, kind))
            .to_vec()
    }

    fn rows() -> Rows {
        let mut rows = Rows::new(3);
        for row in [["1", r"'a\'b\tc'", "X'00FF'"], ["2", "NULL", "X''"]] {
            for literal in row {
                rows.field().extend_from_slice(literal.as_bytes());
                rows.end_field();
            }
            rows.end_row();
        }
        rows
    }

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn many_rows_make_one_insert() {
        let insert = Statement::new(Action::Insert, "`t`", &columns());
        let want = r"INSERT INTO `t` (`id`, `na``me`, `b`) VALUES (1,'a\'b\tc',X'00FF'),(2,NULL,X'')";
        assert_eq!(text(|o| insert.multi(&rows(), 0..2, o)), want);
        let upsert = Statement::new(Action::Upsert, "`t`", &columns()[..1]);
        assert_eq!(upsert.shown(), "INSERT INTO `t` (`id`) VALUES (?) ON DUPLICATE KEY UPDATE `id` = VALUES(`id`)");
    }

    #[test]
    fn an_update_leaves_its_keys_alone() {
        let update = Statement::new(Action::Update { keys: vec![2, 0] }, "`t`", &columns());
        assert_eq!(
            text(|o| update.single(&rows(), 1, o)),
            "UPDATE `t` SET `na``me` = NULL WHERE `b` = X'' AND `id` = 2"
        );
        assert_eq!(Statement::new(Action::Call, "`p`", &columns()).shown(), "CALL `p`(?,?,?)");
    }

    #[test]
    fn load_data_reads_the_same_escapes() {
        assert_eq!(text(|o| load_rows(&rows(), 0..2, o)), "1\ta\\'b\\tc\t00FF\n2\t\\N\t\n");
        let load = Statement::new(Action::Insert, "`t`", &columns());
        assert!(load.load_data().ends_with("(`id`, `na``me`, @f2) SET `b` = UNHEX(@f2)"), "{}", load.load_data());
    }
}

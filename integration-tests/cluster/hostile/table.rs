//! A table by chance, and the SQL that makes it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::cells::{self, Kind, Taste};
use super::names::{self, NameKind};
use super::server::Server;

/// Character sets and collations of text columns; a table's key may be of one that takes `a` and `A` for the same.
pub const COLLATIONS: [&str; 5] = [
    "CHARACTER SET latin1",
    "CHARACTER SET latin1 COLLATE latin1_german1_ci",
    "CHARACTER SET utf8mb4",
    "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
];

#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub name_kind: NameKind,
    pub kind: Kind,
    /// Of a text column.
    pub collation: Option<&'static str>,
    comment: Option<&'static str>,
    not_null: bool,
}

#[derive(Debug, Clone)]
pub struct Table {
    pub number: u64,
    pub name: String,
    pub name_kind: NameKind,
    /// No control characters in its texts, so that every format can hold them.
    pub tame: bool,
    pub columns: Vec<Column>,
    /// Columns of the primary key, by their places.
    pub key: Vec<usize>,
    /// Rows of values, each as SQL.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table of this number; the same for the same seed.
    pub fn random(seed: u64, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let rng = &mut rng;
        let at = usize::try_from(number).unwrap();
        let tame = number.is_multiple_of(2);
        // Kinds of types, names and collations take turns, so that a few tables hold them all.
        let columns = (0..rng.random_range(4..9)).map(|place| {
            let turn = at * 4 + place;
            let kind = if place < 2 { cells::KINDS[(at * 2 + place) % cells::KINDS.len()] } else { any(rng) };
            let name_kind = if place == 2 { names::KINDS[at % names::KINDS.len()] } else { NameKind::random(rng) };
            let collation = kind.is_text().then(|| COLLATIONS[turn % COLLATIONS.len()]);
            let comment = COMMENTS[rng.random_range(0..COMMENTS.len())];
            Column {
                name: name_kind.name(place),
                name_kind,
                kind,
                collation,
                comment,
                not_null: rng.random_ratio(1, 4),
            }
        });
        let mut columns: Vec<Column> = columns.collect();
        let keys = (0..columns.len()).filter(|place| columns[*place].kind.can_be_key());
        let key: Vec<usize> = keys.take(at % 3).collect();
        for place in &key {
            columns[*place].not_null = true;
        }
        let name_kind = names::KINDS[(at + 11) % names::KINDS.len()];
        let mut table = Self { number, name: name_kind.name(at), name_kind, tame, columns, key, rows: Vec::new() };
        let rows = [0, 1, 7, 60][rng.random_range(0..4)].max(usize::from(number < 20));
        table.rows = (0..rows).map(|_| table.columns.iter().map(|column| column.value(rng, tame)).collect()).collect();
        table
    }

    /// Statements that make the table under another name and leave it empty.
    pub fn create(&self, name: &str, server: &Server) -> String {
        let columns = self.columns.iter().map(|column| column.declared());
        let key: Vec<String> = self.key.iter().map(|place| quoted(&self.columns[*place].name)).collect();
        let key = (!key.is_empty()).then(|| format!("PRIMARY KEY ({})", key.join(", ")));
        let parts: Vec<String> = columns.chain(key).collect();
        let comment = server.text("what it's \"for\"\\, größer");
        format!("CREATE TABLE {} (\n  {}\n) COMMENT = {comment};\n", quoted(name), parts.join(",\n  "))
    }

    /// All of the table as a script. Rows whose key is there already are left out by the server.
    pub fn script(&self, server: &Server) -> String {
        let rows = self
            .rows
            .iter()
            .map(|row| format!("INSERT IGNORE INTO {} VALUES ({});\n", quoted(&self.name), row.join(", ")));
        format!("SET time_zone = '+00:00';\n{}{}", self.create(&self.name, server), rows.collect::<String>())
    }

    /// Whether a refusal would be a fault: nothing is odd about it but its values, and those are tame.
    pub fn is_ordinary(&self) -> bool {
        let ordinary = |column: &Column| column.name_kind.is_ordinary();
        self.tame && self.name_kind.is_ordinary() && self.columns.iter().all(ordinary)
    }
}

impl Column {
    fn declared(&self) -> String {
        let comment = self.comment.map(|text| format!(" COMMENT '{text}'"));
        format!(
            "{} {}{}{}{}",
            quoted(&self.name),
            self.kind.sql(),
            self.collation.map(|c| format!(" {c}")).unwrap_or_default(),
            if self.not_null { " NOT NULL" } else { " NULL" },
            comment.unwrap_or_default()
        )
    }

    fn value(&self, rng: &mut ChaCha8Rng, tame: bool) -> String {
        if !self.not_null && rng.random_ratio(1, 6) {
            return "NULL".to_owned();
        }
        let wide = self.collation.is_some_and(|collation| collation.contains("utf8mb4"));
        self.kind.value(rng, Taste { tame, wide })
    }
}

/// Comments that read the same under every `sql_mode`.
const COMMENTS: [Option<&str>; 4] =
    [None, Some("plain"), Some("it''s \"quoted\"; -- größer /* 漢字 */"), Some("tab\tand %s ${x}")];

fn any(rng: &mut ChaCha8Rng) -> Kind {
    cells::KINDS[rng.random_range(0..cells::KINDS.len())]
}

/// An identifier, quoted in the way that every `sql_mode` takes.
pub fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

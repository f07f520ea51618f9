//! What may become of the columns of a target that a load adds to, where no table says so: the manifest remembers those
//! of the last load. Fields of text are told apart by their places alone, so they stay where they are, and new ones come
//! last. Columns of Parquet and Avro are told apart by name; their types stay, but whole numbers may grow.

use arrow_schema::Schema;

use super::{LoadMode, LoadPlan, Manifest};
use crate::error::{self, Result};

/// Whole numbers: files of each are read right beside those of the others.
const WHOLE: [&str; 4] = ["Int8", "Int16", "Int32", "Int64"];

/// The columns of a schema as the manifest keeps them: name and type of each.
pub(super) fn described(schema: &Schema) -> Vec<(String, String)> {
    schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect()
}

/// Refuses a load whose rows could not be told from those that lie there.
///
/// # Errors
/// Schema: other columns, or another format, than the last load's.
pub(super) fn check(plan: &LoadPlan, previous: Option<&Manifest>) -> Result<()> {
    let adds = plan.mode == LoadMode::Append || plan.replaces.is_some();
    let Some(previous) = previous.filter(|_| adds && plan.table.is_none()) else { return Ok(()) };
    let Some(file) = previous.data_parts().next().map(|part| part.file.as_str()) else { return Ok(()) };
    let differ = |what: String| {
        Err(error::schema(format!("{} was loaded {what}", plan.target))
            .hint("load into another directory, or replace all its data by a full import"))
    };
    let text = is_text(&plan.columns);
    let columnar = [format_of(file), plan.extension.as_deref().and_then(format_of)];
    if is_text(&previous.columns) != text || matches!(columnar, [Some(before), Some(now)] if before != now) {
        return differ("with files of another format".to_owned());
    }
    if text {
        return match same_places(&previous.columns, &plan.columns) {
            true => Ok(()),
            false => differ(format!(
                "with the fields {}, and this load has {}",
                previous.columns.join(", "),
                plan.columns.join(", ")
            )),
        };
    }
    let now = described(&plan.schema);
    for (name, before) in &previous.fields {
        match now.iter().find(|(other, _)| other == name) {
            Some((_, now)) if now == before || are_whole(before, now) => {}
            Some((_, now)) => return differ(format!("with {name} as {before}, and this load has {now}")),
            None => tracing::warn!(target = plan.target, column = name, "not in this load: its rows will show NULL"),
        }
    }
    for (name, _) in now.iter().filter(|(name, _)| !previous.fields.iter().any(|(before, _)| before == name)) {
        if !previous.fields.is_empty() {
            tracing::warn!(target = plan.target, column = name, "a new column: earlier rows will show NULL");
        }
    }
    Ok(())
}

fn is_text(columns: &[String]) -> bool {
    !columns.is_empty()
}

/// The format that the name of a file ends in, if that is one of columns.
fn format_of(name: &str) -> Option<&'static str> {
    ["parquet", "avro"].into_iter().find(|format| name.ends_with(format))
}

fn same_places(before: &[String], now: &[String]) -> bool {
    now.len() >= before.len() && before.iter().zip(now).all(|(before, now)| before.eq_ignore_ascii_case(now))
}

fn are_whole(a: &str, b: &str) -> bool {
    [a, b].iter().all(|name| WHOLE.contains(name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field};

    use super::*;
    use crate::error::Kind;
    use crate::load::part::empty_part;
    use crate::load::{EncoderFactory, Partition};

    fn plan(text: bool, columns: &[(&str, DataType)]) -> LoadPlan {
        let fields: Vec<Field> = columns.iter().map(|(name, of)| Field::new(*name, of.clone(), true)).collect();
        let no_encoder: EncoderFactory = Arc::new(|_| Err(error::bug("nothing is written")));
        let mut plan = LoadPlan::new("/lake/orders", LoadMode::Append, Arc::new(Schema::new(fields)), no_encoder);
        plan.extension = (!text).then(|| "parquet".to_owned());
        plan.columns = if text { columns.iter().map(|(name, _)| (*name).to_owned()).collect() } else { Vec::new() };
        plan
    }

    fn loaded(plan: &LoadPlan) -> Manifest {
        let [load_id, run_id, print] = ["l", "r", "p"].map(str::to_owned);
        let mut manifest = Manifest::new(load_id, plan.mode, plan.target.clone(), run_id, print);
        let suffix = plan.extension.as_deref().map(|e| format!(".{e}")).unwrap_or_default();
        manifest.parts = vec![empty_part(format!("l-0{suffix}"), Partition::none())];
        (manifest.columns, manifest.fields) = (plan.columns.clone(), described(&plan.schema));
        manifest
    }

    const INT: DataType = DataType::Int32;

    #[test]
    fn fields_of_text_keep_their_places() {
        let before = loaded(&plan(true, &[("id", INT), ("a", INT), ("b", INT)]));
        for (columns, fits) in [
            (&["id", "a", "b"][..], true),
            (&["id", "A", "b", "c"], true),
            (&["id", "b", "a"], false),
            (&["id", "a"], false),
            (&["id", "a", "renamed"], false),
        ] {
            let columns: Vec<(&str, DataType)> = columns.iter().map(|name| (*name, INT)).collect();
            let done = check(&plan(true, &columns), Some(&before));
            assert_eq!(done.map_err(|e| e.kind()), if fits { Ok(()) } else { Err(Kind::Schema) }, "{columns:?}");
        }
    }

    #[test]
    fn columns_of_columnar_files_keep_their_types() {
        let before = loaded(&plan(false, &[("id", INT), ("a", DataType::Utf8)]));
        for (columns, fits) in [
            (&[("a", DataType::Utf8), ("id", INT)][..], true),
            (&[("id", DataType::Int64), ("a", DataType::Utf8)], true),
            (&[("id", INT)], true),
            (&[("id", DataType::Utf8), ("a", DataType::Utf8)], false),
        ] {
            let done = check(&plan(false, columns), Some(&before));
            assert_eq!(done.map_err(|e| e.kind()), if fits { Ok(()) } else { Err(Kind::Schema) }, "{columns:?}");
        }
    }

    #[test]
    fn formats_are_not_mixed_and_a_full_load_may_change_everything() {
        let columns = [("id", INT)];
        let (text, parquet) = (plan(true, &columns), plan(false, &columns));
        assert_eq!(check(&parquet, Some(&loaded(&text))).unwrap_err().kind(), Kind::Schema);
        assert_eq!(check(&text, Some(&loaded(&parquet))).unwrap_err().kind(), Kind::Schema);
        let avro = LoadPlan { extension: Some("avro".into()), ..parquet.clone() };
        assert_eq!(check(&avro, Some(&loaded(&parquet))).unwrap_err().kind(), Kind::Schema);
        check(&LoadPlan { mode: LoadMode::Replace, ..text }, Some(&loaded(&parquet))).unwrap();
        check(&parquet, None).unwrap();
    }
}

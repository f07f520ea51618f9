//! The directories in the cluster that the steps of a pipeline write to and read.

use super::super::step::{Step, StepKind};
use crate::storage::hdfs::{Place, Usage};

/// All of them in the order of the steps, each once. What is not an absolute path has an error of its own.
pub(super) fn of(steps: &[Step]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        for place in of_step(step, &steps[..at]) {
            if place.path.starts_with('/') && !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

fn of_step(step: &Step, before: &[Step]) -> Vec<Place> {
    let read = |key, path: &str| {
        let path = without_pattern(path);
        let maker = before.iter().find(|step| target(step).is_some_and(|made| covers(&made, &path)));
        Place { key, path, usage: Usage::Read { made_by: maker.map(|step| step.name.clone()) } }
    };
    let written = |key, path: &str| Place { key, path: path.to_owned(), usage: Usage::Written };
    let mut places = match &step.kind {
        StepKind::Export(args) => args.export_dir.iter().map(|path| read("export-dir", path)).collect(),
        StepKind::Merge(args) => vec![read("new-data", &args.new_data), read("onto", &args.onto)],
        StepKind::Verify(args) => args.target_dir.iter().map(|path| read("target-dir", path)).collect(),
        _ => Vec::new(),
    };
    places.extend(target(step).map(|path| written("directory", &path)));
    places.extend(match &step.kind {
        StepKind::Agent(args) => Some(written("reject-dir", &args.reject_dir)),
        StepKind::Export(args) => args.reject_dir.as_deref().map(|path| written("reject-dir", path)),
        StepKind::Hiveql(args) => Some(written("state-dir", &args.state_dir)),
        _ => None,
    });
    places
}

/// The directory that a step writes to.
fn target(step: &Step) -> Option<String> {
    let target = match &step.kind {
        StepKind::Import(args) if args.hbase.table.is_none() => match (&args.target_dir, &args.warehouse_dir) {
            (Some(target), _) => Some(target.clone()),
            (None, above) => above.as_ref().zip(args.table.as_ref()).map(|(above, table)| format!("{above}/{table}")),
        },
        StepKind::ImportAll(args) => args.each.warehouse_dir.clone(),
        StepKind::Merge(args) => Some(args.target_dir.clone()),
        StepKind::Agent(args) => Some(args.target_dir.clone()),
        _ => None,
    };
    target.filter(|directory| directory.starts_with('/'))
}

/// The directory in which a pattern of names begins, or the path itself.
fn without_pattern(path: &str) -> String {
    let Some(at) = path.find(['*', '?', '[', '{']) else { return path.to_owned() };
    match path[..at].rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}

/// Whether a path is a directory, or below it.
fn covers(directory: &str, path: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_looked_for_where_it_begins() {
        assert_eq!(without_pattern("/lake/day=*/part-*"), "/lake");
        assert_eq!(without_pattern("/lake/a/part-0"), "/lake/a/part-0");
        assert_eq!(without_pattern("/{a,b}"), "/");
        assert!(covers("/lake/a", "/lake/a") && covers("/lake", "/lake/a") && !covers("/lake", "/lakes"));
    }
}

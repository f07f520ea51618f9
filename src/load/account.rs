//! Whether the files that a target's loads put there are still there.

use std::collections::BTreeMap;

use super::{Load, LoadMode, Manifest, StagedPart};
use crate::error::Result;

impl Load {
    /// The files that the manifest names and the target does not hold any more, or not with their length; none where
    /// there was no load yet.
    ///
    /// # Errors
    /// Those of the filesystem.
    pub async fn missing_files(&self) -> Result<Vec<String>> {
        let Some(previous) = self.previous() else { return Ok(Vec::new()) };
        let there: BTreeMap<String, u64> = self.files().await?.into_iter().map(|f| (f.path, f.len_bytes)).collect();
        let named = known(previous).map(|part| (self.published_path(part), part.bytes));
        Ok(named.filter(|(path, bytes)| there.get(path) != Some(bytes)).map(|(path, _)| path).collect())
    }
}

/// The files in the target that a manifest knows of.
pub(super) fn known(manifest: &Manifest) -> impl Iterator<Item = &StagedPart> {
    manifest.earlier.iter().chain(manifest.data_parts())
}

/// The account that a load of this mode gives of the files before it; those that are forgotten are not in it.
pub(super) fn of_earlier(
    mode: LoadMode,
    previous: Option<&Manifest>,
    is_forgotten: impl Fn(&StagedPart) -> bool,
) -> Vec<StagedPart> {
    let previous = previous.filter(|_| mode == LoadMode::Append);
    let earlier = previous.into_iter().flat_map(known).filter(|part| !is_forgotten(part));
    earlier.map(|part| StagedPart { sha256: String::new(), ..part.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Partition;

    #[test]
    fn an_adding_load_accounts_for_all_files_and_a_replacing_one_for_its_own() {
        let part = |file: &str| StagedPart {
            file: file.into(),
            partition: Partition::none(),
            directory: None,
            place: None,
            rows: 1,
            bytes: 2,
            sha256: "aa".into(),
        };
        let mut manifest = Manifest::new("l".into(), LoadMode::Append, "/t".into(), "r".into(), "f".into());
        (manifest.earlier, manifest.parts) = (vec![part("a"), part("b")], vec![part("c")]);
        manifest.parts.push(StagedPart { directory: Some("/rejects".into()), ..part("d") });
        let names = |mode, gone: &str| {
            let earlier = of_earlier(mode, Some(&manifest), |part| part.file == gone);
            assert!(earlier.iter().all(|part| part.sha256.is_empty() && part.bytes == 2));
            earlier.into_iter().map(|part| part.file).collect::<Vec<_>>()
        };
        assert_eq!(names(LoadMode::Append, ""), ["a", "b", "c"]);
        assert_eq!(names(LoadMode::Append, "b"), ["a", "c"]);
        assert!(names(LoadMode::Replace, "").is_empty());
    }
}

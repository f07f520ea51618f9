//! What every filesystem must do, as one suite of checks; for the tests of each implementation.

#![allow(clippy::unwrap_used, reason = "a suite of checks: a failure is a panic that names the line")]

use std::sync::Arc;

use bytes::Bytes;

use super::{CreateOptions, DeleteOptions, Filesystem, RenameOptions};
use crate::error::Kind;

const OVER: CreateOptions = CreateOptions { overwrite: true, replication: None };

/// Runs all checks below `base`, a directory of the suite's own; panics at the first that fails.
pub async fn check(fs: Arc<dyn Filesystem>, base: &str) {
    fs.delete(base, DeleteOptions { recursive: true }).await.unwrap();
    files_are_written_whole(fs.as_ref(), base).await;
    files_are_read_at_any_place(fs.as_ref(), base).await;
    existing_files_are_kept_unless_told_otherwise(fs.as_ref(), base).await;
    listings_are_sorted_and_flat(fs.as_ref(), base).await;
    renames_keep_what_is_there(fs.as_ref(), base).await;
    directories_are_renamed_with_all_they_hold(fs.as_ref(), base).await;
    deletes_say_what_they_did(fs.as_ref(), base).await;
    one_of_two_renames_wins(&fs, base).await;
    fs.delete(base, DeleteOptions { recursive: true }).await.unwrap();
}

async fn put(fs: &dyn Filesystem, path: &str, text: &str, options: CreateOptions) -> crate::error::Result<u64> {
    let mut file = fs.create(path, options).await?;
    file.write(Bytes::copy_from_slice(text.as_bytes())).await?;
    file.close().await
}

async fn text(fs: &dyn Filesystem, path: &str) -> String {
    String::from_utf8(fs.read(path).await.unwrap().to_vec()).unwrap()
}

async fn files_are_written_whole(fs: &dyn Filesystem, base: &str) {
    let path = format!("{base}/whole/dt=2024-01-01 08%3A00/größe=1/part.bin");
    let slice = Bytes::from(vec![7u8; 1 << 20]);
    let mut file = fs.create(&path, CreateOptions::default()).await.unwrap();
    for _ in 0..3 {
        file.write(slice.clone()).await.unwrap();
    }
    file.write(Bytes::from_static(b"end")).await.unwrap();
    assert_eq!(file.close().await.unwrap(), (3 << 20) + 3);

    let status = fs.stat(&path).await.unwrap().unwrap();
    assert_eq!((status.path.as_str(), status.name(), status.is_dir), (path.as_str(), "part.bin", false));
    assert_eq!(status.len_bytes, (3 << 20) + 3);
    assert!(status.modified_ms > 1_500_000_000_000, "milliseconds since the epoch, not {}", status.modified_ms);
    let back = fs.read(&path).await.unwrap();
    assert!(back.len() == (3 << 20) + 3 && back.ends_with(b"\x07end") && back[..3 << 20].iter().all(|b| *b == 7));

    let empty = format!("{base}/whole/empty");
    assert_eq!(put(fs, &empty, "", CreateOptions::default()).await.unwrap(), 0);
    assert_eq!(text(fs, &empty).await, "");
}

async fn files_are_read_at_any_place(fs: &dyn Filesystem, base: &str) {
    let path = format!("{base}/ranges/file");
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let mut file = fs.create(&path, CreateOptions::default()).await.unwrap();
    file.write(Bytes::from(bytes.clone())).await.unwrap();
    file.close().await.unwrap();
    let file = fs.open(&path).await.unwrap();
    assert_eq!(file.len_bytes(), 300_000);
    let ranges = [(0, 10), (1, 1), (131_071, 70_000), (299_990, 10), (299_990, 100), (299_999, 1), (0, 400_000)];
    let read = ranges.map(|(offset, len)| file.read_at(offset, len));
    for ((offset, len), read) in ranges.into_iter().zip(futures::future::join_all(read).await) {
        let (from, to) = (offset as usize, bytes.len().min(offset as usize + len));
        assert!(read.unwrap()[..] == bytes[from..to], "{len} bytes at {offset}");
    }
    for (offset, len) in [(300_000, 1), (300_001, 5), (u64::MAX, usize::MAX), (7, 0)] {
        assert!(file.read_at(offset, len).await.unwrap().is_empty(), "{len} bytes at {offset}");
    }
    put(fs, &format!("{base}/ranges/empty"), "", CreateOptions::default()).await.unwrap();
    let empty = fs.open(&format!("{base}/ranges/empty")).await.unwrap();
    assert_eq!((empty.len_bytes(), empty.read_at(0, 5).await.unwrap().len()), (0, 0));
    let missing = fs.open(&format!("{base}/ranges/none")).await.err().unwrap();
    assert_eq!(missing.kind(), Kind::NotFound, "{missing}");
    assert!(fs.open(&format!("{base}/ranges")).await.is_err(), "a directory is not a file");
}

async fn existing_files_are_kept_unless_told_otherwise(fs: &dyn Filesystem, base: &str) {
    let path = format!("{base}/kept/file");
    put(fs, &path, "first, and longer", CreateOptions::default()).await.unwrap();
    let again = put(fs, &path, "second", CreateOptions::default()).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Exists, "{again}");
    assert_eq!(text(fs, &path).await, "first, and longer");
    put(fs, &path, "third", OVER).await.unwrap();
    assert_eq!(text(fs, &path).await, "third");

    let missing = fs.read(&format!("{base}/kept/none")).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound, "{missing}");
    assert_eq!(fs.stat(&format!("{base}/kept/none")).await.unwrap(), None);
    assert_eq!(fs.stat(&format!("{base}/kept/no/ne")).await.unwrap(), None);
}

async fn listings_are_sorted_and_flat(fs: &dyn Filesystem, base: &str) {
    let directory = format!("{base}/list");
    fs.mkdirs(&directory).await.unwrap();
    fs.mkdirs(&directory).await.unwrap();
    assert_eq!(fs.list(&directory).await.unwrap(), []);
    for name in ["b", "a=1/deep", "c"] {
        put(fs, &format!("{directory}/{name}"), name, CreateOptions::default()).await.unwrap();
    }
    let found = fs.list(&directory).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|s| (s.path.strip_prefix(&directory).unwrap(), s.is_dir, s.len_bytes)).collect();
    assert_eq!(found, [("/a=1", true, 0), ("/b", false, 1), ("/c", false, 1)]);
    assert!(fs.stat(&directory).await.unwrap().unwrap().is_dir);
    let missing = fs.list(&format!("{base}/none")).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound, "{missing}");
}

async fn renames_keep_what_is_there(fs: &dyn Filesystem, base: &str) {
    let (a, b) = (format!("{base}/rename/a"), format!("{base}/rename/b"));
    put(fs, &a, "a", CreateOptions::default()).await.unwrap();
    put(fs, &b, "b", CreateOptions::default()).await.unwrap();
    let kept = fs.rename(&a, &b, RenameOptions::default()).await.unwrap_err();
    assert_eq!(kept.kind(), Kind::Exists, "{kept}");
    assert_eq!((text(fs, &a).await, text(fs, &b).await), ("a".into(), "b".into()));

    fs.rename(&a, &b, RenameOptions { overwrite: true }).await.unwrap();
    assert_eq!(text(fs, &b).await, "a");
    let gone = fs.rename(&a, &b, RenameOptions { overwrite: true }).await.unwrap_err();
    assert_eq!(gone.kind(), Kind::NotFound, "{gone}");
    let nowhere = fs.rename(&b, &format!("{base}/rename/none/b"), RenameOptions::default()).await.unwrap_err();
    assert_eq!(nowhere.kind(), Kind::NotFound, "{nowhere}");
    fs.rename(&b, &a, RenameOptions::default()).await.unwrap();
    assert_eq!(fs.stat(&b).await.unwrap(), None);
}

async fn directories_are_renamed_with_all_they_hold(fs: &dyn Filesystem, base: &str) {
    let (from, to) = (format!("{base}/tree/from"), format!("{base}/tree/to"));
    put(fs, &format!("{from}/x/y"), "y", CreateOptions::default()).await.unwrap();
    fs.mkdirs(&to).await.unwrap();
    let kept = fs.rename(&from, &to, RenameOptions::default()).await.unwrap_err();
    assert_eq!(kept.kind(), Kind::Exists, "{kept}");
    assert!(fs.delete(&to, DeleteOptions::default()).await.unwrap());
    fs.rename(&from, &to, RenameOptions::default()).await.unwrap();
    assert_eq!(text(fs, &format!("{to}/x/y")).await, "y");
    assert_eq!(fs.stat(&from).await.unwrap(), None);
}

async fn deletes_say_what_they_did(fs: &dyn Filesystem, base: &str) {
    let directory = format!("{base}/delete");
    put(fs, &format!("{directory}/x/y"), "y", CreateOptions::default()).await.unwrap();
    let full = fs.delete(&directory, DeleteOptions::default()).await.unwrap_err();
    assert_eq!(full.kind(), Kind::Refused, "{full}");
    assert!(fs.delete(&format!("{directory}/x/y"), DeleteOptions::default()).await.unwrap());
    assert!(fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap());
    assert!(!fs.delete(&directory, DeleteOptions { recursive: true }).await.unwrap());
}

async fn one_of_two_renames_wins(fs: &Arc<dyn Filesystem>, base: &str) {
    // Files, and directories that are not empty.
    for (what, inside) in [("file", ""), ("directory", "/x")] {
        let to = format!("{base}/race/{what}");
        let rivals = (0..4).map(|n| {
            let (fs, from, to) = (fs.clone(), format!("{base}/race/{what}{n}"), to.clone());
            async move {
                put(fs.as_ref(), &format!("{from}{inside}"), &n.to_string(), CreateOptions::default()).await.unwrap();
                fs.rename(&from, &to, RenameOptions::default()).await
            }
        });
        let outcomes = futures::future::join_all(rivals.map(tokio::spawn)).await;
        let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{what}");
        for error in outcomes.iter().filter_map(|o| o.as_ref().err()) {
            assert_eq!(error.kind(), Kind::Exists, "{error}");
        }
        let winner = outcomes.iter().position(Result::is_ok).unwrap();
        assert_eq!(fs.read(&format!("{to}{inside}")).await.unwrap(), winner.to_string());
    }
}

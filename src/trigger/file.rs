//! Events as files of JSON lines in a local directory, one file a run.
//!
//! Which events go into a file is decided in the outbox before it is written, and its name is that of the run which decided
//! it. A run that ends between the file and the note of it has the next one write the same bytes under the same name.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::Delivered;
use super::outbox::Outbox;
use crate::error::{self, Error, Result};
use crate::shutdown::Stop;

/// Writes a file for each batch that waits, and notes it.
///
/// # Errors
/// Refused: the directory cannot be written to. Those of the server; Stopped.
pub(super) async fn deliver(
    outbox: &mut Outbox,
    dir: &Path,
    trigger: &str,
    run_id: &str,
    stop: &Stop,
) -> Result<Delivered> {
    let mut delivered = Delivered::default();
    for batch in outbox.batches(run_id).await? {
        stop.check()?;
        let events = outbox.waiting(Some(&batch)).await?;
        let mut lines = Vec::new();
        for event in &events {
            lines.extend_from_slice(event.body.as_bytes());
            lines.push(b'\n');
        }
        write(dir, &file_name(trigger, &batch), &lines)?;
        outbox.delivered_batch(&batch).await?;
        delivered.events += events.len() as u64;
        delivered.bytes += lines.len() as u64;
        delivered.files += 1;
    }
    Ok(delivered)
}

/// `TRIGGER-BATCH.ndjson`, with characters that file systems mind replaced.
fn file_name(trigger: &str, batch: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    format!("{}-{batch}.ndjson", trigger.chars().map(plain).collect::<String>())
}

/// Writes a file that readers see when it is whole and on the disk.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let failed = |e: std::io::Error| -> Error {
        error::refused(format!("cannot write {} for events", dir.join(name).display())).source(e)
    };
    fs::create_dir_all(dir).map_err(failed)?;
    let part = dir.join(format!(".{name}.part"));
    let mut file = File::create(&part).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&part, dir.join(name)).map_err(failed)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there_and_written_again_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("out");
        let name = file_name("carts/abandoned ü", "r1");
        assert_eq!(name, "carts_abandoned__-r1.ndjson");
        for _ in 0..2 {
            write(&below, &name, b"{}\n").unwrap();
            let names: Vec<_> = fs::read_dir(&below).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!((names.len(), fs::read(below.join(&name)).unwrap()), (1, b"{}\n".to_vec()));
        }
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(write(&dir.path().join("file"), &name, b"").is_err());
    }
}

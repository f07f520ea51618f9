//! Channels as each version of the program wrote them: `testdata/VERSION`, a directory for each version of a segment.
//! They are never changed. Version 1 held lines; its records are those of the program at that time. Version 3 is the same
//! channel as version 2, encrypted with the key of [`ring`].

use super::super::record;
use super::*;

/// The directory of a version, as it was committed.
fn kept(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/agent/channels/testdata").join(version)
}

/// The files of a channel, without its lock.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let file = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
    let mut files: Vec<_> = entries.map(file).filter(|(name, _)| name != "lock").collect();
    files.sort();
    files
}

fn copy(version: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    files(&kept(version)).iter().for_each(|(name, bytes)| fs::write(dir.path().join(name), bytes).unwrap());
    dir
}

/// What was put into the channels that are kept of versions 2 and 3: lines of two files that are followed, a record of a source
/// of numbers, and one that only moves a position.
fn batches() -> Vec<Batch> {
    let access = |number: u64| {
        let shared: Arc<[Header]> = Arc::new([("file".into(), "/var/log/shop/access.log".into())]);
        let event = |i: u64| {
            let own = vec![("byteoffset".into(), (number * 1_000 + i * 100).to_string().into())];
            let body =
                if i == 1 { Bytes::from_static(b"\xff\x00\xc3\xa4 bytes") } else { format!("{number}.{i}").into() };
            Event { headers: Headers::new(Some(shared.clone()), own), body }
        };
        let position = serde_json::json!({
            "path": "/var/log/shop/access.log", "device": 2049, "inode": 11 + number % 2, "generation": 0,
            "head": {"len": 4096, "sha256": "a0"}, "tail": {"at": number * 1_000, "len": 1024, "sha256": "b1"},
            "offset": (number + 1) * 1_000,
        });
        let entries = [(format!("2049:{}:0", 11 + number % 2), position)].into();
        let after = Advance { source: "access".into(), form: FILES, entries };
        Batch { events: (0..1 + number % 4).map(event).collect(), after }
    };
    let numbers = |number: u64| {
        let mut headers = Headers::default();
        headers.set("site", "shop");
        let form = crate::agent::sources::sequence::FORM;
        let after = Advance { source: "numbers".into(), form, entries: [("next".to_owned(), number.into())].into() };
        Batch { events: vec![Event { headers, body: number.to_string().into() }], after }
    };
    let forgets = Advance {
        source: "access".into(),
        form: FILES,
        entries: [("2049:11:0".to_owned(), serde_json::Value::Null)].into(),
    };
    let moves = Batch { events: Vec::new(), after: forgets };
    let mixed = |number| if number % 5 == 4 { numbers(number) } else { access(number) };
    (0..30).map(mixed).chain([moves]).collect()
}

/// The first record that was not in the target, which is in the middle of a segment.
const CURSOR: u64 = 17;

/// A channel in several segments, its cursor half way; all that is drawn elsewhere is fixed.
fn write(dir: &Path, keys: &Keyring) {
    Cursor::new("0190a1b2-0000-7000-8000-000000000002".to_owned()).write(dir).unwrap();
    let channel = open_with(dir, ChannelLimits { segment_bytes: 2_000, ..ROOMY }, None, keys).unwrap();
    batches().into_iter().for_each(|batch| assert!(channel.put(batch).unwrap()));
    let mut to = cursor_behind(&channel, CURSOR);
    batches().into_iter().take(CURSOR as usize).for_each(|batch| to.positions.advance(batch.after));
    channel.commit(Cursor { epoch: 4, ..to }).unwrap();
}

#[test]
fn what_is_written_is_what_the_newest_version_wrote() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &Keyring::default());
    let (written, wanted) = (files(dir.path()), files(&kept("2")));
    assert!(written.len() > 3, "a cursor and several segments: {}", written.len());
    if written != wanted {
        panic!(
            "a channel is written otherwise than before: raise the version of its segments, and copy {} to \
             src/agent/channels/testdata/VERSION (CONTRIBUTING.md, \"Forms on disk\")",
            dir.keep().display()
        );
    }
}

/// The salts of two encrypted channels differ; with those that are kept every other byte is the same again.
#[test]
fn what_is_encrypted_is_what_the_newest_version_wrote_under_its_salts() {
    let (keys, batches) = (ring(true), batches());
    let (kept, mut records) = (kept("3"), 0);
    for (first, path) in segment::list(&kept).unwrap() {
        let bytes = fs::read(&path).unwrap();
        let form = head::of_file(&path, first, &keys).unwrap().unwrap();
        let mut written = bytes[..form.head_bytes()].to_vec();
        let mut number = first;
        while segment::framed(&bytes, written.len(), number).is_some() {
            let encoded = Encoded::new(&batches[number as usize], true).unwrap();
            written.extend(encoded.at(Place { number, again: 0 }, &form).unwrap());
            number += 1;
        }
        records += number - first;
        assert!(bytes.starts_with(&written), "records of {} are written otherwise than before", path.display());
        let key = Key::new("june".into(), [7; 32]);
        let seal = Seal::derive(&key, bytes[16..48].try_into().unwrap(), first).unwrap();
        let tag = seal.close(Place::HEAD, &bytes[..108], &mut []).unwrap();
        let head = [&b"SAKIACH3"[..], &first.to_le_bytes(), &bytes[16..48], b"\x04june", &[0; 55], &tag].concat();
        let crc = crc32fast::hash(&head).to_le_bytes();
        assert_eq!(written[..form.head_bytes()], [&head[..], &crc].concat(), "{}", path.display());
        let index = record::read_u32(&bytes, written.len());
        assert!(index.is_none_or(|records| u64::from(records) == number - first), "an index follows, or nothing");
    }
    assert!(records as usize >= batches.len() - CURSOR as usize, "{records}");
}

#[test]
fn a_full_channel_of_version_3_is_gone_on_with() {
    let (dir, batches, keys) = (copy("3"), batches(), ring(true));
    goes_on(dir.path(), &batches[CURSOR as usize..], CURSOR, &keys);
    let kept = segments(&kept("3"));
    assert!(kept.len() > 1 && kept.iter().all(|path| fs::read(path).unwrap().starts_with(b"SAKIACH3")));
    let dir = copy("3");
    let own: Cursor = serde_json::from_slice(&fs::read(dir.path().join("cursor.json")).unwrap()).unwrap();
    let error = open_with(dir.path(), ROOMY, Some(&own), &Keyring::default()).unwrap_err();
    assert!(error.to_string().contains("the key `june`"), "{error}");
}

#[test]
fn a_full_channel_of_version_2_is_gone_on_with() {
    let (dir, batches) = (copy("2"), batches());
    goes_on(dir.path(), &batches[CURSOR as usize..], CURSOR, &Keyring::default());
    // Where the program died between the target's manifest and the channel, the manifest is further.
    let dir = copy("2");
    let own: Cursor = serde_json::from_slice(&fs::read(dir.path().join("cursor.json")).unwrap()).unwrap();
    let manifest = Cursor { epoch: own.epoch + 1, record: 22, ..own };
    let channel = open(dir.path(), ROOMY, Some(&manifest)).unwrap();
    assert_eq!(rest(&channel), batches[22..]);
}

#[test]
fn a_full_channel_of_version_1_is_gone_on_with() {
    let dir = copy("1");
    let own: Cursor = serde_json::from_slice(&fs::read(dir.path().join("cursor.json")).unwrap()).unwrap();
    let found = rest(&open(dir.path(), ROOMY, Some(&own)).unwrap());
    let event = |batch: usize, event: usize| {
        let event = &found[batch].events[event];
        let headers: Vec<_> = event.headers.all().map(|(name, value)| format!("{name}={value}")).collect();
        (headers.join(" "), event.body.to_vec())
    };
    assert_eq!(found.iter().map(|batch| batch.events.len()).collect::<Vec<_>>(), [2, 3, 1, 2, 3]);
    assert_eq!(
        event(0, 0),
        ("byteoffset=5181 file=/var/log/shop/access.log".into(), b"bytes \xff\xfe and \x00, \xc3\xa4".to_vec())
    );
    assert_eq!(event(1, 2).1, b"old.log line 2 of record 8");
    let torn = event(3, 0).0;
    assert!(torn.contains("sakia.torn=true"), "{torn}");
    goes_on(dir.path(), &found, 7, &Keyring::default());
}

/// Holds that a channel gives these batches, once, and takes more.
fn goes_on(dir: &Path, waiting: &[Batch], cursor: u64, keys: &Keyring) {
    let open = |manifest| open_with(dir, ROOMY, Some(manifest), keys).unwrap();
    let read = || -> Cursor { serde_json::from_slice(&fs::read(dir.join("cursor.json")).unwrap()).unwrap() };
    let manifest = read();
    assert_eq!(manifest.record, cursor);
    let channel = open(&manifest);
    assert_eq!(rest(&channel), waiting);
    let next = batch(99, &[b"next".to_vec()]);
    channel.put(next.clone()).unwrap();
    assert_eq!(rest(&channel), std::slice::from_ref(&next));
    let to = cursor_behind(&channel, cursor + waiting.len() as u64);
    channel.commit(to.clone()).unwrap();
    drop(channel);
    assert_eq!(read(), to);
    let channel = open(&to);
    assert_eq!(rest(&channel), [next]);
    assert!(channel.positions().of("logs", "taildir", 1).unwrap().is_some());
}

/// A manifest of a target holds the cursor in the same words.
#[test]
fn checkpoints_of_all_versions_are_understood() {
    for version in ["1", "2", "3"] {
        let kept: serde_json::Value =
            serde_json::from_slice(&fs::read(kept(version).join("cursor.json")).unwrap()).unwrap();
        let cursor = Cursor::of_checkpoint(&kept, "/lake/clicks").unwrap();
        let source = if version == "1" { "files" } else { "access" };
        assert_eq!(cursor.positions.of(source, "taildir", 1).unwrap().unwrap().entries.len(), 2, "{version}");
        assert_eq!(Cursor::of_checkpoint(&cursor.to_checkpoint().unwrap(), "/lake/clicks").unwrap(), cursor);
    }
}

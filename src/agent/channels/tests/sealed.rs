//! An encrypted channel: nothing of an event is on the disk in the clear, and what was changed is found.

use super::*;

fn key(name: &str, byte: u8) -> Key {
    Key::new(name.into(), [byte; 32])
}

/// All bytes of a directory and of those in it.
fn all_bytes(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(&path).unwrap() });
    }
    bytes
}

fn secrets(count: u64) -> Vec<Batch> {
    (0..count).map(|n| batch(n, &[format!("card 4000-{n:04}").into_bytes()])).collect()
}

#[test]
fn no_event_is_on_the_disk_in_the_clear() {
    let batches = secrets(6);
    let dir = filled_with(&batches, ChannelLimits { segment_bytes: 600, ..ROOMY }, &ring(true));
    let shows = |what: &[u8]| all_bytes(dir.path()).windows(what.len()).any(|w| w == what);
    assert!(!shows(b"card") && !shows(b"4000") && shows(b"june"), "the name of the key is not secret");
    assert!(!shows(&[7; 32]));
    damage_record(&segments(dir.path())[0], &ends_with(&batches, &ring(true)), 1);
    let channel = open_with(dir.path(), ROOMY, None, &ring(true)).unwrap().with(Damaged::SetAside, 0);
    let found = rest(&channel);
    assert_eq!((found.len(), channel.level().damaged), (6, 1));
    assert!(found[1].events.is_empty());
    assert_eq!([&found[..1], &found[2..]].concat(), [&batches[..1], &batches[2..]].concat());
    assert!(!shows(b"card") && dir.path().join("damaged").is_dir(), "what is set aside stays encrypted");
    drop(channel);
    let again = rest(&open_with(dir.path(), ROOMY, None, &ring(true)).unwrap());
    assert_eq!(again, found, "what stands in its place is read again");
}

#[test]
fn a_key_that_is_missing_or_another_one_stops_the_start_and_changes_nothing() {
    let batches = secrets(4);
    let dir = filled_with(&batches, ChannelLimits { segment_bytes: 300, ..ROOMY }, &ring(true));
    let before = all_bytes(dir.path());
    let others = [
        (Keyring::default(), "does not have"),
        (Keyring::new(vec![key("july", 7)], Some("july")), "does not have"),
        (Keyring::new(vec![key("june", 8)], Some("june")), "is not the one"),
    ];
    for (keys, what) in others {
        let errors = [
            open_with(dir.path(), ROOMY, None, &keys).unwrap_err(),
            damage::set_all_aside(dir.path(), &keys).unwrap_err(),
        ];
        for error in errors {
            assert!(error.kind() == Kind::Config && error.to_string().contains(what), "{error}");
            assert!(error.to_string().contains("`june`") && error.remedy().unwrap().contains("nothing was changed"));
        }
    }
    assert_eq!(all_bytes(dir.path()), before);
    assert_eq!(rest(&open_with(dir.path(), ROOMY, None, &ring(true)).unwrap()), batches);
}

#[test]
fn keys_take_turns_and_encryption_comes_and_goes() {
    let batches = secrets(5);
    let dir = tempfile::tempdir().unwrap();
    let both = || vec![key("june", 7), key("july", 8)];
    let rings = [
        Keyring::default(),
        Keyring::new(vec![key("june", 7)], Some("june")),
        Keyring::new(both(), Some("july")),
        Keyring::new(both(), None),
        Keyring::new(both(), Some("june")),
    ];
    for (batch, keys) in batches.iter().zip(&rings) {
        open_with(dir.path(), ROOMY, None, keys).unwrap().put(batch.clone()).unwrap();
    }
    let magics: Vec<u8> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()[VERSION_AT]).collect();
    assert_eq!(magics, *b"23323");
    let channel = open_with(dir.path(), ROOMY, None, &rings[4]).unwrap();
    assert_eq!(rest(&channel), batches);
    // Once what july encrypted is gone its key is not needed any more.
    channel.commit(cursor_behind(&channel, 4)).unwrap();
    let cursor = channel.cursor();
    drop(channel);
    assert_eq!(rest(&open_with(dir.path(), ROOMY, Some(&cursor), &ring(true)).unwrap()), batches[4..]);
}

#[test]
fn no_number_is_sealed_twice_under_one_key() {
    let batches = secrets(3);
    let dir = filled_with(&batches[..2], ROOMY, &ring(true));
    let path = segments(dir.path()).remove(0);
    let ends = ends_with(&batches[..2], &ring(true));
    let before = fs::read(&path).unwrap();
    // A crash tore the second record; another one gets its number.
    fs::write(&path, &before[..ends[1] - 1]).unwrap();
    open_with(dir.path(), ROOMY, None, &ring(true)).unwrap().put(batches[2].clone()).unwrap();
    let after = segments(dir.path());
    assert_eq!((after.len(), fs::read(&after[0]).unwrap()), (2, before[..ends[0]].to_vec()));
    let salts: Vec<Vec<u8>> = after.iter().map(|path| fs::read(path).unwrap()[16..48].to_vec()).collect();
    assert_ne!(salts[0], salts[1]);
    assert_eq!(
        rest(&open_with(dir.path(), ROOMY, None, &ring(true)).unwrap()),
        [&batches[..1], &batches[2..]].concat()
    );
}

#[test]
fn a_record_of_another_segment_or_place_is_not_taken() {
    let batches = secrets(3);
    let keys = ring(true);
    let (dir, other) = (filled_with(&batches, ROOMY, &keys), filled_with(&batches, ROOMY, &keys));
    let (path, theirs) = (segments(dir.path()).remove(0), segments(other.path()).remove(0));
    let ends = ends_with(&batches, &keys);
    for record in [1, 2] {
        // It is whole, of the same key and number, and yet not what was put here.
        let mut bytes = fs::read(&path).unwrap();
        let own = bytes.clone();
        bytes[ends[record - 1]..ends[record]]
            .copy_from_slice(&fs::read(&theirs).unwrap()[ends[record - 1]..ends[record]]);
        fs::write(&path, &bytes).unwrap();
        let error = open_with(dir.path(), ROOMY, None, &keys).unwrap_err();
        assert!(error.kind() == Kind::Data && error.to_string().contains("was changed"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "also the last one is not cut off: no crash leaves it so");
        fs::write(&path, own).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    bytes[ends[1]..ends[2]].copy_from_slice(&fs::read(&theirs).unwrap()[ends[1]..ends[2]]);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(damage::set_all_aside(dir.path(), &keys).unwrap(), 1);
    let found = rest(&open_with(dir.path(), ROOMY, None, &keys).unwrap());
    assert_eq!(found[..2], batches[..2]);
    assert!(found[2].events.is_empty());
}

#[test]
fn a_version_that_was_changed_is_not_believed() {
    for (is_sealed, version) in [(true, b'2'), (true, b'1'), (false, b'3'), (false, b'1')] {
        let keys = ring(is_sealed);
        let dir = filled_with(&secrets(1), ROOMY, &keys);
        let path = segments(dir.path()).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        bytes[VERSION_AT] = version;
        fs::write(&path, &bytes).unwrap();
        let error = open_with(dir.path(), ROOMY, None, &keys).unwrap_err();
        assert_eq!(error.kind(), Kind::Data, "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

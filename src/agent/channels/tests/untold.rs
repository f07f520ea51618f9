//! Channels that are opened while their target is away, and told later what that keeps.

use super::*;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::sinks::Kept;

fn untold(dir: &Path) -> (FileChannel, bool) {
    FileChannel::open_untold(ChannelLock::take(dir).unwrap(), ROOMY).unwrap()
}

/// A batch of a source that cannot be read again.
fn posted(number: u64) -> Batch {
    let mut batch = batch(number, &[vec![b'p'; 9]]);
    batch.after = Advance { source: "web".into(), entries: Default::default(), ..batch.after };
    batch
}

#[test]
fn a_new_channel_does_not_know_where_its_sources_go_on_before_it_is_told() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let former = open(other.path(), ROOMY, None).unwrap();
    numbered(4).into_iter().for_each(|batch| assert!(former.put(batch).unwrap()));
    let manifest = Cursor { positions: former.positions(), ..cursor_behind(&former, 4) };
    for _ in 0..2 {
        // Also once it was killed.
        let (channel, knows) = untold(dir.path());
        assert!(!knows && channel.put(posted(9)).unwrap());
        assert!(channel.positions().of("logs", "taildir", 1).unwrap().is_none());
    }
    let (channel, _) = untold(dir.path());
    channel.told(&Kept::Target(Some(manifest.clone()))).unwrap();
    assert_eq!(channel.cursor().epoch, manifest.epoch);
    assert_eq!(
        channel.positions().of("logs", "taildir", 1).unwrap(),
        manifest.positions.of("logs", "taildir", 1).unwrap()
    );
    let events = |channel: &FileChannel| rest(channel).iter().map(|batch| batch.events.len()).sum::<usize>();
    assert_eq!(events(&channel), 2);
    drop(channel);
    let (channel, knows) = untold(dir.path());
    assert!(knows && events(&channel) == 2);
    assert_eq!(
        channel.positions().of("logs", "taildir", 1).unwrap(),
        manifest.positions.of("logs", "taildir", 1).unwrap()
    );
}

#[test]
fn what_was_put_meanwhile_comes_behind_an_epoch_that_only_the_target_knows() {
    let dir = tempfile::tempdir().unwrap();
    let batches = numbered(3);
    let channel = open(dir.path(), ROOMY, None).unwrap();
    batches[..2].iter().for_each(|batch| assert!(channel.put(batch.clone()).unwrap()));
    let manifest = cursor_behind(&channel, 1);
    drop(channel);
    let (channel, knows) = untold(dir.path());
    assert!(knows && channel.put(batches[2].clone()).unwrap());
    channel.told(&Kept::Target(Some(manifest.clone()))).unwrap();
    assert_eq!(rest(&channel), batches[1..]);
    drop(channel);
    let channel = open(dir.path(), ROOMY, Some(&manifest)).unwrap();
    assert_eq!(rest(&channel), batches[1..]);
}

#[test]
fn an_old_copy_that_was_put_into_meanwhile_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let batches = numbered(4);
    let channel = open(dir.path(), ROOMY, None).unwrap();
    channel.put(batches[0].clone()).unwrap();
    let manifest = Cursor { record: 3, ..cursor_behind(&channel, 1) };
    drop(channel);
    let (channel, _) = untold(dir.path());
    channel.put(batches[1].clone()).unwrap();
    assert_eq!(channel.told(&Kept::Target(Some(manifest.clone()))).unwrap_err().kind(), Kind::Config);
    drop(channel);
    let refused = open(dir.path(), ROOMY, Some(&manifest)).unwrap_err();
    assert!(refused.kind() == Kind::Config && refused.to_string().contains("is an old copy"), "{refused}");
    assert_eq!(rest(&untold(dir.path()).0), batches[..2]);
}

#[test]
fn a_channel_in_memory_goes_on_where_the_target_is() {
    let dir = tempfile::tempdir().unwrap();
    let former = open(dir.path(), ROOMY, None).unwrap();
    numbered(2).into_iter().for_each(|batch| assert!(former.put(batch).unwrap()));
    let manifest = Cursor { positions: former.positions(), ..cursor_behind(&former, 2) };
    let channel = MemoryChannel::new(ROOMY, None);
    channel.put(posted(9)).unwrap();
    channel.told(&Kept::Target(Some(manifest.clone()))).unwrap();
    assert_eq!((channel.cursor().epoch, channel.cursor().follows), (manifest.epoch, Some(manifest.channel)));
    assert!(channel.positions().of("logs", "taildir", 1).unwrap().is_some());
    assert!(matches!(channel.take(Duration::ZERO).unwrap(), Take::Record { number: 0, .. }));
}

#[test]
fn more_that_is_to_stay_free_than_the_disk_has_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let too_much = ChannelLimits { min_free_bytes: u64::MAX, ..ROOMY };
    let refused = open(dir.path(), too_much, None).unwrap_err();
    assert!(refused.kind() == Kind::Config && refused.to_string().contains("bytes in all"), "{refused}");
}

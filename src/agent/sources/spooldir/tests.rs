//! Directories of files, and what kills and rewrites leave of them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use super::*;
use crate::agent::channels::cursor::Cursor;
use crate::agent::channels::file::FileChannel;
use crate::agent::channels::lock::ChannelLock;
use crate::agent::channels::memory::MemoryChannel;
use crate::agent::channels::{Channel, ChannelLimits, Take};
use crate::agent::interceptors::Interceptors;
use crate::agent::outlet::Feed;
use crate::agent::selector::{Selector, SelectorArgs};
use crate::error::Kind;

const ROOMY: ChannelLimits =
    ChannelLimits { max_bytes: 64 << 20, max_events: 1_000_000, segment_bytes: 1 << 20, min_free_bytes: 0 };

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("spool")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file into the directory that was changed so many seconds after 1970.
    fn put(&self, name: &str, text: &str, changed_s: u64) {
        let path = self.path("spool").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(changed_s);
        fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
    }

    fn options(&self) -> SpooldirOptions {
        SpooldirOptions {
            directory: self.path("spool"),
            completed: Completed::Rename,
            completed_suffix: ".COMPLETED".to_owned(),
            tracker_dir: self.path("spool/.spooled"),
            include: None,
            ignore: None,
            order: Order::Oldest,
            recursive: false,
            poll: Duration::from_millis(5),
            file_header: None,
            basename_header: Some("basename".to_owned()),
            deserializer: Deserializer::Line,
            max_line_chars: 2_048,
            max_blob_bytes: 1_000,
            charset: Charset::Utf8,
            decode_errors: DecodeErrors::Fail,
        }
    }

    /// The names in the directory.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("spool")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn channel(&self) -> Arc<dyn Channel> {
        let lock = ChannelLock::take(&self.path("channel")).unwrap();
        Arc::new(FileChannel::open(lock, ROOMY, None).unwrap())
    }
}

fn memory(max_events: u64) -> Arc<dyn Channel> {
    Arc::new(MemoryChannel::new(ChannelLimits { max_events, ..ROOMY }, None))
}

/// Reads what there is into channels.
fn drain(options: SpooldirOptions, channels: &[Arc<dyn Channel>]) -> Result<SourceReport> {
    let selector = Selector::new(&SelectorArgs::default(), &vec!["c".to_owned(); channels.len()]).unwrap();
    let feeds = channels.iter().map(|channel| Feed { channel: channel.clone(), feeders: Arc::new(1.into()) }).collect();
    let outlet = Arc::new(Outlet::new("spool", FORM, feeds, selector, Interceptors::default()));
    let position = outlet.position(|| Ok(None))?;
    Box::new(SpooldirSource::new(options, true, position.as_ref())?).run(outlet)
}

/// The name of the file of each event, with the body.
fn taken(channel: &dyn Channel) -> Vec<String> {
    let mut all = Vec::new();
    while let Take::Record { batch, .. } = channel.take(Duration::ZERO).unwrap() {
        let shown = |event: &Event| {
            format!("{}:{}", event.headers.get("basename").unwrap_or_default(), String::from_utf8_lossy(&event.body))
        };
        all.extend(batch.events.iter().map(shown));
    }
    all
}

fn read(options: SpooldirOptions) -> Vec<String> {
    let channel = memory(1_000_000);
    drain(options, std::slice::from_ref(&channel)).unwrap();
    taken(&*channel)
}

#[test]
fn fv65_to_fv68_files_in_their_order_empty_ones_as_well() {
    for (order, wanted) in
        [(Order::Oldest, ["b:1", "b:2", "c:", "a:x", "d:"]), (Order::Youngest, ["a:x", "d:", "b:1", "b:2", "c:"])]
    {
        let place = Place::new();
        place.put("a", "x", 20);
        place.put("b", "1\n2\n", 10);
        place.put("c", "", 10);
        place.put("d", "", 20);
        assert_eq!(read(SpooldirOptions { order, ..place.options() }), wanted);
        assert_eq!(place.names(), ["a.COMPLETED", "b.COMPLETED", "c.COMPLETED", "d.COMPLETED"]);
        assert!(read(place.options()).is_empty());
    }
}

#[test]
fn fv62_to_fv64_names_that_are_read() {
    for (include, ignore, left) in [
        (Some("file2"), None, vec!["file1", "file3"]),
        (None, Some("file2"), vec!["file2"]),
        (Some("file2"), Some("file2"), vec!["file1", "file2", "file3"]),
    ] {
        let place = Place::new();
        ["file1", "file2", "file3", ".hidden"].iter().for_each(|name| place.put(name, name, 1));
        let pattern = |text: Option<&str>| text.map(|text| whole_name(text).unwrap());
        let (include, ignore) = (pattern(include), pattern(ignore));
        read(SpooldirOptions { completed: Completed::Delete, include, ignore, ..place.options() });
        let mut names = place.names();
        names.retain(|name| name != ".hidden");
        assert_eq!(names, left);
    }
}

#[test]
fn fv70_and_fv71_directories_below_and_files_that_are_only_marked() {
    let place = Place::new();
    place.put("sub/deep/a", "1", 1);
    place.put(".sub/b", "2", 1);
    assert!(read(place.options()).is_empty());
    let options = SpooldirOptions { recursive: true, completed: Completed::Track, ..place.options() };
    assert_eq!(read(options.clone()), ["a:1"]);
    assert_eq!(place.names(), [".spooled", ".sub", "sub"]);
    assert!(place.path("spool/.spooled/sub/deep/a.COMPLETED").is_file() && place.path("spool/sub/deep/a").is_file());
    assert!(read(options).is_empty());
}

#[test]
fn fv69_what_flume_keeps_beside_the_files_is_left_alone() {
    for completed in [Completed::Rename, Completed::Track] {
        let place = Place::new();
        place.put("a", "1\n", 1);
        place.put(".flumespool/.flumespool-main.meta", "", 1);
        let tracker_dir = place.path("spool/.flumespool");
        assert_eq!(read(SpooldirOptions { completed, tracker_dir, ..place.options() }), ["a:1"]);
        assert_eq!(fs::metadata(place.path("spool/.flumespool/.flumespool-main.meta")).unwrap().len(), 0);
    }
}

/// Nobody makes files in a directory of the kernel's, not even root.
#[test]
fn fv70_a_directory_that_is_only_read_has_to_be_tracked_elsewhere() {
    let place = Place::new();
    let options = SpooldirOptions { directory: Path::new("/proc/self/task").to_owned(), ..place.options() };
    let error = SpooldirSource::new(options.clone(), true, None).unwrap_err();
    assert!(error.to_string().contains("make and remove files in /proc/self/task"), "{error}");
    assert!(error.remedy().unwrap().contains("completed = \"track\""), "{error}");
    let track = SpooldirOptions { completed: Completed::Track, tracker_dir: place.path("marks"), ..options };
    assert!(SpooldirSource::new(track, true, None).is_ok() && place.path("marks").is_dir());
}

#[test]
fn fv73_lines_behind_a_position_come_again() {
    let place = Place::new();
    place.put("a", "line 1\nline 2\nline 3\n", 1);
    let (options, found) = (place.options(), place.options().waiting().unwrap().remove(0));
    let from = |offset| {
        let mut reader = Reader::open(&options, &found, offset).unwrap();
        let events = reader.batch().unwrap().unwrap().events;
        events.iter().map(|(at, body)| (*at, String::from_utf8(body.to_vec()).unwrap())).collect::<Vec<_>>()
    };
    let lines = [(0, "line 1"), (7, "line 2"), (14, "line 3")].map(|(at, line)| (at, line.to_owned()));
    assert_eq!((from(0), from(7), from(7)), (lines.to_vec(), lines[1..].to_vec(), lines[1..].to_vec()));
}

#[test]
fn a_blob_is_a_file_or_pieces_of_one() {
    let place = Place::new();
    place.put("a", &"x".repeat(2_500), 1);
    place.put("b", "line\nline\n", 2);
    let found = read(SpooldirOptions { deserializer: Deserializer::Blob, ..place.options() });
    assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [1_002, 1_002, 502, 12]);
}

#[test]
fn fv74_a_file_that_changes_stops_the_source_with_its_name() {
    let place = Place::new();
    place.put("a", "1\n2\n", 1);
    let found = place.options().waiting().unwrap().remove(0);
    place.put("a", "1\n2\n3\n", 1);
    let error = place.options().complete(&found).unwrap_err();
    assert_eq!(error.kind(), Kind::Data);
    assert!(error.to_string().contains("/spool/a changed"), "{error}");
    // A name that is used again, where the first file was renamed.
    place.put("a.COMPLETED", "", 1);
    let error = drain(place.options(), &[memory(10)]).unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error}");
    let place = Place::new();
    fs::write(place.path("spool/bad"), b"ok\n\xff\n").unwrap();
    let error = drain(place.options(), &[memory(10)]).unwrap_err();
    assert!(
        error.to_string().contains("byte 3 of") && error.to_string().contains("/spool/bad is not UTF-8"),
        "{error}"
    );
}

#[test]
fn fv67_a_full_channel_holds_the_source_back() {
    let place = Place::new();
    place.put("a", &"line\n".repeat(30_000), 1);
    let channel = memory(1);
    let (options, taker) = (place.options(), channel.clone());
    let reading = std::thread::spawn(move || drain(options, &[channel]));
    let (mut events, mut record) = (0, 0);
    while events < 30_000 {
        match taker.take(Duration::from_secs(20)).unwrap() {
            Take::Record { batch, number } => {
                (events, record) = (events + batch.events.len(), number + 1);
                let cursor = taker.cursor();
                taker.commit(Cursor { record, epoch: cursor.epoch + 1, ..cursor }).unwrap();
            }
            Take::Full | Take::Nothing => {}
            other => panic!("{other:?} behind record {record}"),
        }
    }
    reading.join().unwrap().unwrap();
    assert_eq!(place.names(), ["a.COMPLETED"]);
}

/// The state behind a batch: a channel that holds `lines` lines of the file, and what became of the file.
fn killed(place: &Place, completed: Completed, lines: usize, is_completed: bool) -> Vec<String> {
    let text: String = (0..12_000).map(|number| format!("{number}\n")).collect();
    place.put("a", &text, 1);
    let options = SpooldirOptions { completed, ..place.options() };
    let found = options.waiting().unwrap().remove(0);
    let channel = place.channel();
    let mut reader = Reader::open(&options, &found, 0).unwrap();
    let mut put = 0;
    while put < lines {
        let batch = reader.batch().unwrap().unwrap();
        put += batch.events.len();
        let offset = if batch.is_last { found.seen.size + 1 } else { batch.after };
        let entry = serde_json::to_value(FilePosition { offset, seen: found.seen }).unwrap();
        let after = crate::agent::position::Advance {
            source: "spool".into(),
            form: FORM,
            entries: [("a".to_owned(), entry)].into(),
        };
        let event = |(_, body)| Event { body, ..Event::default() };
        let events = batch.events.into_iter().map(event).collect();
        channel.put(crate::agent::event::Batch { events, after }).unwrap();
    }
    if is_completed {
        options.complete(&found).unwrap();
    }
    drop(channel);
    let channel = place.channel();
    drain(options, std::slice::from_ref(&channel)).unwrap();
    let all = taken(&*channel);
    all.iter().map(|line| line.split_once(':').unwrap().1.to_owned()).collect()
}

#[test]
fn killed_anywhere_each_line_is_there_once() {
    let wanted: Vec<String> = (0..12_000).map(|number| number.to_string()).collect();
    for completed in [Completed::Rename, Completed::Delete, Completed::Track] {
        for (lines, is_completed) in [(0, false), (1, false), (6_000, false), (12_000, false), (12_000, true)] {
            let place = Place::new();
            assert_eq!(killed(&place, completed, lines, is_completed), wanted, "{completed:?} {lines} {is_completed}");
            assert_eq!(place.path("spool/a").exists(), completed == Completed::Track);
            // Once more: nothing comes again.
            let channel = place.channel();
            let before = taken(&*channel).len();
            drop(channel);
            let channel = place.channel();
            drain(SpooldirOptions { completed, ..place.options() }, std::slice::from_ref(&channel)).unwrap();
            assert_eq!(taken(&*channel).len(), before);
        }
    }
}

#[test]
fn a_file_that_is_gone_or_another_after_a_crash() {
    let place = Place::new();
    place.put("a", &"line\n".repeat(6_000), 1);
    let options = place.options();
    let found = options.waiting().unwrap().remove(0);
    let begin = |offset| {
        let entry = serde_json::to_value(FilePosition { offset, seen: found.seen }).unwrap();
        Some(SourcePosition { form: FORM, entries: [("a".to_owned(), entry)].into() })
    };
    let run = |position: Option<SourcePosition>| {
        let channel = memory(1_000_000);
        let selector = Selector::new(&SelectorArgs::default(), &["c".to_owned()]).unwrap();
        let feed = Feed { channel: channel.clone(), feeders: Arc::default() };
        let outlet = Arc::new(Outlet::new("spool", FORM, vec![feed], selector, Interceptors::default()));
        let done = Box::new(SpooldirSource::new(place.options(), true, position.as_ref()).unwrap()).run(outlet);
        done.map(|report| (report.notes, taken(&*channel)))
    };
    place.put("a", "other\n", 2);
    assert_eq!(run(begin(10)).unwrap_err().kind(), Kind::Data, "half read, and another now");
    assert_eq!(
        run(begin(found.seen.size + 1)).unwrap_err().kind(),
        Kind::Data,
        "read and not renamed, and another now"
    );
    fs::remove_file(place.path("spool/a")).unwrap();
    let (notes, _) = run(begin(10)).unwrap();
    assert!(notes[0].contains("/spool/a, which was read up to byte 10, is gone"), "{notes:?}");
    let (notes, _) = run(begin(found.seen.size + 1)).unwrap();
    assert!(notes.is_empty(), "it was renamed: {notes:?}");
}

#[test]
fn a_second_channel_that_a_crash_left_behind_gets_the_rest_alone() {
    let place = Place::new();
    place.put("a", "1\n2\n3\n", 1);
    let channels = [memory(100), memory(100)];
    let found = place.options().waiting().unwrap().remove(0);
    for (channel, offset, lines) in [(&channels[0], 7, vec!["1", "2", "3"]), (&channels[1], 2, vec!["1"])] {
        let entry = serde_json::to_value(FilePosition { offset, seen: found.seen }).unwrap();
        let after = crate::agent::position::Advance {
            source: "spool".into(),
            form: FORM,
            entries: [("a".to_owned(), entry)].into(),
        };
        let event = |body: &'static str| Event { body: body.into(), ..Event::default() };
        let events = lines.into_iter().map(event).collect();
        channel.put(crate::agent::event::Batch { events, after }).unwrap();
    }
    drain(place.options(), &channels).unwrap();
    assert_eq!(taken(&*channels[0]), [":1", ":2", ":3"]);
    assert_eq!(taken(&*channels[1]), [":1", "a:2", "a:3"]);
    assert_eq!(place.names(), ["a.COMPLETED"]);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let place = Place::new();
    let options = SpooldirOptions { directory: Path::new("/no/such").to_owned(), ..place.options() };
    let error = SpooldirSource::new(options, true, None).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("/no/such"), "{error}");
    assert!(whole_name("a(?=b)").is_err());
}

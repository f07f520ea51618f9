//! Which hours of a table are complete, as Hive and HDFS's own shell see it, with the agent killed in between.

use std::collections::BTreeMap;

use super::*;

/// Appends lines of a moment to a log.
fn append_at(path: &Path, time: &str, lines: std::ops::Range<usize>) {
    let text = lines.fold(String::new(), |mut text, i| {
        let time = format!("[01/Mar/2011:{time} +0000]");
        writeln!(text, r#"203.0.113.1 - {i} {time} "GET /j/{i} HTTP/1.1" 200 5 "-" "x""#).unwrap();
        text
    });
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

impl Place {
    /// What Hive says of an hour, by the names of parameters.
    fn parameters(&self, hour: &str) -> BTreeMap<String, String> {
        let described =
            beeline(&format!("describe formatted {}.clicks partition (dt='2011-03-01', hr='{hour}')", self.name));
        let cells = described.into_iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
        cells.filter(|row| row.len() > 2 && row[0].is_empty()).map(|row| (row[1].clone(), row[2].clone())).collect()
    }

    /// The hours that have a file `_SUCCESS`.
    fn marked(&self) -> Vec<String> {
        let listed = hdfs_shell(&["dfs", "-find", &format!("/tmp/{}/clicks", self.name), "-name", "_SUCCESS"]);
        let hour = |path: &str| Some(path.split_once("/hr=")?.1[..2].to_owned());
        let mut hours: Vec<String> = listed.lines().filter_map(hour).collect();
        hours.sort();
        hours
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_are_complete_once_and_in_time_whatever_is_killed() {
    let place = Place::new().await;
    let pipeline = fs::read_to_string(place.path("pipeline.toml")).unwrap();
    let hourly = pipeline
        .replace("roll = { rows = 1 }", "roll = { rows = 1 }\npartition = 'hour'\ncomplete = { lateness = '10m' }");
    fs::write(place.path("pipeline.toml"), hourly).unwrap();
    let log = place.path("access.log");
    append_at(&log, "08:10:00", 0..20_000);
    append_at(&log, "08:59:59", 20_000..40_000);
    append_at(&log, "09:09:59", 40_000..60_000);
    place.kill_when("an epoch is recorded", |before, now| now.recorded > before.recorded).await;
    place.kill_when("an epoch has left the channel", |before, now| now.committed > before.committed).await;
    assert_eq!(place.marked(), Vec::<String>::new(), "ten minutes are not over");
    place.drain();
    assert_eq!(place.marked(), Vec::<String>::new(), "a second is missing");

    append_at(&log, "09:10:00", 60_000..60_010);
    append_at(&log, "10:09:00", 60_010..80_000);
    place.kill_when("the row that completes 08 is recorded", |before, now| now.recorded > before.recorded).await;
    place.drain();
    assert_eq!(place.marked(), ["08"]);
    let eight = place.parameters("08");
    let since = eight["sakia.complete"].clone();
    assert!(since.parse::<jiff::Timestamp>().is_ok(), "{since}");
    assert!(!eight.contains_key("sakia.late.rows"), "{eight:?}");
    assert!(!place.parameters("09").contains_key("sakia.complete"));

    append_at(&log, "08:30:00", 80_000..80_003);
    place.kill_when("late rows are recorded", |before, now| now.recorded > before.recorded).await;
    place.drain();
    append_at(&log, "08:40:00", 80_003..80_005);
    append_at(&log, "10:10:00", 80_005..80_006);
    let last = place.drain();
    assert!(last["detail"].as_str().unwrap().contains("1 partition complete, 2 late rows"), "{last}");
    let eight = place.parameters("08");
    assert_eq!((&eight["sakia.complete"], &eight["sakia.late.rows"]), (&since, &"5".to_owned()), "{eight:?}");
    assert_eq!(place.marked(), ["08", "09"]);
    assert!(place.parameters("09").contains_key("sakia.complete"));
    assert!(!place.parameters("10").contains_key("sakia.complete"));
    place.assert_whole(80_006);
}

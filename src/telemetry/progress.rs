//! Progress lines on a terminal: one a split, with rows, speed, share done and time left; nothing at all on a pipe.
//!
//! Lines are global, as the log is: whoever moves rows asks for a [`line()`] and tells it what moved. The log is written
//! above them.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::terminal::harmless;

static LINES: OnceLock<MultiProgress> = OnceLock::new();

/// How often a line is drawn again though nothing moved, so that its times go on.
const TICK: Duration = Duration::from_millis(250);

const WITH_SHARE: &str =
    "{prefix:<32!} {pos:>11} rows {rows_per_second:>16} {bytes_per_second:>14} {percent:>3}% {eta:>4} left";
const WITHOUT_SHARE: &str = "{prefix:<32!} {pos:>11} rows {rows_per_second:>16} {bytes_per_second:>14} {elapsed:>5}";

/// Shows progress lines from now on, if stderr is a terminal.
pub fn init() {
    if std::io::stderr().is_terminal() {
        LINES.get_or_init(MultiProgress::new);
    }
}

/// One line; it disappears when dropped.
#[derive(Debug)]
pub struct Line {
    bar: Option<ProgressBar>,
    bytes: Arc<AtomicU64>,
}

/// Begins a line; `rows` is what is expected in all, where somebody knows.
pub fn line(label: impl Into<String>, rows: Option<u64>) -> Line {
    let bytes = Arc::new(AtomicU64::new(0));
    let bar = LINES.get().map(|lines| {
        let bar = match rows.filter(|rows| *rows > 0) {
            Some(rows) => ProgressBar::new(rows).with_style(style(WITH_SHARE, &bytes)),
            None => ProgressBar::no_length().with_style(style(WITHOUT_SHARE, &bytes)),
        };
        let bar = lines.add(bar.with_prefix(harmless(&label.into()).into_owned()));
        bar.enable_steady_tick(TICK);
        bar
    });
    Line { bar, bytes }
}

impl Line {
    /// Tells that so many more rows and bytes moved.
    pub fn add(&self, rows: u64, bytes: u64) {
        if let Some(bar) = &self.bar {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            bar.inc(rows);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str, bytes: &Arc<AtomicU64>) -> ProgressStyle {
    let bytes = bytes.clone();
    // A template that cannot be read would be a slip of ours; the plain style does as well then.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rows_per_second", |state: &ProgressState, to: &mut dyn std::fmt::Write| {
            // Writing to a line in memory cannot fail.
            let _ = write!(to, "{:.0} rows/s", state.per_sec());
        })
        .with_key("bytes_per_second", move |state: &ProgressState, to: &mut dyn std::fmt::Write| {
            let seconds = state.elapsed().as_secs_f64().max(0.001);
            let speed = (bytes.load(Ordering::Relaxed) as f64 / seconds) as u64;
            let _ = write!(to, "{}/s", HumanBytes(speed));
        })
}

/// Writes to stderr above the lines.
#[derive(Debug, Default)]
pub struct AboveLines;

impl Write for AboveLines {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        match LINES.get() {
            Some(lines) => lines.suspend(|| std::io::stderr().write(text)),
            None => std::io::stderr().write(text),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [WITH_SHARE, WITHOUT_SHARE] {
            ProgressStyle::with_template(template).unwrap();
        }
    }

    #[test]
    fn without_a_terminal_there_is_no_line() {
        let line = line("orders", Some(3));
        line.add(1, 10);
        assert!(line.bar.is_none());
    }
}

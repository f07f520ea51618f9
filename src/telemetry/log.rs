//! The log: one line an event on stderr, filtered by `SAKIA_LOG` or the verbosity of the command line.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::progress::AboveLines;

/// Starts logging for the process; later calls change nothing.
///
/// `verbosity`: 0 our warnings and the steps of a run, 1 debug, 2 and more everything, including the clients' crates.
/// `SAKIA_LOG` (directives as in `tracing`'s `EnvFilter`) wins over it.
pub fn init(verbosity: u8) {
    let default = match verbosity {
        // What goes wrong in a client comes out as an error of ours; its own lines would say it twice, in its own terms.
        0 => "off,sakia=info",
        1 => "info,sakia=debug",
        _ => "debug,sakia=trace",
    };
    let filter = EnvFilter::try_from_env("SAKIA_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // A second start happens only in tests that share a process; the first one stands.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| AboveLines)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

//! What the kernel says of this process. Nothing is told that cannot be read.

use std::fs;

/// Memory and open files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub open_files: Option<u64>,
}

impl Process {
    /// As it is now.
    pub(super) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |name: &str| number(&status, name).map(|kibibytes| kibibytes * 1024);
        Self {
            resident_bytes: bytes("VmRSS:"),
            virtual_bytes: bytes("VmSize:"),
            threads: number(&status, "Threads:"),
            // One of them reads the directory.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1)),
        }
    }
}

/// The number behind a name; of memory in kibibytes.
fn number(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_memory_and_has_files_open() {
        let process = Process::now();
        assert!(process.resident_bytes.unwrap() > 1 << 20 && process.virtual_bytes > process.resident_bytes);
        assert!(process.threads.unwrap() > 0 && process.open_files.unwrap() > 2);
        assert_eq!(number("VmRSS:\t    12 kB\n", "VmRSS:"), Some(12));
        assert_eq!(number("", "VmRSS:"), None);
    }
}

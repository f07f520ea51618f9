//! How much memory the process keeps.
//!
//! Source: mallopt(3), madvise(2), proc_pid_maps(5); measured on glibc 2.36 and Linux 6.1.

use std::fs;
use std::sync::Once;

/// What is as large as this and is freed by an agent goes back to the kernel at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const AGENT_PIECE_BYTES: i32 = 256 << 10;

/// Has all threads allocate from one heap; called before there is a second thread.
///
/// Batches of rows are made by one thread and freed by another, and whichever thread is free encodes the next one. With
/// a heap for each of them, as glibc has by default, the memory of all of them together is what it peaked at in each:
/// an import held twice as much, and spent a tenth of its time in the kernel getting it. What is larger than anything that
/// is made again and again goes back to the kernel when it is freed, rather than leave a hole; the rest is kept: an export
/// spent a tenth of its time on pages that were new each time.
pub fn share_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set(&[(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, 4 << 20), (libc::M_TRIM_THRESHOLD, 64 << 20)]);
}

/// Has little memory kept that is not in use, as befits a process that runs beside others for months.
///
/// An agent with fifty files open makes and frees pieces of all sizes; what is large among them leaves holes that nothing
/// fits. What is free at the end of the heap is kept: giving it back cost a sixth of an agent's time.
pub(crate) fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set(&[(libc::M_MMAP_THRESHOLD, AGENT_PIECE_BYTES)]);
}

/// Gives the pages of the program's code back that nothing needed but its beginning; what is needed again is mapped again
/// from the page cache. Does so once.
///
/// Of 33 MB of code an agent that runs touches two thirds, and what read its file and found its servers is not among them.
pub(crate) fn give_back_code() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (Ok(maps), Ok(program)) = (fs::read_to_string("/proc/self/maps"), std::env::current_exe()) else { return };
        let program = program.to_string_lossy();
        maps.lines().filter(|line| line.ends_with(&*program)).filter_map(code).for_each(|(from, to)| {
            #[allow(unsafe_code)]
            // SAFETY: the range is a mapping of the program's file that cannot be written to, so that each page of it is as
            // the file has it, and comes back from there.
            unsafe {
                libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_DONTNEED);
            }
        });
    });
}

/// Where code lies, by a line of /proc/PID/maps; `None` for what is not code.
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    (words.next()? == "r-xp").then_some((address(from)?, address(to)?))
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn set(options: &[(i32, i32)]) {
    for (option, value) in options {
        // SAFETY: mallopt takes its own lock, and knows these options. Where a value is not taken, more memory is used.
        unsafe { libc::mallopt(*option, *value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_can_be_executed_and_not_written() {
        let line = |rights: &str| format!("55d5c0a00000-55d5c2a00000 {rights} 0080e000 fe:00 4711      /usr/bin/sakia");
        assert_eq!(code(&line("r-xp")), Some((0x55d5_c0a0_0000, 0x55d5_c2a0_0000)));
        for rights in ["r--p", "rw-p", "rwxp"] {
            assert_eq!(code(&line(rights)), None);
        }
    }

    #[test]
    fn what_was_given_back_runs_again() {
        give_back_code();
        keep_little();
        assert_eq!(format!("{:?}", "1.5".parse::<f64>()), "Ok(1.5)");
    }
}

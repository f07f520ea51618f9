//! The binary: everything is in the library.

fn main() -> std::process::ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    share_one_heap();
    sakia::cli::main()
}

/// Has all threads allocate from one heap.
///
/// Batches of rows are made by one thread and freed by another, and whichever thread is free encodes the next one. With
/// a heap for each of them, as glibc has by default, the memory of all of them together is what it peaked at in each:
/// an import held twice as much, and spent a tenth of its time in the kernel getting it (measured on glibc 2.36). What is
/// larger than anything that is made again and again goes back to the kernel when it is freed, rather than leave a hole;
/// the rest is kept: an export spent a tenth of its time on pages that were new each time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn share_one_heap() {
    // SAFETY: called before any other thread exists; the options and their values are documented in mallopt(3). Where
    // they are not taken, more memory is used.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 4 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}

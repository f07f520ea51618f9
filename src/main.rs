//! The binary: everything is in the library.

fn main() -> std::process::ExitCode {
    sakia::memory::share_one_heap();
    sakia::cli::main()
}

//! The `refgate` program: reads its arguments and hands over to [`refgate::cli`].

use std::process::ExitCode;

/// Requests allocate and free many small things on several threads, which this allocator is made
/// for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    refgate::cli::main()
}

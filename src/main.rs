//! The `refgate` program: reads its arguments and hands over to [`refgate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    refgate::cli::main()
}

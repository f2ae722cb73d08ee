//! Standard output.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Prints a line, as `println!` does, but ends the program in peace when nobody reads any more
/// (`refgate bucket ls | head -1`), and with one line when there is nowhere to write.
macro_rules! say {
    ($($part:tt)*) => { $crate::cli::say::line(format_args!($($part)*)) };
}

/// Does what [`say!`] says.
pub(super) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(err) if err.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(err) => {
            eprintln!("refgate: cannot write to standard output: {err}");
            std::process::exit(1);
        }
    }
}

//! A blob's file as a range of addresses.
//!
//! The only unsafe code of this program. A mapping is not read here: it gives the slices of a file
//! addresses of their own, by which a connection finds out what to send from where.

#![expect(unsafe_code, reason = "mapping a file; the proof stands beside it")]

use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::MmapOptions;

/// Maps the first `length` bytes of the file of a finished blob.
///
/// # Errors
///
/// What the system says, or [`io::ErrorKind::Unsupported`] if the file does not fit into the address space.
pub(super) fn map(file: &File, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::Unsupported)?;
    // SAFETY: the bytes of a mapping must not change, and must stay there, while it is borrowed.
    //
    // 1. They do not change. A blob is written under an id that is made once, by one writer that
    //    created the file with `create_new`, and it is opened for reading alone once that writer
    //    has finished: no row names it before, and `length` is the length of the finished file.
    //    No code of this crate opens a blob for writing again.
    // 2. They stay. Deleting a blob removes its name and never truncates the file; the mapping
    //    keeps the file.
    // 3. Other programs have no business in the data folder: it belongs to one process, which
    //    holds a lock on it and makes it for its own user alone (mode 0700). Should one truncate a
    //    blob all the same, whoever read the mapping past the new end would be stopped by a
    //    signal, not given wrong memory; connections do not read it but have the system send the
    //    file, which then is an error.
    let mapping = unsafe { MmapOptions::new().len(length).map(file)? };
    Ok(Bytes::from_owner(mapping))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    #[test]
    fn is_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"what is written").unwrap();
        let map = map(&file, 15).unwrap();
        assert_eq!(map, "what is written");
        // A slice outlives what it was cut from, and the file its descriptor.
        let slice = map.slice(8..);
        drop((map, file));
        assert_eq!(slice, "written");
    }

    #[test]
    fn begins_at_the_first_byte_wherever_the_file_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        file.seek(SeekFrom::Start(5_000)).unwrap();
        let map = map(&file, 10_000).unwrap();
        assert_eq!(map.len(), 10_000);
        assert!(map.iter().all(|&byte| byte == 7));
    }
}

//! A file that is written from its beginning to its end, past the system's page cache where it can be.
//!
//! What goes through the cache is copied there page by page, and from there to the disk, and stays until
//! something else needs the memory. Of a large upload that is most of what it costs: 14 to 20 ms of
//! processor time for 8 MiB, against 1.4 from memory of our own (docs/performance.md). So whole pages are
//! handed to the disk from where they gathered, if the file system takes them so (`O_DIRECT`, open(2)).
//! What is left at the end, and all on other file systems, goes through the cache. Either way it is fsync
//! that makes it durable.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// What the place of a page is a multiple of, in memory and in the file. Disks ask for 512 or 4096.
const PAGE: usize = 4096;

/// Bytes that gather to be written at once.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The bytes, behind so many that bring them to the beginning of a page.
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// How many there is room for. Of larger ones, 8 MiB from 4 clients at once are not written quicker,
    /// and of half the size an eighth slower.
    pub(super) const ROOM: usize = 512 * 1024;

    /// More than so many are expected to become as many as there is room for.
    const FEW: usize = Self::ROOM / 2;

    /// One that will be filled, in pages.
    pub(super) fn of_pages() -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(Self::ROOM + PAGE);
        let start = bytes.as_ptr().align_offset(PAGE).min(PAGE);
        bytes.resize(start, 0);
        Self { bytes, start }
    }

    /// How many more there is room for.
    pub(super) fn room(&self) -> usize {
        Self::ROOM.saturating_sub(self.bytes.len() - self.start)
    }

    /// Adds bytes for which there is room.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.bytes.capacity() <= Self::ROOM && self.bytes.len() + bytes.len() > Self::FEW {
            let few = std::mem::replace(self, Self::of_pages());
            self.bytes.extend_from_slice(&few.bytes);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What has gathered.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.bytes).slice(self.start..)
    }
}

/// The file. Its methods block.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    length: u64,
    /// Whether all that is written has to be whole pages.
    by_pages: bool,
}

impl Output {
    /// A file with nothing in it.
    pub(super) fn new(file: File) -> Self {
        Self { file, length: 0, by_pages: false }
    }

    /// Has pages written past the cache from now on, if the file system can.
    pub(super) fn bypass_cache(&mut self) {
        self.by_pages = self.direct(true).is_ok();
    }

    /// Writes bytes behind those that are there.
    ///
    /// # Errors
    ///
    /// What the system says. How much has been written is unknown then.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append_by(bytes, FileExt::write_all_at)
    }

    /// The same, where that writes pages.
    fn append_by(
        &mut self,
        bytes: &[u8],
        write_pages: impl FnOnce(&File, &[u8], u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let (pages, rest) = bytes.split_at(self.pages(bytes));
        if !pages.is_empty() {
            match write_pages(&self.file, pages, self.length) {
                Ok(()) => self.length += pages.len() as u64,
                // It may have taken a part of them, which is written once more.
                Err(error) if is_refusal(&error) => return self.write(bytes),
                Err(error) => return Err(error),
            }
        }
        if rest.is_empty() { Ok(()) } else { self.write(rest) }
    }

    /// Makes it durable. A new file's length is part of what any fsync has to write, so there is nothing
    /// to gain from syncing the data alone.
    ///
    /// # Errors
    ///
    /// What the system says. Nothing may be taken for durable then, whatever it says the next time.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// How many of these bytes, from the first, are to be written as pages: as long as that is so, those
    /// that are whole pages in memory and would be in the file.
    fn pages(&self, bytes: &[u8]) -> usize {
        let in_file = self.length.is_multiple_of(PAGE as u64);
        let in_memory = bytes.as_ptr().align_offset(PAGE) == 0;
        if self.by_pages && in_file && in_memory { bytes.len() - bytes.len() % PAGE } else { 0 }
    }

    /// Writes through the cache, as all that follows is.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.by_pages {
            self.direct(false)?;
            self.by_pages = false;
        }
        self.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn direct(&self, on: bool) -> Result<(), Errno> {
        let mut flags = fcntl_getfl(&self.file)?;
        flags.set(OFlags::DIRECT, on);
        fcntl_setfl(&self.file, flags)
    }
}

/// Whether the file system does not take pages, or these: open(2) and write(2) name EINVAL, and some of
/// those that are programs (FUSE) say EOPNOTSUPP.
fn is_refusal(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::OPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use std::io::IoSliceMut;

    use proptest::prelude::*;
    use rustix::fs::{FsWord, fstatfs};
    use rustix::io::{ReadWriteFlags, preadv2};

    use super::*;

    /// What statfs(2) says of file systems.
    const EXT4: FsWord = 0xEF53;
    const XFS: FsWord = 0x5846_5342;

    fn numbered(length: usize) -> Vec<u8> {
        (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    /// The same bytes, from the beginning of a page of memory.
    fn in_pages(bytes: &[u8]) -> Bytes {
        let mut buffer = Buffer::of_pages();
        buffer.push(bytes);
        buffer.into_bytes()
    }

    /// What is in a file after some appending.
    fn written(append: impl FnOnce(&mut Output)) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut output = Output::new(file.reopen().unwrap());
        append(&mut output);
        output.sync().unwrap();
        std::fs::read(file.path()).unwrap()
    }

    #[test]
    fn what_gathers_comes_to_lie_in_pages() {
        let mut buffer = Buffer::default();
        let all = numbered(Buffer::ROOM);
        let (few, more) = all.split_at(Buffer::FEW);
        buffer.push(few);
        assert!(buffer.bytes.capacity() < Buffer::ROOM, "few take no more than they need");
        buffer.push(more);
        assert_eq!(buffer.room(), 0);
        let bytes = buffer.into_bytes();
        assert_eq!(bytes.as_ptr().align_offset(PAGE), 0);
        assert!(bytes == all);
    }

    #[test]
    fn a_buffer_of_pages_stays_where_it_is() {
        let mut buffer = Buffer::of_pages();
        assert_eq!(buffer.room(), Buffer::ROOM);
        while buffer.room() > 0 {
            buffer.push(&[7; 1_000][..buffer.room().min(1_000)]);
        }
        let bytes = buffer.into_bytes();
        assert_eq!((bytes.as_ptr().align_offset(PAGE), bytes.len()), (0, Buffer::ROOM));
    }

    #[test]
    fn pages_do_not_go_through_the_cache() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut output = Output::new(file.reopen().unwrap());
        output.bypass_cache();
        // Others may take pages and keep them in the cache all the same, as tmpfs does.
        let kind = fstatfs(&output.file).unwrap().f_type;
        if !output.by_pages || ![EXT4, XFS].contains(&kind) {
            eprintln!("left out: the temporary folder's file system is neither ext4 nor XFS");
            return;
        }
        output.append(&in_pages(&numbered(4 * PAGE))).unwrap();
        let (mut read, now) = ([0; PAGE], ReadWriteFlags::NOWAIT);
        let found = preadv2(file.reopen().unwrap(), &mut [IoSliceMut::new(&mut read)], 0, now);
        assert_eq!(found, Err(Errno::AGAIN), "it would have to be read from the disk");
    }

    #[test]
    fn what_the_disk_refuses_goes_through_the_cache() {
        let all = numbered(3 * PAGE + 100);
        let bytes = in_pages(&all);
        for refusal in [Errno::INVAL, Errno::OPNOTSUPP] {
            let read = written(|output| {
                output.by_pages = true;
                let refuse = |file: &File, pages: &[u8], offset| {
                    assert_eq!((pages.len(), offset), (3 * PAGE, 0));
                    // A part of them came to the disk, or something like it.
                    file.write_all_at(&[0; 512], offset)?;
                    Err(refusal.into())
                };
                output.append_by(&bytes, refuse).unwrap();
                assert!(!output.by_pages);
                output.append(&bytes).unwrap();
            });
            assert!(read == [&all[..], &all[..]].concat(), "{refusal}");
        }
    }

    #[test]
    fn other_errors_are_told() {
        let bytes = in_pages(&[7; PAGE]);
        written(|output| {
            output.by_pages = true;
            let full = output.append_by(&bytes, |_, _, _| Err(Errno::NOSPC.into()));
            assert_eq!(full.unwrap_err().raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
        });
    }

    #[test]
    fn an_error_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut output = Output::new(File::open(file.path()).unwrap());
        output.bypass_cache();
        let failed = output.append(&in_pages(&[7; PAGE])).map_err(|error| error.raw_os_error());
        assert_eq!(failed, Err(Some(Errno::BADF.raw_os_error())), "a file for reading alone");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However long pieces are and wherever they lie in memory.
        #[test]
        fn it_is_what_was_appended(
            pieces in prop::collection::vec((0..3_usize, 0..5_usize, 0..2_usize), 0..5),
        ) {
            let pieces: Vec<Bytes> = pieces
                .into_iter()
                .map(|(start, pages, more)| {
                    in_pages(&numbered(start + pages * PAGE + more * 333)).slice(start..)
                })
                .collect();
            let read = written(|output| {
                output.bypass_cache();
                for piece in &pieces {
                    output.append(piece).unwrap();
                }
            });
            prop_assert!(read == pieces.concat());
        }
    }
}

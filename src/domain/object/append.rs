//! Appending to an object: where its bytes go, and what is told of it afterwards.
//!
//! Each append makes a blob, and an object of a million small blobs would be slow to read and to
//! list. So what is appended is written behind a copy of the small runs at the end of the object,
//! and takes their place. A run is taken if it is under twice as long as all that will lie behind it
//! in the new blob. So
//!
//! * every small run is at least twice as long as the next: there are at most 24 of them;
//! * a byte that is written again is in a run that is at least half as long again as the one
//!   before, so it is written again at most 40 times, and no append copies more than 16 MiB;
//! * runs of 8 MiB and more stay as they are. An object has 640 of them at most.
//!
//! Sources: OSS "AppendObject" (positions, the limit, what is kept); how the bytes lie is ours, and
//! so is the tag, of which OSS says only that it is not the MD5 of the content.

use md5::{Digest, Md5};

use super::crc64::Shift;
use super::{ETag, Extent, Object, ObjectKind};
use crate::domain::time::UnixMillis;

/// The most bytes of an object that is appended to: OSS's limit.
pub const MAX_APPENDABLE_BYTES: u64 = 5 << 30;

/// Runs of so many bytes and more are never written again.
const SETTLED_BYTES: u64 = 8 << 20;

/// What a body that does not tell its length is taken for.
const ASSUMED_BYTES: u64 = 1 << 20;

/// Why an object cannot be appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unappendable {
    /// It was not made by appending.
    #[error("the object was not made by appending")]
    Kind,
    /// The position is not where the object ends.
    #[error("the object ends at byte {0}")]
    Position(u64),
}

/// Whether bytes can be appended at a position to what is there, if anything is.
///
/// # Errors
///
/// [`Unappendable`].
pub fn judge(object: Option<&Object>, position: u64) -> Result<(), Unappendable> {
    let length = match object {
        None => 0,
        Some(object) if object.kind == ObjectKind::Appendable => object.size,
        Some(_) => return Err(Unappendable::Kind),
    };
    if position == length { Ok(()) } else { Err(Unappendable::Position(length)) }
}

/// How many of the runs at the end are written anew, before what is appended. `announced` is the
/// length of that, if it is known.
pub fn rewritten(extents: &[Extent], announced: Option<u64>) -> usize {
    let mut behind = announced.unwrap_or(ASSUMED_BYTES);
    if behind == 0 {
        return 0;
    }
    let mut taken = 0;
    for extent in extents.iter().rev() {
        if extent.length >= SETTLED_BYTES || extent.length >= 2 * behind {
            break;
        }
        behind += extent.length;
        taken += 1;
    }
    taken
}

/// What was appended.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'t> {
    /// Its length in bytes.
    pub length: u64,
    /// Its MD5.
    pub md5: &'t [u8; 16],
    /// Its CRC-64/XZ.
    pub crc64: u64,
    /// How many of the runs before it were written anew with it.
    pub rewritten: usize,
    /// Where all of that is.
    pub extents: &'t [Extent],
    /// When it was appended.
    pub at: UnixMillis,
}

/// The object with its new end. All that its owner chose for it stays.
#[must_use]
pub fn grown(object: &Object, tail: &Tail<'_>) -> Object {
    let kept = object.extents.len().saturating_sub(tail.rewritten);
    let extents = object.extents.iter().take(kept).chain(tail.extents).copied().collect();
    Object {
        size: object.size + tail.length,
        etag: tag(Some(&object.etag), tail.md5),
        crc64: Shift::by(tail.length).combine(object.crc64, tail.crc64),
        md5: None,
        modified: tail.at,
        extents,
        ..object.clone()
    }
}

/// The tag of an object after an append: of the tag before it and the MD5 of what was appended, so
/// it changes with every append, and the same appends make the same tag.
pub fn tag(before: Option<&ETag>, md5: &[u8; 16]) -> ETag {
    let mut digest = Md5::new();
    digest.update(before.map_or("", ETag::as_str));
    digest.update(md5);
    ETag::of_md5(&digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::name::BlobId;

    fn runs(lengths: &[u64]) -> Vec<Extent> {
        let blob = BlobId(uuid::Uuid::nil());
        lengths.iter().map(|&length| Extent { blob, offset: 0, length }).collect()
    }

    #[test]
    fn runs_that_are_written_anew() {
        const MIB: u64 = 1 << 20;
        #[rustfmt::skip]
        let table: [(&str, &[u64], Option<u64>, usize); 11] = [
            ("nothing is there",                &[],               Some(1),       0),
            ("the same again",                  &[1],              Some(1),       1),
            ("a counter carries",               &[4, 2, 1],        Some(1),       3),
            ("it does not",                     &[8, 2],           Some(1),       0),
            ("nearly twice",                    &[19],             Some(10),      1),
            ("twice",                           &[20],             Some(10),      0),
            ("a large one takes all small ones", &[100, 10, 1],    Some(MIB),     3),
            ("but no settled one",              &[8 * MIB, 5],     Some(8 * MIB), 1),
            ("nothing is appended",             &[1, 1],           Some(0),       0),
            ("an unknown length, small",        &[MIB, 1],         None,          2),
            ("an unknown length, large",        &[5 * MIB],        None,          0),
        ];
        for (name, lengths, announced, want) in table {
            assert_eq!(rewritten(&runs(lengths), announced), want, "{name}");
        }
    }

    /// Appends one after another, and returns the runs with all bytes that were written.
    fn append_all(lengths: impl Iterator<Item = u64>, known: bool) -> (Vec<Extent>, u64) {
        let (mut extents, mut written) = (Vec::new(), 0);
        for length in lengths {
            let taken = rewritten(&extents, known.then_some(length));
            let tail: u64 = extents.drain(extents.len() - taken..).map(|e: Extent| e.length).sum();
            assert!(tail < 2 * SETTLED_BYTES);
            extents.extend(runs(&[tail + length]));
            written += tail + length;
        }
        (extents, written)
    }

    #[test]
    fn a_million_small_appends_make_few_runs() {
        for known in [true, false] {
            let (extents, written) = append_all((0..1_000_000).map(|_| 100), known);
            let total: u64 = 100 * 1_000_000;
            assert_eq!(extents.iter().map(|extent| extent.length).sum::<u64>(), total);
            assert!(extents.len() < 40, "{} runs, known: {known}", extents.len());
            // Whoever does not tell lengths pays with up to 2 MiB for each append.
            let bound = if known { 20 * total } else { 1_000_000 * (2 << 20) };
            assert!(written < bound, "{written} bytes for {total}, known: {known}");
        }
    }

    /// Each a little shorter than the one before is the worst that there is.
    #[test]
    fn shrinking_appends_make_few_runs() {
        let (extents, _) = append_all((1..=100_000).rev(), true);
        assert!(extents.len() < 700, "{} runs", extents.len());
    }

    proptest! {
        #[test]
        fn small_runs_halve(lengths in prop::collection::vec(0..40_000_000_u64, 0..60)) {
            let (extents, _) = append_all(lengths.into_iter(), true);
            let settled = extents.iter().rposition(|extent| extent.length >= SETTLED_BYTES);
            let small = &extents[settled.map_or(0, |at| at + 1)..];
            let halve = small.windows(2).all(|pair| pair[0].length >= 2 * pair[1].length);
            prop_assert!(halve && small.len() <= 24, "{small:?}");
        }
    }

    #[test]
    fn tags_change_and_repeat() {
        let (a, b) = (Md5::digest(b"a").into(), Md5::digest(b"b").into());
        let first = tag(None, &a);
        assert_eq!(tag(None, &a), first);
        let second = tag(Some(&first), &b);
        assert_ne!(second, first);
        assert_ne!(tag(Some(&second), &b), second);
        assert_eq!(second.as_str().len(), 32);
    }
}

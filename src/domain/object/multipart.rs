//! Uploads in parts: which parts make which object.
//!
//! Sources: OSS "InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"; the form of an
//! entity tag, `HEX-N`, is what the service answers and no page explains: the MD5 of the parts'
//! MD5s one behind the other, and the number of parts.

use std::fmt;

use md5::{Digest, Md5};

use super::crc64::Shift;
use super::extents::push;
use super::{ETag, Extent, StorageClass};
use crate::domain::name::{ObjectKey, UploadId};
use crate::domain::time::UnixMillis;

/// The least bytes of every part but the last: OSS's limit.
pub const MIN_PART_BYTES: u64 = 100 << 10;

/// The most bytes of a part: OSS's limit.
pub const MAX_PART_BYTES: u64 = 5 << 30;

/// The number of a part: 1 to 10 000. It says where the part goes; numbers may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartNumber(u16);

impl PartNumber {
    /// The greatest, and so the most parts that there can be.
    pub const MAX: u16 = 10_000;

    /// Takes a number. `None` if it is none of a part.
    pub fn new(number: u64) -> Option<Self> {
        u16::try_from(number).ok().filter(|number| (1..=Self::MAX).contains(number)).map(Self)
    }

    /// Reads a number in decimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).and_then(Self::new)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A part that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it goes.
    pub number: PartNumber,
    /// Length in bytes: the sum of the extents.
    pub size: u64,
    /// MD5 of its bytes, which is also its entity tag.
    pub md5: [u8; 16],
    /// CRC-64/XZ of its bytes.
    pub crc64: u64,
    /// When it was uploaded.
    pub modified: UnixMillis,
    /// Where its bytes are, in order.
    pub extents: Vec<Extent>,
}

/// What a listing tells of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// Where it goes.
    pub number: PartNumber,
    /// Length in bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// CRC-64/XZ of its bytes: clients that go on with an upload combine it with those of other parts.
    pub crc64: u64,
    /// When it was uploaded.
    pub modified: UnixMillis,
}

/// What a listing tells of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUpload {
    /// The object that is uploaded.
    pub key: ObjectKey,
    /// The upload.
    pub id: UploadId,
    /// The storage class that the object will have.
    pub storage_class: StorageClass,
    /// When the upload began.
    pub initiated: UnixMillis,
}

/// The parts of which a client wants its object made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All that were uploaded, in the order of their numbers.
    All,
    /// These, each with the entity tag that the client was told, without quotes.
    Listed(Vec<(PartNumber, Box<str>)>),
}

/// Why parts do not make an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The numbers of the list do not ascend.
    #[error("part {0} is listed after a part of the same or a greater number")]
    Order(PartNumber),
    /// A part was not uploaded, or is another one by now.
    #[error("part {0} was not uploaded, or has another entity tag")]
    Part(PartNumber),
    /// There is no part at all.
    #[error("there is no part")]
    Nothing,
    /// A part is too small to have another after it.
    #[error("part {number} has {size} bytes, and only the last may have under 102400")]
    TooSmall {
        /// The part.
        number: PartNumber,
        /// Its length in bytes.
        size: u64,
    },
}

/// What an object that is made of parts is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembly {
    /// Length in bytes.
    pub size: u64,
    /// The entity tag.
    pub etag: ETag,
    /// CRC-64/XZ of the whole content.
    pub crc64: u64,
    /// Where its bytes are, in order.
    pub extents: Vec<Extent>,
}

/// Makes an object of parts. `parts` are those that were uploaded, in the order of their numbers.
///
/// # Errors
///
/// [`Unfit`]: the first thing that is wrong with the selection.
pub fn assemble(parts: &[Part], selection: &Selection) -> Result<Assembly, Unfit> {
    let chosen = select(parts, selection)?;
    let mut whole = Assembly { size: 0, etag: tag(&chosen), crc64: 0, extents: Vec::new() };
    // Nearly all parts have the same length.
    let mut shift = (0, Shift::by(0));
    for part in &chosen {
        if shift.0 != part.size {
            shift = (part.size, Shift::by(part.size));
        }
        whole.crc64 = shift.1.combine(whole.crc64, part.crc64);
        whole.size += part.size;
        for run in &part.extents {
            push(&mut whole.extents, *run);
        }
    }
    Ok(whole)
}

fn select<'p>(parts: &'p [Part], selection: &Selection) -> Result<Vec<&'p Part>, Unfit> {
    let chosen: Vec<&Part> = match selection {
        Selection::All => parts.iter().collect(),
        Selection::Listed(listed) => {
            let mut pairs = listed.iter().zip(listed.iter().skip(1));
            if let Some((_, (late, _))) = pairs.find(|(before, after)| before.0 >= after.0) {
                return Err(Unfit::Order(*late));
            }
            listed.iter().map(|wanted| find(parts, wanted)).collect::<Result<_, _>>()?
        }
    };
    let (_, before) = chosen.split_last().ok_or(Unfit::Nothing)?;
    match before.iter().find(|part| part.size < MIN_PART_BYTES) {
        Some(part) => Err(Unfit::TooSmall { number: part.number, size: part.size }),
        None => Ok(chosen),
    }
}

fn find<'p>(parts: &'p [Part], (number, tag): &(PartNumber, Box<str>)) -> Result<&'p Part, Unfit> {
    let found = parts.binary_search_by_key(number, |part| part.number).ok();
    let part = found.and_then(|at| parts.get(at));
    let same = |part: &&Part| hex::encode(part.md5).eq_ignore_ascii_case(tag);
    part.filter(same).ok_or(Unfit::Part(*number))
}

fn tag(parts: &[&Part]) -> ETag {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part.md5);
    }
    ETag::from_stored(&format!("{}-{}", hex::encode_upper(md5.finalize()), parts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::BlobId;

    fn number(number: u64) -> PartNumber {
        PartNumber::new(number).unwrap()
    }

    /// A part of so many bytes of one letter, in a blob of its own.
    fn part(at: u64, letter: u8, size: usize) -> Part {
        let bytes = vec![letter; size];
        let blob = BlobId(uuid::Uuid::from_u128(at.into()));
        Part {
            number: number(at),
            size: size as u64,
            md5: Md5::digest(&bytes).into(),
            crc64: crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, &bytes),
            modified: UnixMillis(0),
            extents: vec![Extent { blob, offset: 0, length: size as u64 }],
        }
    }

    fn listed(parts: &[(u64, &str)]) -> Selection {
        Selection::Listed(parts.iter().map(|&(at, tag)| (number(at), tag.into())).collect())
    }

    #[test]
    fn part_numbers() {
        for (text, want) in [("1", Some(1)), ("10000", Some(10_000)), ("007", Some(7))] {
            assert_eq!(PartNumber::parse(text).map(PartNumber::get), want, "{text}");
        }
        for text in ["0", "10001", "", "-1", "+1", "1.0", "STR", "99999999999999999999"] {
            assert_eq!(PartNumber::parse(text), None, "{text}");
        }
    }

    /// The MD5 of the MD5s of 102 400 times `a` and 5 times `b`, by another program; the checksum is
    /// that of all of the bytes.
    #[test]
    fn an_object_of_two_parts() {
        let parts = [part(1, b'a', 102_400), part(5, b'b', 5)];
        let whole: Vec<u8> = [vec![b'a'; 102_400], vec![b'b'; 5]].concat();
        let want = Assembly {
            size: 102_405,
            etag: ETag::from_stored("4CF48E56AB8F1B71BEB492083CABC47E-2"),
            crc64: crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, &whole),
            extents: [parts[0].extents[0], parts[1].extents[0]].to_vec(),
        };
        assert_eq!(assemble(&parts, &Selection::All).as_ref(), Ok(&want));
        let tags = ["302D3A0C8E319EAA95B059B346DE1D1D", "A21075A36EEDDD084E17611A238C7101"];
        assert_eq!(assemble(&parts, &listed(&[(1, tags[0]), (5, tags[1])])).as_ref(), Ok(&want));
        let lower = [tags[0].to_lowercase(), tags[1].to_lowercase()];
        assert_eq!(assemble(&parts, &listed(&[(1, &lower[0]), (5, &lower[1])])), Ok(want));
    }

    /// Parts that were copied of an object one behind the other.
    #[test]
    fn runs_that_go_on_in_the_next_part_are_one() {
        let mut parts = [part(1, b'a', 102_400), part(2, b'b', 102_400), part(3, b'c', 9)];
        let first = parts[0].extents[0];
        parts[1].extents[0] = Extent { offset: first.length, ..first };
        let last = parts[2].extents[0];
        let whole = assemble(&parts, &Selection::All).unwrap();
        assert_eq!(whole.extents, [Extent { length: 204_800, ..first }, last]);
        assert_eq!(whole.size, 204_809);
    }

    #[test]
    fn what_does_not_fit() {
        let parts = [part(1, b'a', 102_399), part(2, b'b', 102_400), part(3, b'c', 0)];
        let tags: Vec<String> = parts.iter().map(|part| hex::encode(part.md5)).collect();
        let [a, b, c] = [tags[0].as_str(), &tags[1], &tags[2]];
        #[rustfmt::skip]
        let table = [
            ("the first alone may be small",  listed(&[(1, a)]),                 None),
            ("the last may have no bytes",    listed(&[(2, b), (3, c)]),         None),
            ("a small one before another",    listed(&[(1, a), (2, b)]),         Some(Unfit::TooSmall { number: number(1), size: 102_399 })),
            ("the same for all of them",      Selection::All,                    Some(Unfit::TooSmall { number: number(1), size: 102_399 })),
            ("backwards",                     listed(&[(3, c), (2, b)]),         Some(Unfit::Order(number(2)))),
            ("twice the same",                listed(&[(2, b), (2, b)]),         Some(Unfit::Order(number(2)))),
            ("one that was not uploaded",     listed(&[(2, b), (4, b)]),         Some(Unfit::Part(number(4)))),
            ("the tag of another",            listed(&[(2, a)]),                 Some(Unfit::Part(number(2)))),
            ("no tag",                        listed(&[(2, "")]),                Some(Unfit::Part(number(2)))),
            ("order before tags",             listed(&[(3, a), (2, a)]),         Some(Unfit::Order(number(2)))),
            ("nothing",                       listed(&[]),                       Some(Unfit::Nothing)),
        ];
        for (name, selection, want) in table {
            assert_eq!(assemble(&parts, &selection).err(), want, "{name}");
        }
        assert_eq!(assemble(&[], &Selection::All), Err(Unfit::Nothing));
    }
}

//! Which part of an object a request wants.
//!
//! OSS ignores a range that is not wholly inside the object: it answers 200 with the whole
//! object, also where RFC 9110 would cut the range or answer 416. A client that sends
//! `x-oss-range-behavior: standard` gets RFC 9110's behaviour; the vendor's second generation of
//! SDKs does. Of several ranges the first counts.
//!
//! Source: OSS "Use HTTP Range requests to get OSS resources in segments" (2026-03-20); RFC 9110,
//! section 14.1.2.

/// How a `Range` that is not wholly inside the object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeBehavior {
    /// The whole object is the answer.
    Lenient,
    /// RFC 9110: the end is cut, and a range that begins after the end is an error.
    Standard,
}

/// What a request gets of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it, with status 200.
    Whole,
    /// Some of it, with status 206.
    Slice(Slice),
    /// Nothing: status 416.
    Unsatisfiable,
}

/// A part of an object: at least one byte, wholly inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Slice {
    /// The value of `Content-Range` for an object of `size` bytes.
    pub fn content_range(&self, size: u64) -> String {
        let last = self.offset + self.length - 1;
        format!("bytes {}-{last}/{size}", self.offset)
    }
}

/// Reads the value of a `Range` header for an object of `size` bytes. A value that does not begin
/// with a range of bytes counts as absent, as RFC 9110 allows and OSS does.
pub fn select(range: Option<&str>, size: u64, behavior: RangeBehavior) -> Part {
    let Some(spec) = range.and_then(parse) else { return Part::Whole };
    let outside = match behavior {
        RangeBehavior::Lenient => Part::Whole,
        RangeBehavior::Standard => Part::Unsatisfiable,
    };
    let (first, end) = match spec {
        Spec::From(first) => (first, size),
        Spec::Between(first, last) => match (last < size, behavior) {
            (true, _) => (first, last + 1),
            (false, RangeBehavior::Standard) => (first, size),
            (false, RangeBehavior::Lenient) => return Part::Whole,
        },
        Spec::Last(0) => return outside,
        Spec::Last(count) => match (size.checked_sub(count), behavior) {
            (Some(first), _) => (first, size),
            (None, RangeBehavior::Standard) => (0, size),
            (None, RangeBehavior::Lenient) => return Part::Whole,
        },
    };
    match end.checked_sub(first) {
        None | Some(0) => outside,
        Some(length) => Part::Slice(Slice { offset: first, length }),
    }
}

/// Why a range of bytes to copy cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExactRange {
    /// It is not one range of bytes.
    #[error("it is not one range of bytes such as bytes=0-9")]
    Malformed,
    /// It is not wholly inside.
    #[error("it is not within the object")]
    Outside,
}

/// Reads a range that must be wholly inside an object of `size` bytes: that of a copy. Here OSS's
/// lenience would make a copy of what nobody asked for.
///
/// # Errors
///
/// [`InvalidExactRange`].
pub fn exact(range: &str, size: u64) -> Result<Slice, InvalidExactRange> {
    if range.contains(',') {
        return Err(InvalidExactRange::Malformed);
    }
    let (first, end) = match parse(range).ok_or(InvalidExactRange::Malformed)? {
        Spec::From(first) => (Some(first), Some(size)),
        Spec::Between(first, last) => (Some(first), last.checked_add(1)),
        Spec::Last(count) => (size.checked_sub(count), Some(size)),
    };
    match (first, end) {
        (Some(first), Some(end)) if first < end && end <= size => {
            Ok(Slice { offset: first, length: end - first })
        }
        _ => Err(InvalidExactRange::Outside),
    }
}

enum Spec {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

fn parse(value: &str) -> Option<Spec> {
    let value = value.trim();
    let (unit, spec) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let spec = spec.split(',').next()?;
    let (first, last) = spec.trim().split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
    };
    match (first, last) {
        ("", last) => Some(Spec::Last(number(last)?)),
        (first, "") => Some(Spec::From(number(first)?)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::Between(first, last))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(offset: u64, length: u64) -> Part {
        Part::Slice(Slice { offset, length })
    }

    #[test]
    fn selections_from_1000_bytes() {
        use Part::{Unsatisfiable, Whole};
        #[rustfmt::skip]
        let table = [
            // name, Range, lenient, standard
            ("OSS: the first 900",        "bytes=0-899",      slice(0, 900),   slice(0, 900)),
            ("from an offset",            "bytes=100-",       slice(100, 900), slice(100, 900)),
            ("players ask for all",       "bytes=0-",         slice(0, 1000),  slice(0, 1000)),
            ("Safari probes two bytes",   "bytes=0-1",        slice(0, 2),     slice(0, 2)),
            ("the last 100",              "bytes=-100",       slice(900, 100), slice(900, 100)),
            ("OSS: more than there is, from the end", "bytes=-2000", Whole, slice(0, 1000)),
            ("the last byte",             "bytes=999-999",    slice(999, 1),   slice(999, 1)),
            ("OSS: the end is outside",   "bytes=0-1000",     Whole,           slice(0, 1000)),
            ("the same further on",       "bytes=500-2000",   Whole,           slice(500, 500)),
            ("OSS: all is outside",       "bytes=1000-2000",  Whole,           Unsatisfiable),
            ("OSS: from outside",         "bytes=1000-",      Whole,           Unsatisfiable),
            ("the last nothing",          "bytes=-0",         Whole,           Unsatisfiable),
            ("backwards",                 "bytes=5-4",        Whole,           Whole),
            ("OSS: two ranges, the first counts", "bytes=0-1,3-4", slice(0, 2), slice(0, 2)),
            ("OSS: another word for the unit", "byte=0-499",  Whole,           Whole),
            ("another unit",              "chars=0-1",        Whole,           Whole),
            ("no numbers",                "bytes=a-b",        Whole,           Whole),
            ("a sign",                    "bytes=+1-2",       Whole,           Whole),
            ("past 64 bits",              "bytes=0-18446744073709551616", Whole, Whole),
            ("nothing at all",            "bytes=-",          Whole,           Whole),
        ];
        for (name, range, lenient, standard) in table {
            assert_eq!(select(Some(range), 1000, RangeBehavior::Lenient), lenient, "{name}");
            assert_eq!(select(Some(range), 1000, RangeBehavior::Standard), standard, "{name}");
        }
        assert_eq!(select(None, 1000, RangeBehavior::Standard), Whole);
    }

    #[test]
    fn exact_ranges_of_1000_bytes() {
        use InvalidExactRange::{Malformed, Outside};
        let inside = |offset, length| Ok(Slice { offset, length });
        #[rustfmt::skip]
        let table = [
            ("bytes=0-9",                    inside(0, 10)),
            ("bytes=0-999",                  inside(0, 1000)),
            ("bytes=999-999",                inside(999, 1)),
            ("bytes=100-",                   inside(100, 900)),
            ("bytes=-100",                   inside(900, 100)),
            ("bytes=0-1000",                 Err(Outside)),
            ("bytes=1000-",                  Err(Outside)),
            ("bytes=-1001",                  Err(Outside)),
            ("bytes=-0",                     Err(Outside)),
            ("bytes=0-18446744073709551615", Err(Outside)),
            ("bytes=5-4",                    Err(Malformed)),
            ("bytes=0-1,3-4",                Err(Malformed)),
            ("0-9",                          Err(Malformed)),
            ("",                             Err(Malformed)),
        ];
        for (range, want) in table {
            assert_eq!(exact(range, 1000), want, "{range}");
        }
        assert_eq!(exact("bytes=0-", 0), Err(Outside));
    }

    #[test]
    fn an_empty_object_has_no_part() {
        for range in ["bytes=0-0", "bytes=0-", "bytes=-1"] {
            assert_eq!(select(Some(range), 0, RangeBehavior::Lenient), Part::Whole);
            assert_eq!(select(Some(range), 0, RangeBehavior::Standard), Part::Unsatisfiable);
        }
    }

    #[test]
    fn content_range_counts_from_zero() {
        assert_eq!(Slice { offset: 0, length: 900 }.content_range(1000), "bytes 0-899/1000");
    }
}

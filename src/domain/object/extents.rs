//! Runs of bytes that lie one behind the other.

use super::Extent;
use super::range::Slice;

/// The runs that a slice of these runs is made of, in order.
pub fn cut(extents: &[Extent], slice: Slice) -> Vec<Extent> {
    let (mut skip, mut left) = (slice.offset, slice.length);
    let mut pieces = Vec::new();
    for extent in extents {
        if left == 0 {
            break;
        }
        let skipped = skip.min(extent.length);
        let length = (extent.length - skipped).min(left);
        skip -= skipped;
        left -= length;
        if length > 0 {
            pieces.push(Extent { blob: extent.blob, offset: extent.offset + skipped, length });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::name::BlobId;

    /// `(blob, offset, length)`
    type Run = (u128, u64, u64);

    fn extent(&(blob, offset, length): &Run) -> Extent {
        Extent { blob: BlobId(Uuid::from_u128(blob)), offset, length }
    }

    #[test]
    fn slices() {
        let whole: Vec<_> =
            [(1, 0, 10), (2, 5, 0), (3, 7, 10), (1, 2, 5)].iter().map(extent).collect();
        #[rustfmt::skip]
        let table: [(&str, u64, u64, &[Run]); 7] = [
            ("all",                        0, 25, &[(1, 0, 10), (3, 7, 10), (1, 2, 5)]),
            ("nothing",                    5,  0, &[]),
            ("within the first",           3,  4, &[(1, 3, 4)]),
            ("up to a border",             3,  7, &[(1, 3, 7)]),
            ("from a border",             10,  3, &[(3, 7, 3)]),
            ("across both borders",        9, 12, &[(1, 9, 1), (3, 7, 10), (1, 2, 1)]),
            ("the last byte",             24,  1, &[(1, 6, 1)]),
        ];
        for (name, offset, length, want) in table {
            let want: Vec<_> = want.iter().map(extent).collect();
            assert_eq!(cut(&whole, Slice { offset, length }), want, "{name}");
        }
    }

    proptest! {
        /// Byte by byte, a slice is what the same slice of the bytes is.
        #[test]
        fn a_slice_has_the_same_bytes(
            runs in prop::collection::vec((0..3_u128, 0..9_u64, 0..6_u64), 0..6),
            (offset, length) in (0..20_usize, 0..20_usize),
        ) {
            let bytes = |extents: &[Extent]| -> Vec<(BlobId, u64)> {
                let run = |e: &Extent| (e.offset..e.offset + e.length).map(|at| (e.blob, at)).collect::<Vec<_>>();
                extents.iter().flat_map(run).collect()
            };
            let extents: Vec<_> = runs.iter().map(extent).collect();
            let whole = bytes(&extents);
            let end = whole.len().min(offset + length);
            let want = whole.get(offset..end).unwrap_or_default();
            let got = cut(&extents, Slice { offset: offset as u64, length: length as u64 });
            prop_assert_eq!(bytes(&got), want);
            prop_assert!(got.iter().all(|piece| piece.length > 0));
        }
    }
}

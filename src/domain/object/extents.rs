//! Runs of bytes that lie one behind the other.

use super::Extent;
use super::range::Slice;

/// Puts a run behind others. One that goes on where the last ends becomes one with it, and one of no
/// bytes is left out: every run is a row.
pub fn push(extents: &mut Vec<Extent>, next: Extent) {
    match extents.last_mut() {
        _ if next.length == 0 => {}
        Some(last) if last.blob == next.blob && last.offset + last.length == next.offset => {
            last.length += next.length;
        }
        _ => extents.push(next),
    }
}

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
        let piece = Extent { blob: extent.blob, offset: extent.offset + skipped, length };
        push(&mut pieces, piece);
    }
    pieces
}

/// The bytes of some runs of one blob, in the order in which the runs begin: ranges that neither touch
/// nor overlap.
pub fn union(runs: &[Extent]) -> Vec<Extent> {
    let mut runs = runs.to_vec();
    runs.sort_unstable_by_key(|run| run.offset);
    let end = |run: &Extent| run.offset.saturating_add(run.length);
    let mut ranges: Vec<Extent> = Vec::new();
    for run in runs {
        match ranges.last_mut() {
            Some(last) if run.offset <= end(last) => {
                last.length = end(&run).max(end(last)) - last.offset;
            }
            _ => ranges.push(run),
        }
    }
    ranges
}

/// The run of these that all of a piece lies in, or else the piece itself.
pub fn around(extents: &[Extent], piece: Extent) -> Extent {
    let end = |run: &Extent| run.offset.saturating_add(run.length);
    let holds = |run: &&Extent| {
        run.blob == piece.blob && run.offset <= piece.offset && end(run) >= end(&piece)
    };
    extents.iter().find(holds).copied().unwrap_or(piece)
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

    #[test]
    fn runs_around_pieces() {
        let whole: Vec<_> = [(1, 0, 10), (2, 5, 8), (1, 10, 10)].iter().map(extent).collect();
        #[rustfmt::skip]
        let table: [(&str, Run, Run); 6] = [
            ("all of a run",               (2, 5, 8),  (2, 5, 8)),
            ("the first bytes",            (1, 0, 3),  (1, 0, 10)),
            ("the last bytes",             (2, 9, 4),  (2, 5, 8)),
            ("of a later run of the blob", (1, 12, 1), (1, 10, 10)),
            ("over a border",              (1, 8, 4),  (1, 8, 4)),
            ("of another blob",            (3, 0, 1),  (3, 0, 1)),
        ];
        for (name, piece, want) in table {
            assert_eq!(around(&whole, extent(&piece)), extent(&want), "{name}");
        }
    }

    #[test]
    fn ranges_of_runs() {
        #[rustfmt::skip]
        let table: [(&str, &[Run], &[Run]); 6] = [
            ("none",               &[],                                  &[]),
            ("apart",              &[(1, 9, 2), (1, 0, 5)],              &[(1, 0, 5), (1, 9, 2)]),
            ("side by side",       &[(1, 5, 2), (1, 0, 5), (1, 7, 1)],   &[(1, 0, 8)]),
            ("the same twice",     &[(1, 3, 4), (1, 3, 4)],              &[(1, 3, 4)]),
            ("one in the other",   &[(1, 0, 9), (1, 2, 3), (1, 9, 1)],   &[(1, 0, 10)]),
            ("over each other",    &[(1, 2, 5), (1, 0, 3)],              &[(1, 0, 7)]),
        ];
        for (name, runs, want) in table {
            let [runs, want] = [runs, want].map(|runs| runs.iter().map(extent).collect::<Vec<_>>());
            assert_eq!(union(&runs), want, "{name}");
        }
    }

    #[test]
    fn runs_that_go_on_become_one() {
        #[rustfmt::skip]
        let table: [(&str, &[Run], &[Run]); 7] = [
            ("the same blob, further on",  &[(1, 0, 5), (1, 5, 2)],             &[(1, 0, 7)]),
            ("from its middle, thrice",    &[(1, 4, 1), (1, 5, 2), (1, 7, 3)],  &[(1, 4, 6)]),
            ("another blob",               &[(1, 0, 5), (2, 5, 2)],             &[(1, 0, 5), (2, 5, 2)]),
            ("a gap",                      &[(1, 0, 5), (1, 6, 2)],             &[(1, 0, 5), (1, 6, 2)]),
            ("backwards",                  &[(1, 5, 2), (1, 0, 5)],             &[(1, 5, 2), (1, 0, 5)]),
            ("the same again",             &[(1, 0, 5), (1, 0, 5)],             &[(1, 0, 5), (1, 0, 5)]),
            ("nothing between them",       &[(1, 0, 5), (2, 3, 0), (1, 5, 2)],  &[(1, 0, 7)]),
        ];
        for (name, runs, want) in table {
            let want: Vec<_> = want.iter().map(extent).collect();
            assert_eq!(pushed(runs), want, "{name}");
        }
    }

    fn pushed(runs: &[Run]) -> Vec<Extent> {
        let mut all = Vec::new();
        for run in runs {
            push(&mut all, extent(run));
        }
        all
    }

    /// Where each byte is.
    fn bytes(extents: &[Extent]) -> Vec<(BlobId, u64)> {
        let run =
            |e: &Extent| (e.offset..e.offset + e.length).map(|at| (e.blob, at)).collect::<Vec<_>>();
        extents.iter().flat_map(run).collect()
    }

    fn runs() -> impl Strategy<Value = Vec<Run>> {
        prop::collection::vec((0..3_u128, 0..9_u64, 0..6_u64), 0..6)
    }

    proptest! {
        /// No byte moves, and no two runs could be one.
        #[test]
        fn runs_that_were_pushed_have_the_same_bytes(runs in runs()) {
            let all = pushed(&runs);
            prop_assert_eq!(bytes(&all), bytes(&runs.iter().map(extent).collect::<Vec<_>>()));
            let goes_on = |a: &Extent, b: &Extent| a.blob == b.blob && a.offset + a.length == b.offset;
            prop_assert!(!all.windows(2).any(|pair| goes_on(&pair[0], &pair[1])), "{all:?}");
            prop_assert!(all.iter().all(|run| run.length > 0));
        }

        /// Byte by byte, a slice is what the same slice of the bytes is.
        #[test]
        fn a_slice_has_the_same_bytes(
            runs in runs(),
            (offset, length) in (0..20_usize, 0..20_usize),
        ) {
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

//! Looking through text, many bytes at once.

/// Whether a text has no byte of a kind; `kind` is 0 for bytes that are not of it.
///
/// All of it is looked at, sixteen bytes at once and the last of them perhaps twice: that is faster than
/// stopping at the first that is found. The compiler makes vectors of `kind` if it has no branches, so it
/// is to be made of comparisons joined by `|`.
///
/// ```
/// use refgate::domain::scan::none_is;
///
/// let is_space = |b: u8| u8::from(b == b' ') | u8::from(b == b'\t');
/// assert!(none_is("a-text-of-more-than-sixteen", is_space));
/// assert!(!none_is("a-text-of-more-than sixteen", is_space));
/// ```
pub fn none_is(text: &str, kind: impl Fn(u8) -> u8 + Copy) -> bool {
    let clean = |chunk: &[u8; 16]| chunk.map(kind) == [0; 16];
    let bytes = text.as_bytes();
    match bytes.last_chunk() {
        None => bytes.iter().all(|byte| kind(*byte) == 0),
        Some(last) => bytes.as_chunks().0.iter().all(clean) && clean(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_is() {
        let is_x = |b: u8| u8::from(b == b'x');
        for length in 0..50 {
            let text = "-".repeat(length);
            assert!(none_is(&text, is_x), "{length}");
            for at in 0..length {
                let mut text = text.clone();
                text.replace_range(at..=at, "x");
                assert!(!none_is(&text, is_x), "{at} of {length}");
            }
        }
    }
}

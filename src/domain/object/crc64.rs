//! The checksum of bytes that lie one behind the other, from their checksums.
//!
//! A CRC is the remainder of a division of polynomials over GF(2). Bytes that follow multiply what
//! came before by a power of x, and adding is XOR. The initial value and the final complement of
//! CRC-64/XZ cancel out.
//!
//! Source: ECMA-182 (the polynomial), reflected as in CRC-64/XZ.

/// The polynomial without its highest term, bits reflected: bit 63 is x⁰.
const POLYNOMIAL: u64 = 0xC96C_5795_D787_0F42;

/// x⁰
const ONE: u64 = 1 << 63;

/// x⁸: one byte.
const BYTE: u64 = 1 << 55;

/// What a number of bytes does to the checksum before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift(u64);

impl Shift {
    /// The shift by so many bytes.
    pub fn by(bytes: u64) -> Self {
        let (mut power, mut square, mut left) = (ONE, BYTE, bytes);
        while left > 0 {
            if left & 1 == 1 {
                power = multiply(power, square);
            }
            square = multiply(square, square);
            left >>= 1;
        }
        Self(power)
    }

    /// The CRC-64/XZ of bytes with the checksum `first` and, behind them, as many as this shift is
    /// by with the checksum `second`.
    pub fn combine(self, first: u64, second: u64) -> u64 {
        multiply(self.0, first) ^ second
    }
}

/// The product of two polynomials, modulo the one of the checksum.
fn multiply(a: u64, mut b: u64) -> u64 {
    let mut product = 0;
    for term in (0..u64::BITS).rev() {
        if a >> term & 1 == 1 {
            product ^= b;
        }
        b = if b & 1 == 1 { b >> 1 ^ POLYNOMIAL } else { b >> 1 };
    }
    product
}

#[cfg(test)]
mod tests {
    use crc_fast::CrcAlgorithm;
    use proptest::prelude::*;

    use super::*;

    /// The published check value of CRC-64/XZ, and the vendor's own examples.
    #[test]
    fn known_values() {
        #[rustfmt::skip]
        let table = [
            ("hello ", "world", 5_981_764_153_023_615_706),
            ("12345", "6789", 11_051_210_869_376_104_954),
            ("", "hello", 11_177_612_005_948_864_433),
            ("hello", "", 11_177_612_005_948_864_433),
            ("", "", 0),
        ];
        for (first, second, want) in table {
            let crc = |text: &str| crc_fast::checksum(CrcAlgorithm::Crc64Xz, text.as_bytes());
            let shift = Shift::by(second.len() as u64);
            assert_eq!(shift.combine(crc(first), crc(second)), want, "{first:?} {second:?}");
        }
    }

    #[test]
    fn shifts_add_up() {
        for (a, b) in [(0, 0), (1, 1), (100 << 10, 5 << 30), (u64::MAX / 2, u64::MAX / 2)] {
            let Shift(a_then_b) = Shift::by(a + b);
            assert_eq!(multiply(Shift::by(a).0, Shift::by(b).0), a_then_b);
        }
    }

    proptest! {
        /// Another's checksum of the whole is the judge.
        #[test]
        fn any_two_pieces(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..300_usize) {
            let crc = |bytes: &[u8]| crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let shift = Shift::by(second.len() as u64);
            prop_assert_eq!(shift.combine(crc(first), crc(second)), crc(&bytes));
        }
    }
}

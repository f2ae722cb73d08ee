//! The forms in which schemes write a point in time.
//!
//! Each form has one width, and nothing else is read. `path + time` stand in the hashed text
//! without a mark between them, so a time of any width would let bytes slide from one to the
//! other: the signature of `/v/12` at `55ce8100` is also one of `/v/1` at `255ce8100`.

use crate::domain::word::words;

words! {
    /// How a scheme writes a point in time.
    pub enum TimeForm {
        /// Seconds after the epoch as exactly 10 decimal digits.
        Decimal = "decimal",
        /// Seconds after the epoch as exactly 8 hexadecimal digits of either case.
        Hex = "hex",
        /// As [`TimeForm::Hex`], and links that are made have upper case.
        UpperHex = "upper-hex",
        /// As [`TimeForm::Hex`], in lower case only.
        LowerHex = "lower-hex",
        /// `YYYYMMDDHHMM` in the zone UTC+8, whatever the zone of the machine.
        Minutes = "minutes",
        /// Seconds after the epoch as 1 to 12 decimal digits without a zero before them. Only for
        /// schemes whose texts have a mark behind the time.
        Plain = "plain",
    }
}

/// China Standard Time, in which the vendors write minutes.
const ZONE: jiff::tz::Offset = jiff::tz::offset(8);

impl TimeForm {
    /// Reads a time, in seconds after the epoch. `None` if it is not written in this form.
    pub(super) fn read(self, text: &str) -> Option<i64> {
        match self {
            Self::Decimal if text.len() == 10 => decimal(text),
            Self::Plain if (1..=12).contains(&text.len()) && !text.starts_with('0') => {
                decimal(text)
            }
            Self::Hex | Self::UpperHex | Self::LowerHex if text.len() == 8 => {
                let upper = text.bytes().any(|b| b.is_ascii_uppercase());
                let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
                let fits = digits && !(upper && self == Self::LowerHex);
                fits.then(|| i64::from_str_radix(text, 16).ok()).flatten()
            }
            Self::Minutes => read_minutes(text),
            Self::Decimal | Self::Plain | Self::Hex | Self::UpperHex | Self::LowerHex => None,
        }
    }

    /// Writes a time, or the next that the form can write. `None` if it is too far away.
    pub(super) fn write(self, seconds: i64) -> Option<String> {
        let (text, seconds) = match self {
            Self::Decimal => (format!("{seconds:010}"), seconds),
            Self::Hex | Self::LowerHex => (format!("{seconds:08x}"), seconds),
            Self::UpperHex => (format!("{seconds:08X}"), seconds),
            Self::Plain => (seconds.to_string(), seconds),
            Self::Minutes => {
                let whole = seconds.checked_add(59)?.div_euclid(60).checked_mul(60)?;
                let moment = jiff::Timestamp::from_second(whole).ok()?;
                (ZONE.to_datetime(moment).strftime("%Y%m%d%H%M").to_string(), whole)
            }
        };
        (self.read(&text) == Some(seconds)).then_some(text)
    }
}

/// A number of at most 12 decimal digits.
fn decimal(text: &str) -> Option<i64> {
    let (mut number, mut good) = (0, true);
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        good &= digit < 10;
        number = number * 10 + i64::from(digit);
    }
    good.then_some(number)
}

fn read_minutes(text: &str) -> Option<i64> {
    let part = |range: std::ops::Range<usize>| -> Option<i16> { text.get(range)?.parse().ok() };
    let small = |range| part(range).and_then(|value| i8::try_from(value).ok());
    if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (part(0..4)?, small(4..6)?, small(6..8)?);
    let (hour, minute) = (small(8..10)?, small(10..12)?);
    let date = jiff::civil::DateTime::new(year, month, day, hour, minute, 0, 0).ok()?;
    Some(ZONE.to_timestamp(date).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-15 08:00 in UTC+8, the moment of the vendor's pages on types B and C.
    const MOMENT: i64 = 1_439_596_800;

    #[test]
    fn forms_of_one_moment() {
        #[rustfmt::skip]
        let table = [
            (TimeForm::Decimal,  "1439596800"),
            (TimeForm::Hex,      "55ce8100"),
            (TimeForm::UpperHex, "55CE8100"),
            (TimeForm::LowerHex, "55ce8100"),
            (TimeForm::Minutes,  "201508150800"),
            (TimeForm::Plain,    "1439596800"),
        ];
        for (form, text) in table {
            assert_eq!(form.read(text), Some(MOMENT), "{form:?}");
            assert_eq!(form.write(MOMENT).as_deref(), Some(text), "{form:?}");
        }
        assert_eq!(TimeForm::Hex.read("55CE8100"), Some(MOMENT));
    }

    #[test]
    fn widths_and_digits_are_exact() {
        #[rustfmt::skip]
        let table = [
            ("nine digits",           TimeForm::Decimal,  "999999999"),
            ("eleven digits",         TimeForm::Decimal,  "14395968000"),
            ("a sign",                TimeForm::Decimal,  "+439596800"),
            ("a negative time",       TimeForm::Decimal,  "-439596800"),
            ("over 64 bits",          TimeForm::Decimal,  "99999999999999999999"),
            ("seven digits",          TimeForm::Hex,      "5ce8100"),
            ("nine hex digits",       TimeForm::Hex,      "255ce8100"),
            ("a prefix",              TimeForm::Hex,      "0x55ce81"),
            ("no hex",                TimeForm::Hex,      "55ce810g"),
            ("a sign before hex",     TimeForm::Hex,      "+5ce8100"),
            ("upper case",            TimeForm::LowerHex, "55CE8100"),
            ("a 13th month",          TimeForm::Minutes,  "201513150800"),
            ("a 30th of February",    TimeForm::Minutes,  "201502300800"),
            ("a 24th hour",           TimeForm::Minutes,  "201508152400"),
            ("a 60th minute",         TimeForm::Minutes,  "201508150860"),
            ("seconds",               TimeForm::Minutes,  "20150815080000"),
            ("a year with a sign",    TimeForm::Minutes,  "+01508150800"),
            ("nothing",               TimeForm::Plain,    ""),
            ("zero",                  TimeForm::Plain,    "0"),
            ("a zero before it",      TimeForm::Plain,    "01439596800"),
            ("13 digits",             TimeForm::Plain,    "1439596800000"),
            ("digits of another script", TimeForm::Plain, "١"),
        ];
        for (name, form, text) in table {
            assert_eq!(form.read(text), None, "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert_eq!(TimeForm::Hex.write(0x1_0000_0000), None);
        assert_eq!(TimeForm::Decimal.write(10_000_000_000), None);
        assert_eq!(TimeForm::Plain.write(-1), None);
        assert_eq!(TimeForm::Plain.write(0), None);
        assert_eq!(TimeForm::Minutes.write(i64::MAX), None);
    }

    #[test]
    fn minutes_are_rounded_up_so_that_no_link_ends_early() {
        assert_eq!(TimeForm::Minutes.write(MOMENT + 1).as_deref(), Some("201508150801"));
        assert_eq!(TimeForm::Minutes.write(MOMENT + 60).as_deref(), Some("201508150801"));
    }
}

//! Days and hours of UTC.

use std::fmt;

use crate::domain::time::UnixMillis;

/// An hour of UTC: its number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(pub i64);

/// A day of UTC: its number since 1970. `Display` has it as `2026-08-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Hour {
    /// The hour that a moment lies in.
    pub const fn of(at: UnixMillis) -> Self {
        Self(at.0.div_euclid(3_600_000))
    }

    /// The day that the hour lies in.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(24))
    }

    /// Its first moment.
    pub const fn start(self) -> UnixMillis {
        UnixMillis(self.0.saturating_mul(3_600_000))
    }

    /// The hour so many hours before.
    #[must_use]
    pub fn before(self, hours: u32) -> Self {
        Self(self.0.saturating_sub(hours.into()))
    }
}

impl Day {
    /// The day that a moment lies in.
    pub const fn of(at: UnixMillis) -> Self {
        Hour::of(at).day()
    }

    /// The day so many days before.
    #[must_use]
    pub fn before(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days.into()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = jiff::Timestamp::from_second(self.0.saturating_mul(86_400));
        write!(f, "{}", start.unwrap_or_default().strftime("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_of_utc() {
        // 2022-12-28 23:59:59.999 and one millisecond later.
        let last = UnixMillis(1_672_271_999_999);
        let next = UnixMillis(last.0 + 1);
        assert_eq!(Day::of(last).to_string(), "2022-12-28");
        assert_eq!(Day::of(next).to_string(), "2022-12-29");
        assert_eq!(Day::of(last), Day::of(next).before(1));
        assert_eq!(Hour::of(last), Hour::of(next).before(1));
        assert_eq!(Hour::of(next).start(), next);
    }

    #[test]
    fn time_before_1970_rounds_down() {
        assert_eq!(Hour::of(UnixMillis(-1)), Hour(-1));
        assert_eq!(Day::of(UnixMillis(-1)).to_string(), "1969-12-31");
    }
}

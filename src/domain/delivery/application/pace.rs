//! How often somebody may have something.

use crate::domain::time::UnixMillis;

/// A minute in microseconds.
const MINUTE: i64 = 60_000_000;

/// The pace of one application: what it may have in a minute it may have at once, and again as time
/// goes by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// When all that was given is earned, in microseconds after the epoch.
    earned: i64,
}

impl Pace {
    /// Takes one of so many in a minute, if there is one.
    pub fn take(&mut self, per_minute: u32, now: UnixMillis) -> bool {
        let now = now.0.saturating_mul(1000);
        let each = MINUTE / i64::from(per_minute.max(1));
        // A clock that was set back does not make anybody wait longer than a minute.
        let earned = self.earned.clamp(now, now.saturating_add(MINUTE));
        let next = earned.saturating_add(each);
        let fits = next.saturating_sub(now) <= MINUTE;
        self.earned = if fits { next } else { earned };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pace: &mut Pace, per_minute: u32, at: i64, asked: usize) -> usize {
        (0..asked).filter(|_| pace.take(per_minute, UnixMillis(at))).count()
    }

    #[test]
    fn so_many_in_a_minute() {
        let mut pace = Pace::default();
        #[rustfmt::skip]
        let table = [
            ("all at once",            1_000_000, 100, 6),
            ("too early",              1_009_999, 100, 0),
            ("one more",               1_010_000, 100, 1),
            ("after a minute, all",    1_070_000, 100, 6),
            ("the clock was set back",   500_000, 100, 0),
            ("a minute after that",      560_000, 100, 6),
        ];
        for (name, at, asked, want) in table {
            assert_eq!(given(&mut pace, 6, at, asked), want, "{name}");
        }
    }

    #[test]
    fn the_fastest_and_the_slowest() {
        assert_eq!(given(&mut Pace::default(), 1_000_000, 0, 1_000_001), 1_000_000);
        assert_eq!(given(&mut Pace::default(), 1, 0, 10), 1);
    }
}

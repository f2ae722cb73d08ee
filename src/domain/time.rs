//! Points and spans of time. The clock is read in `service::clock` alone; everything else takes
//! the time as an argument, so that a published example of 2015 is a test today.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The point that many seconds after the epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The same point for interfaces of the standard library. Before the epoch it is the epoch.
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    /// The point of a time of the standard library.
    pub fn from_system_time(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// RFC 9110's `IMF-fixdate`, the form of `Date` and `Last-Modified`:
    /// `Wed, 28 Dec 2022 10:27:41 GMT`.
    pub fn to_http_date(self) -> String {
        httpdate::fmt_http_date(self.to_system_time())
    }

    /// The form of OSS's XML bodies: `2012-02-24T08:43:07.000Z`. OSS keeps whole seconds, so the
    /// milliseconds are always `000`.
    pub fn to_iso8601(self) -> String {
        self.try_iso8601().unwrap_or_else(|| "1970-01-01T00:00:00.000Z".to_owned())
    }

    /// The same; `None` for a moment that has no such form, as after the year 9999.
    pub fn try_iso8601(self) -> Option<String> {
        let whole = jiff::Timestamp::from_second(self.as_secs()).ok()?;
        Some(whole.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string())
    }

    /// RFC 3339 with milliseconds, for JSON: `2012-02-24T08:43:07.123Z`.
    pub fn to_rfc3339(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }
}

/// Reads an HTTP date in any of the three forms of RFC 9110, section 5.6.7.
pub fn parse_http_date(text: &str) -> Option<UnixMillis> {
    httpdate::parse_http_date(text).ok().map(UnixMillis::from_system_time)
}

/// Reads a date of RFC 3339 with its offset: `2012-12-12T17:00:00Z`, `2012-12-12T17:00:00+08:00`.
pub fn parse_rfc3339(text: &str) -> Option<UnixMillis> {
    text.parse::<jiff::Timestamp>().ok().map(|moment| UnixMillis(moment.as_millisecond()))
}

/// Reads the date of a V4 signature, `20231216T162057Z`.
pub fn parse_basic_iso8601(text: &str) -> Option<UnixMillis> {
    let digits = |range: std::ops::Range<usize>| -> Option<i16> {
        let part = text.get(range)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    if text.len() != 16 || text.as_bytes().get(8) != Some(&b'T') || !text.ends_with('Z') {
        return None;
    }
    let small = |value: i16| i8::try_from(value).ok();
    let date = jiff::civil::DateTime::new(
        digits(0..4)?,
        small(digits(4..6)?)?,
        small(digits(6..8)?)?,
        small(digits(9..11)?)?,
        small(digits(11..13)?)?,
        small(digits(13..15)?)?,
        0,
    )
    .ok()?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(UnixMillis(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_moment() {
        // 2022-12-28 10:27:41 UTC, the moment of the vendor's own signer tests.
        let moment = UnixMillis::from_secs(1_672_223_261);
        assert_eq!(moment.to_http_date(), "Wed, 28 Dec 2022 10:27:41 GMT");
        assert_eq!(moment.to_iso8601(), "2022-12-28T10:27:41.000Z");
        assert_eq!(UnixMillis(moment.0 + 70).to_rfc3339(), "2022-12-28T10:27:41.070Z");
        assert_eq!(UnixMillis::from_secs(999_999_999_999).try_iso8601(), None);
        assert_eq!(parse_http_date("Wed, 28 Dec 2022 10:27:41 GMT"), Some(moment));
        assert_eq!(parse_basic_iso8601("20221228T102741Z"), Some(moment));
    }

    #[test]
    fn basic_iso8601_is_exact() {
        for text in
            ["20221228T102741", "20221328T102741Z", "2022122 T102741Z", "+0221228T102741Z", "é"]
        {
            assert_eq!(parse_basic_iso8601(text), None, "{text}");
        }
    }
}

//! Time, as an argument: the tenant has no clock of its own.
use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

/// A moment, in milliseconds since 1970 in UTC. As text and as JSON it is what Graph writes for
/// `Edm.DateTimeOffset`: `2026-01-20T22:24:07Z`, with a fraction where there is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// The text is no moment of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a moment such as 2026-01-20T22:24:07Z")]
pub struct InvalidTime;

impl Time {
    /// That many seconds after 1970 began.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970 began, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long ago `earlier` was; nothing if it is yet to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// That many minutes later.
    pub const fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(minutes.saturating_mul(60_000)))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        match written {
            Some(text) => f.write_str(&text),
            // Outside the years that RFC 3339 writes.
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTime)?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).map(Self).map_err(|_| InvalidTime)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_was_written() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-20T22:24:07Z", 1_768_947_847_000),
            ("2026-01-20T22:24:07.25Z", 1_768_947_847_250),
            ("1969-12-31T23:59:59Z", -1000),
        ] {
            assert_eq!(text.parse::<Time>(), Ok(Time(millis)), "{text}");
            assert_eq!(Time(millis).to_string(), text);
        }
        assert_eq!("2026-01-20T23:24:07+01:00".parse::<Time>(), Ok(Time(1_768_947_847_000)));
        for bad in ["", "yesterday", "2026-01-20", "2026-13-20T22:24:07Z"] {
            assert_eq!(bad.parse::<Time>(), Err(InvalidTime), "{bad}");
        }
    }

    #[test]
    fn what_is_yet_to_come_was_no_time_ago() {
        assert_eq!(Time(5000).since(Time(2000)), Duration::from_secs(3));
        assert_eq!(Time(2000).since(Time(5000)), Duration::ZERO);
    }
}

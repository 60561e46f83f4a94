//! Days, as metadata has them.
use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, in the form of ISO 8601: `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// The text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2026-01-31")]
pub struct InvalidDate;

impl FromStr for Date {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let digits = |part: &str, len: usize| {
            let plain = part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten().ok_or(InvalidDate)
        };
        let mut parts = text.splitn(3, '-');
        let mut part = |len| digits(parts.next().unwrap_or_default(), len);
        let (year, month, day): (u16, u16, u16) = (part(4)?, part(2)?, part(2)?);
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if !(1..=days).contains(&day) {
            return Err(InvalidDate);
        }
        let small = |number: u16| u8::try_from(number).map_err(|_| InvalidDate);
        Ok(Self { year, month: small(month)?, day: small(day)? })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, InvalidDate};

    #[test]
    fn days_that_there_are_are_read_and_written_the_same() {
        for day in ["2026-01-31", "2028-02-29", "2000-02-29", "2026-12-01", "0001-04-30"] {
            assert_eq!(day.parse::<Date>().map(|date| date.to_string()), Ok(day.into()));
        }
        assert!("2026-01-31".parse::<Date>().unwrap() < "2026-02-01".parse().unwrap());
        assert!("2025-12-31".parse::<Date>().unwrap() < "2026-01-01".parse().unwrap());
    }

    #[test]
    fn days_that_there_are_not_are_refused() {
        for wrong in [
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "26-01-01",
            "2026-01-01T00:00:00Z",
            "2026-01",
            "+026-01-01",
            "2026/01/01",
            "",
        ] {
            assert_eq!(wrong.parse::<Date>(), Err(InvalidDate), "{wrong}");
        }
    }
}

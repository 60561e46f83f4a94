//! Values that stand in a filter.
use crate::guid::Guid;
use crate::time::Time;
use serde_json::Number;
use std::fmt;

/// A value in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// `135016`, `-1` or `0.5`.
    Number(Number),
    /// `'text'`, with a quote within it doubled.
    Text(String),
    /// An ID without quotes.
    Guid(Guid),
    /// An `Edm.DateTimeOffset`, or an `Edm.Date` as its first moment in UTC.
    Moment(Time),
}

impl Literal {
    /// What stands in a filter without quotes and begins with a digit or a minus.
    pub(super) fn unquoted(text: &str) -> Option<Self> {
        if let Ok(id) = text.parse() {
            return Some(Self::Guid(id));
        }
        if let Ok(moment) = text.parse() {
            return Some(Self::Moment(moment));
        }
        if text.len() == "2026-01-20".len() && text.bytes().filter(|byte| *byte == b'-').count() == 2 {
            return format!("{text}T00:00:00Z").parse().ok().map(Self::Moment);
        }
        if let Ok(number) = text.parse::<i64>() {
            return Some(Self::Number(number.into()));
        }
        if let Ok(number) = text.parse::<u64>() {
            return Some(Self::Number(number.into()));
        }
        Number::from_f64(text.parse().ok()?).map(Self::Number)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Guid(id) => id.fmt(f),
            Self::Moment(moment) => moment.fmt(f),
        }
    }
}

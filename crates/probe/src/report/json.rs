//! A report as JSON: the form that is kept, compared, and made into the others.
use super::Report;
use serde::Deserialize;

/// The format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// Why a file is no report that could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON, or some of it is not there or not what it should be.
    #[error("this is no report of a probe: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is one, or will have been.
    #[error("this report has format {found}, and this version of fauxkey reads format {FORMAT}: {}", advice(.found))]
    Format {
        /// Its number.
        found: u32,
    },
}

fn advice(format: &u32) -> &'static str {
    if *format > FORMAT { "read it with a later version" } else { "probe again" }
}

/// What every format has.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Report {
    /// The report as JSON, over several lines, so that it can be kept and compared in a repository. It ends with a line
    /// break.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a report has nothing but words and numbers, by names that are words") + "\n"
    }

    /// A report that [`Report::to_json`] wrote.
    ///
    /// # Errors
    /// If it is none, or has a format that is not [`FORMAT`].
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let Head { format } = serde_json::from_str(text)?;
        if format != FORMAT {
            return Err(ReadError::Format { found: format });
        }
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hostile, sample};
    use super::*;

    #[test]
    fn a_report_reads_back() {
        for report in [sample(), hostile()] {
            assert_eq!(Report::from_json(&report.to_json()).unwrap(), report);
        }
    }

    #[test]
    fn members_are_named_as_the_format_says() {
        let json: serde_json::Value = serde_json::from_str(&sample().to_json()).unwrap();
        let finding = &json["results"][0];
        assert_eq!(finding["verdict"], "found");
        assert_eq!(finding["what"], "It accepts a sub-domain of the origin.");
        assert_eq!(finding["severity"], "high");
        assert_eq!(finding["evidence"][0]["microseconds"], 1500);
        assert_eq!(json["leftBehind"][0]["user"], "probe-1@example.test");
    }

    #[test]
    fn another_format_is_told_as_such_even_if_everything_else_is_different_too() {
        let error = Report::from_json(r#"{"format": 2, "findings": {}}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this report has format 2, and this version of fauxkey reads format 1: read it with a later version"
        );
        assert!(Report::from_json(r#"{"format": 0}"#).unwrap_err().to_string().ends_with("probe again"));
    }

    #[test]
    fn what_is_no_report_says_why() {
        for (text, why) in [
            ("<html>", "expected value at line 1 column 1"),
            ("{}", "missing field `format`"),
            (r#"{"format": 1}"#, "missing field `version`"),
            (r#"{"format": "1"}"#, "invalid type"),
        ] {
            let error = Report::from_json(text).unwrap_err().to_string();
            assert!(
                error.starts_with("this is no report of a probe: ") && error.contains(why),
                "{text}: {error}"
            );
        }
    }
}

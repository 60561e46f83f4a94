//! What was found out, as it is kept in a file.
//!
//! The file is JSON ([`Report::to_json`], [`Report::from_json`]), and all other forms are made of it: [`Report::to_table`] for
//! a terminal, [`Report::to_html`] for people, [`Report::to_junit`] and [`Report::to_sarif`] for CI. [`Diff`] says what got
//! worse since another run. What a relying party said is a stranger's word in all of them.
mod diff;
mod html;
mod json;
mod junit;
mod sarif;
mod table;
mod text;
mod words;

/// The style of the report as a page, for pages beside it: colours by outcome and severity, cards, tables.
pub const STYLE: &str = include_str!("../templates/report.css");

pub use diff::{Change, Diff, Side, State, Turn};
pub use json::{FORMAT, ReadError};
pub use words::Outcome;

use crate::target::Exchange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much an acceptance costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Nothing: it is good to know.
    Note,
    /// It breaks a rule that protects little.
    Low,
    /// It takes away a layer.
    Medium,
    /// It lets somebody in, or something through, in some circumstances.
    High,
    /// Anybody may sign in as somebody else.
    Critical,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "camelCase")]
pub enum Verdict {
    /// The relying party did what the clause wants; what it said.
    Held {
        /// In its own words.
        said: String,
    },
    /// It did not: the finding.
    Found {
        /// What it did, in a sentence.
        what: String,
    },
    /// It may do either; what it does.
    Observed {
        /// What it did, in a sentence.
        what: String,
    },
    /// It could not be told.
    Inconclusive {
        /// Why not.
        why: String,
    },
    /// It was not tried.
    Skipped {
        /// Why not.
        why: String,
    },
}

/// A check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// Its name, such as `origin-subdomain`.
    pub id: String,
    /// In a few words, what was tried.
    pub title: String,
    /// Of checks that belong together, such as `client data`.
    pub group: String,
    /// Whose rule it is, such as `WebAuthn L3 §7.1 step 9`.
    pub clause: String,
    /// What it costs if the rule is broken.
    pub severity: Severity,
    /// What to do about it.
    pub advice: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was asked and answered, in order.
    pub evidence: Vec<Exchange>,
    /// One line for a shell that tries it again.
    pub repeat: String,
}

/// A credential that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftBehind {
    /// Whose it is.
    pub user: String,
    /// Its ID in base64url.
    pub credential: String,
    /// The check that made it.
    pub check: String,
    /// Why it is still there.
    pub why: String,
}

/// Everything that a run found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Of this format: 1.
    pub format: u32,
    /// The version of fauxkey.
    pub version: String,
    /// The relying party's origin.
    pub target: String,
    /// The plan's name.
    pub plan: String,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// What the relying party says that it wants, by its options, and what the plan expects of it.
    pub expectations: BTreeMap<String, String>,
    /// The checks, in the order of the plan.
    pub results: Vec<CheckResult>,
    /// Credentials that could not be deleted.
    pub left_behind: Vec<LeftBehind>,
}

#[cfg(test)]
mod tests;

//! Why something was refused, in the tenant's own words: what Graph, pages and logs make of it is theirs.
use serde::{Deserialize, Serialize};

/// What kind of refusal it is, which decides the status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusalKind {
    /// The request makes no sense: 400.
    BadRequest,
    /// The policy says no: 400 as Entra answers registrations, 403 elsewhere.
    Policy,
    /// Who asks may not: 403.
    Forbidden,
    /// Nobody knows who asks: 401.
    Unauthenticated,
    /// There is no such thing: 404.
    NotFound,
    /// It exists already: 409.
    Conflict,
    /// The ceremony does not verify: 400.
    Ceremony,
    /// The records could not be kept: 500.
    Broken,
}

/// One clause of an explanation: what was looked at, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clause {
    /// Where it stands, such as `passkeyProfiles[Default passkey profile].keyRestrictions`.
    pub clause: String,
    /// Whether it lets through.
    pub holds: bool,
    /// Why, in a sentence without a full stop.
    pub says: String,
}

impl Clause {
    /// A clause that lets through.
    pub fn holds(clause: impl Into<String>, says: impl Into<String>) -> Self {
        Self { clause: clause.into(), holds: true, says: says.into() }
    }

    /// A clause that refuses.
    pub fn fails(clause: impl Into<String>, says: impl Into<String>) -> Self {
        Self { clause: clause.into(), holds: false, says: says.into() }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Refusal {
    /// The kind.
    pub kind: RefusalKind,
    /// A word for programs. Entra's own where it is known; those of this tenant begin with `sim_`.
    pub code: String,
    /// The number that Entra's sign-in errors have, such as 135016.
    pub number: Option<u32>,
    /// What was wrong and where, lower case, without a full stop.
    pub message: String,
    /// What there is to do about it.
    pub hint: Option<String>,
    /// Everything that was looked at, in order.
    pub explanation: Vec<Clause>,
}

impl Refusal {
    /// A refusal without a number, a hint or an explanation.
    pub fn new(kind: RefusalKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            number: None,
            message: message.into(),
            hint: None,
            explanation: Vec::new(),
        }
    }

    /// The same with a number of Entra's.
    #[must_use]
    pub fn numbered(mut self, number: u32) -> Self {
        self.number = Some(number);
        self
    }

    /// The same with something to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with what was looked at.
    #[must_use]
    pub fn because(mut self, explanation: Vec<Clause>) -> Self {
        self.explanation = explanation;
        self
    }
}

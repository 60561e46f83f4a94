//! The door to a relying party. Who stands behind it, and over what it is reached, is the caller's business.
use relying_party::Ceremony;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// One of two browsers that know nothing of each other: cookies and the like are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Session {
    /// The one that nearly everything is done in.
    First,
    /// Another one, for what one user has of another.
    Second,
}

/// A request to the relying party and what it answered, without secrets: headers that authenticate are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Such as `POST http://localhost:8000/registration/verify` and the body, or the text that went to a command.
    pub request: String,
    /// What came back: the status and the body.
    pub response: String,
    /// How long it took, in microseconds.
    pub microseconds: u64,
}

impl Exchange {
    /// How long it took.
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.microseconds)
    }
}

/// A ceremony that the relying party began.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    /// PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON.
    pub options: Value,
    /// How it was asked for.
    pub exchange: Exchange,
}

/// What the relying party made of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether it took it.
    pub accepted: bool,
    /// What it said, for people; empty if nothing.
    pub said: String,
    /// How it was asked.
    pub exchange: Exchange,
}

/// What became of the wish to have a credential deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanedUp {
    /// It is gone.
    Removed,
    /// It stays, for this reason.
    Left(String),
}

/// Why the relying party could not be asked. It is never a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nobody answered, or the session ended and could not be renewed: there is no use in going on.
    #[error("{0}")]
    Gone(String),
    /// This question could not be asked, or its answer was none: others may.
    #[error("{0}")]
    Failed(String),
    /// The relying party has no such door, such as sign-in by name.
    #[error("{0}")]
    Unsupported(String),
}

/// A relying party.
pub trait Target {
    /// Its origin, such as `http://localhost:8000`, which pages of it have.
    fn origin(&self) -> &str;

    /// Asks for options. `user` is a name to sign up or in with; without one, the passkey is to say whose it is.
    ///
    /// # Errors
    /// If there are none: a relying party that refuses to begin is an [`TargetError::Failed`] with what it said.
    fn begin(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
    ) -> Result<Begun, TargetError>;

    /// Posts a response: the text of RegistrationResponseJSON or AuthenticationResponseJSON, which need not be JSON at
    /// all where that is the lie.
    ///
    /// # Errors
    /// If the answer says neither yes nor no.
    fn finish(
        &mut self,
        session: Session,
        ceremony: Ceremony,
        user: Option<&str>,
        response: &str,
    ) -> Result<Ended, TargetError>;

    /// Deletes a credential that was made.
    ///
    /// # Errors
    /// If it cannot be asked to.
    fn clean_up(&mut self, user: &str, credential: &[u8]) -> Result<CleanedUp, TargetError>;

    /// Does what the plan calls by that name between two phases, such as changing a policy.
    ///
    /// # Errors
    /// If it could not be done, or nothing has that name.
    fn change(&mut self, name: &str) -> Result<Exchange, TargetError>;
}

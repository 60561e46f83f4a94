//! The user, seen from the authenticator: a question that is a value, and evidence that is a type.
use alloc::{string::String, vec::Vec};
use wire::ctap2::{RpEntity, UserEntity};
use wire::time::Instant;

use crate::Link;

/// An authorization gesture is needed (WebAuthn Level 3 §4): everything that a user interface may show.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Counts up from power-up, so that an answer reaches the question it was meant for.
    pub number: u64,
    /// What the user agrees to.
    pub purpose: Purpose,
    /// Whether presence is not enough: a finger, a face or a screen-lock code must match.
    pub verification: bool,
    /// Verification attempts left in this command.
    pub attempts: u8,
    /// The link over which the command came.
    pub link: Link,
    /// When the command gives up.
    pub deadline: Instant,
}

/// What the user is asked to agree to.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// A new passkey.
    Register {
        /// Where.
        rp: RpEntity,
        /// For which account.
        user: UserEntity,
    },
    /// A registration that will be refused: a passkey on the excludeList is already here, which only a user
    /// who is present may learn.
    AlreadyRegistered {
        /// Where.
        rp: RpEntity,
    },
    /// A sign-in.
    SignIn {
        /// Where.
        rp_id: String,
        /// The accounts that match, newest first.
        accounts: Vec<UserEntity>,
    },
    /// A sign-in for which there is no passkey: CTAP 2.0 asks before it says so.
    NothingToSignIn {
        /// Where.
        rp_id: String,
    },
    /// This authenticator among several.
    Select,
    /// Forgetting everything.
    Reset,
}

impl Purpose {
    /// The RP ID, if the purpose has one.
    pub fn rp_id(&self) -> Option<&str> {
        match self {
            Self::Register { rp, .. } | Self::AlreadyRegistered { rp } => Some(&rp.id),
            Self::SignIn { rp_id, .. } | Self::NothingToSignIn { rp_id } => Some(rp_id),
            Self::Select | Self::Reset => None,
        }
    }
}

/// How a [`Prompt`] ended. What each ending means is the command's business, not the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// A touch, or a tap on "continue".
    Present,
    /// A touch, and the finger, face or code matched.
    Verified,
    /// A finger or face that does not match.
    NotVerified,
    /// A refusal.
    Declined,
    /// Nothing, until the deadline.
    TimedOut,
}

/// Evidence that the user was asked and is there. Made only from a [`Gesture`].
pub(crate) struct UserPresent(());

/// Evidence that the user was asked and verified. Made only from [`Gesture::Verified`].
pub(crate) struct UserVerified(());

/// A gesture that is consent.
pub(crate) struct Consent {
    pub(crate) present: UserPresent,
    pub(crate) verified: Option<UserVerified>,
}

/// What a gesture amounts to where `verification` was or was not asked for.
pub(crate) enum Outcome {
    Consented(Consent),
    /// Presence where verification was needed, or a finger that does not match.
    NotVerified,
    Declined,
    TimedOut,
}

impl Gesture {
    pub(crate) fn outcome(self, verification: bool) -> Outcome {
        let consent = |verified| Outcome::Consented(Consent { present: UserPresent(()), verified });
        match self {
            Self::Verified => consent(verification.then_some(UserVerified(()))),
            Self::Present if verification => Outcome::NotVerified,
            Self::Present => consent(None),
            Self::NotVerified if verification => Outcome::NotVerified,
            Self::NotVerified => consent(None),
            Self::Declined => Outcome::Declined,
            Self::TimedOut => Outcome::TimedOut,
        }
    }
}

//! The user, seen from the authenticator: a question that is a value, and evidence that is a type.
use alloc::{string::String, vec::Vec};
use wire::ctap2::{Permissions, RpEntity, UserEntity};
use wire::time::Instant;
use wire::webauthn::Flags;

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
        /// The accounts that match, newest first; a hundred at most.
        accounts: Vec<UserEntity>,
        /// Whether the user chooses one of them here, by [`Gesture::Account`], and not on the platform.
        choice: bool,
    },
    /// A sign-in for which there is no passkey: CTAP 2.0 asks before it says so.
    NothingToSignIn {
        /// Where.
        rp_id: String,
    },
    /// A pinUvAuthToken: the platform may then do all of this without asking again.
    Token {
        /// For which relying party, if for one.
        rp_id: Option<String>,
        /// What it may do.
        permissions: Permissions,
    },
    /// A registration or a sign-in by FIDO U2F, which tells no names. The platform asks again and again; a touch is
    /// good for the next time.
    U2f {
        /// A registration, not a sign-in.
        registers: bool,
        /// The application parameter: SHA-256 of an AppID or RP ID.
        application: [u8; 32],
        /// The RP ID, if a passkey that is here tells it.
        rp_id: Option<String>,
    },
    /// This authenticator among several.
    Select,
    /// Forgetting everything.
    Reset {
        /// Whether a short touch is not enough ([`Gesture::LongTouch`]).
        long_touch: bool,
    },
    /// A sample of a finger that is being enrolled: a touch is a good one, [`Gesture::NotVerified`] a bad one.
    EnrollSample {
        /// Good samples that are still needed, this one among them.
        remaining: u8,
    },
}

impl Purpose {
    /// The RP ID, if the purpose has one.
    pub fn rp_id(&self) -> Option<&str> {
        match self {
            Self::Register { rp, .. } | Self::AlreadyRegistered { rp } => Some(&rp.id),
            Self::SignIn { rp_id, .. } | Self::NothingToSignIn { rp_id } => Some(rp_id),
            Self::Token { rp_id, .. } | Self::U2f { rp_id, .. } => rp_id.as_deref(),
            Self::Select | Self::Reset { .. } | Self::EnrollSample { .. } => None,
        }
    }
}

/// How a [`Prompt`] ended. What each ending means is the command's business, not the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// A touch, or a tap on "continue".
    Present,
    /// A touch that is held for some seconds: a touch in every other way.
    LongTouch,
    /// A touch, and the finger, face or code matched.
    Verified,
    /// Everything that the question asks for, and a choice: the account at that place of
    /// [`Purpose::SignIn`]. Where there is nothing to choose, the choice counts for nothing.
    Account(usize),
    /// A finger or face that does not match.
    NotVerified,
    /// A refusal.
    Declined,
    /// Nothing, until the deadline.
    TimedOut,
}

/// Evidence that the user was asked and agreed. Made only from a [`Gesture`], so that nothing is created or
/// signed in the name of a user who was not there.
pub(crate) struct Consent {
    verified: bool,
    account: usize,
}

impl Consent {
    /// The UP and UV flags that this consent justifies.
    pub(crate) fn flags(&self) -> Flags {
        Flags::UP | Flags::UV.when(self.verified)
    }

    /// Which of the accounts that were shown was chosen: the first, where none was named.
    pub(crate) fn account(&self) -> usize {
        self.account
    }
}

/// Why there is no consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Presence where verification was needed, or a finger that does not match.
    NotVerified,
    /// The user said no.
    Declined,
    /// The user did nothing.
    TimedOut,
}

impl Gesture {
    /// What the gesture amounts to as the answer to that question.
    pub(crate) fn consent(self, prompt: &Prompt) -> Result<Consent, Refusal> {
        match self {
            Self::Declined => Err(Refusal::Declined),
            Self::TimedOut => Err(Refusal::TimedOut),
            // CTAP 2.3 §6.6. A guess: who lets go too early has not touched at all, and the platform sees what it
            // would see after a wait for nothing.
            Self::Present | Self::Verified | Self::Account(_) | Self::NotVerified
                if prompt.purpose == (Purpose::Reset { long_touch: true }) =>
            {
                Err(Refusal::TimedOut)
            }
            Self::Verified => Ok(Consent { verified: prompt.verification, account: 0 }),
            Self::Account(account) => Ok(Consent { verified: prompt.verification, account }),
            Self::Present | Self::LongTouch | Self::NotVerified if prompt.verification => {
                Err(Refusal::NotVerified)
            }
            Self::NotVerified if matches!(prompt.purpose, Purpose::EnrollSample { .. }) => {
                Err(Refusal::NotVerified)
            }
            Self::Present | Self::LongTouch | Self::NotVerified => {
                Ok(Consent { verified: false, account: 0 })
            }
        }
    }
}

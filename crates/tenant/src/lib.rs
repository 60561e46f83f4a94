//! An Entra-like tenant: passkey policy, authentication strengths, Temporary Access Pass, users, registration and
//! sign-in, logs and reports. Pure state and rules: time is an argument, randomness and records are doors, and HTTP
//! is somebody else's.
//!
//! It is a rehearsal, not a copy: where Entra's behaviour was measured or documented it is imitated, where it
//! changed over time both are here ([`Behaviour`]), and where it is not known a word of this tenant's own begins
//! with `sim_`.
//!
//! | module | what |
//! |---|---|
//! | `guid`, `time`, `refusal`, `settings` | vocabulary |
//! | `user`, `passkey`, `app` | who there is, and what they sign in with |
//! | `access` | authentication strengths, conditional access, Temporary Access Pass |
pub mod access;
pub mod app;
pub mod guid;
pub mod passkey;
pub mod refusal;
pub mod settings;
pub mod time;
pub mod user;

pub use app::{AuthenticatorApp, Platform};
pub use guid::Guid;
pub use passkey::{AttestationLevel, Passkey, PasskeyFacts, PasskeyType, Route};
pub use refusal::{Clause, Refusal, RefusalKind};
pub use settings::{Behaviour, ChallengeUse, CounterMode, Labels, Settings};
pub use time::Time;
pub use user::{ALL_USERS, Group, Subject, User, UserType};

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
//! | `guid`, `time`, `refusal`, `settings`, `likeness` | vocabulary |
//! | `user`, `passkey`, `app`, `phone` | who there is, what they sign in with, and what a phone must be like |
//! | `policy` | who may use which passkey, and the Authenticator app |
//! | `access` | authentication strengths, conditional access, Temporary Access Pass |
//! | `records` | sign-in log, audits, reports |
//! | `odata` | what a query asks of documents |
//! | `store`, `state` | the door to the records, and what they are in memory |
//! | `tenant`, `directory`, `administration`, `methods` | [`Tenant`], and what administrators do with it |
//! | `challenge`, `registration`, `session`, `sign_in`, `factors` | what users do |
pub mod access;
pub mod administration;
pub mod app;
mod challenge;
pub mod directory;
mod factors;
pub mod guid;
mod handle;
mod likeness;
mod methods;
pub mod odata;
pub mod passkey;
mod password;
pub mod phone;
pub mod policy;
pub mod records;
pub mod refusal;
pub mod registration;
mod reports;
mod session;
pub mod settings;
pub mod sign_in;
mod state;
pub mod store;
mod tenant;
pub mod time;
pub mod user;

pub use app::{AuthenticatorApp, Platform};
pub use guid::Guid;
pub use handle::user_handle;
pub use passkey::{AttestationLevel, Passkey, PasskeyFacts, PasskeyType, Route};
pub use phone::{Nearby, Phone};
pub use refusal::{Clause, Refusal, RefusalKind};
pub use session::Visitor;
pub use settings::{Behaviour, ChallengeUse, CounterMode, Labels, Settings};
pub use tenant::Tenant;
pub use time::Time;
pub use user::{ALL_USERS, Group, Subject, User, UserType};

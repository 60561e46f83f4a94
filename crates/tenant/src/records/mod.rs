//! What is kept of what happened, and what is reported of it, in Graph's shape.
//!
//! | module | what |
//! |---|---|
//! | `sign_in_log` | one sign-in, Graph `signIn` |
//! | `audit` | one change, Graph `directoryAudit` |
mod audit;
mod sign_in_log;

pub use audit::{Audit, AuditedPerson};
pub use sign_in_log::{AuthenticationDetail, SignIn, SignInFacts};

//! What is kept of what happened, and what is reported of it, in Graph's shape.
//!
//! | module | what |
//! |---|---|
//! | `sign_in_log` | one sign-in, Graph `signIn` |
//! | `audit` | one change, Graph `directoryAudit` |
//! | `details` | what users have registered, and how many have what |
//! | `csv` | all of it as comma-separated values |
mod audit;
pub mod csv;
mod details;
mod sign_in_log;

pub use audit::{Audit, AuditedPerson};
pub use details::{Included, Methods, Registration, ReportedMethod, Summary};
pub use sign_in_log::{AuthenticationDetail, SignIn, SignInFacts};

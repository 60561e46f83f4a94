//! What is kept of what happened, and what is reported of it, in Graph's shape.
//!
//! | module | what |
//! |---|---|
//! | `sign_in_log` | one sign-in, Graph `signIn` |
//! | `audit` | one change, Graph `directoryAudit` |
//! | `details` | what users have registered, and how many have what |
//! | `usage` | how many sign-ins were made with what |
//! | `activity` | both over time, for pages and charts |
//! | `csv` | all of it as comma-separated values |
mod activity;
mod audit;
pub mod csv;
mod details;
mod sign_in_log;
#[cfg(test)]
mod tests;
mod usage;

pub use activity::{Activity, Day, DaySignIns, FailureActivity, MethodActivity, ModelActivity};
pub use audit::{Audit, AuditedPerson};
pub use details::{Included, Methods, Registration, ReportedMethod, Summary};
pub use sign_in_log::{AuthenticationDetail, SignIn, SignInFacts};
pub use usage::SignInUsage;

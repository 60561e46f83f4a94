//! `fauxkey probe`: who is asked, what is tried, and what is told of it.
mod look;
mod report;
mod run;

pub(super) use look::look;
pub(super) use run::run;

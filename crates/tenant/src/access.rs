//! What it takes to get in: authentication strengths, the conditional-access policies that ask for them, and the
//! Temporary Access Pass, by which somebody who has nothing yet gets in at all.
pub mod apps;
mod combination;
pub mod conditional;
mod document;
pub mod strength;
pub mod tap;
#[cfg(test)]
mod tests;

pub use combination::{Combination, Factor, Mode};
pub use conditional::{
    Access, AppliedPolicy, AppliedResult, AppliedStrength, ConditionalAccessPolicy, Target, Verdict, evaluate,
};
pub use strength::{CombinationConfiguration, PolicyType, Strength, StrengthResult, built_in};
pub use tap::{Tap, TapPolicy, Usability, UsabilityReason};

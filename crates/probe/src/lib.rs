//! The prober: which AAGUIDs, attestations, flags and lies does a relying party accept?
//!
//! A check is a lie or an honest ceremony, the clause that says what a relying party must make of it, and what it costs
//! if it does otherwise. The prober is authenticator and browser in one, made to lie: it signs what it likes, by the test
//! CA and by keys of its own. Who carries what it says to the relying party is a [`Target`](target::Target): there is no
//! HTTP here, no clock, and no file.
pub mod report;
pub mod target;

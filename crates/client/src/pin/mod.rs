//! PINs and pinUvAuthTokens, CTAP 2.1 §6.5: the platform's side, independent of the authenticator's.
//!
//! | value | what it does |
//! |---|---|
//! | [`Pin`] | a PIN as it was typed, normalised and checked |
//! | [`Protocol`] | the PIN/UV auth protocols one and two |
//! | [`SetPin`], [`ChangePin`] | the first PIN, and another |
//! | [`PinRetries`] | how many wrong PINs are still allowed |
//! | [`GetToken`] | a [`Token`], by PIN or by built-in user verification |
//!
//! Each sequence is a [`Ceremony`](crate::Ceremony): `begin` gives it and its first message, and [`run`](crate::run)
//! takes it to its end. What is random is drawn when it begins.
mod protocol;
mod sequences;
mod text;

pub use protocol::Protocol;
pub use sequences::{By, ChangePin, GetToken, PinRetries, Retries, SetPin, Token};
pub use text::{Pin, PinError};

pub(crate) use protocol::{Agreement, SharedSecret};
pub(crate) use sequences::Agreeing;

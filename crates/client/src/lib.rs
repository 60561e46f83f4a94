//! What a browser and its platform do between a page and an authenticator, without I/O, clock or threads.
//!
//! A ceremony is a value that turns options into CTAP messages and the authenticator's answers into what the page
//! gets. Who carries the messages, and over what, is the caller's business:
//!
//! ```text
//!  page            Create / Get                                    authenticator
//!   │ options JSON     │                                                 │
//!   ├─ options::… ────►│ begin: origin, RP ID, client data, what to ask  │
//!   │                  ├─ Vec<u8> ──────────────────────────────────────►│
//!   │                  │ handle_response                    answer bytes │
//!   │                  │◄────────────────────────────────────────────────┤
//!   │                  ├─ Next::Send: a further message, if any ────────►│
//!   │◄─ Next::Done ────┤ checked, conveyed as the browser would, noted   │
//! ```
//!
//! Further messages are needed for a token, by PIN or by built-in means, for a secret that prf is evaluated with, for large blobs,
//! when an `excludeCredentials` or `allowCredentials` is longer than the authenticator takes at once, and when the
//! wanted account is not the newest. [`Create::begin_with`] and [`Get::begin_with`] take the PIN and randomness;
//! [`Create::begin`] and [`Get::begin`] do without both.
//!
//! ```
//! use client::{ClientError, Create, Origin, Platform, options};
//!
//! # fn exchange(_request: &[u8]) -> Result<Vec<u8>, ClientError> { Ok(vec![0x27]) }
//! # fn main() -> Result<(), ClientError> {
//! # let text = r#"{"rp":{"name":"Example"},"user":{"id":"AQ","name":"a"},"challenge":"AA","pubKeyCredParams":[]}"#;
//! # let info = wire::ctap2::GetInfoResponse::default();
//! let document = options::creation(text)?;
//! let origin = Origin::parse("https://login.example.test")?;
//! let platform = Platform::new(client::Client::SpecL3, client::Link::Usb, info);
//! let begun = Create::begin(&origin, &document.options, &platform)?;
//! // `exchange` sends one CTAP message and returns the answer: by a HID report, a channel, a function call.
//! let refused = client::run(begun, exchange).unwrap_err();
//! assert_eq!(refused.exception(), "NotAllowedError");
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`options`] | options JSON in any of its shapes |
//! | [`conveyance`] | what each browser shows a page of the authenticator |
//! | [`graph`] | the body to post to Microsoft Graph |
//! | [`pin`] | PINs and tokens: the platform's side of authenticatorClientPIN |
//! | [`ctap1`] | authenticators that speak only U2F, as ones that speak CTAP2 |
//! | [`ctaphid`] | the platform's side of a CTAPHID channel |
//!
//! What is not here: related origins (WebAuthn Level 3 §5.11 needs a request to the RP ID's host), conditional
//! mediation, and asking a person for a PIN.
mod account;
mod ceremony;
pub mod conveyance;
mod create;
pub mod ctap1;
pub mod ctaphid;
mod error;
mod extensions;
mod get;
pub mod graph;
pub mod options;
mod origin;
pub mod pin;
mod preflight;
mod selection;
mod spki;
#[cfg(test)]
mod tests;
mod verification;

pub use account::Account;
pub use ceremony::{Ceremony, Next, run};
pub use conveyance::Client;
pub use create::{Create, Registration};
pub use error::{AnswerError, ClientError};
pub use get::{Authentication, Get};
pub use options::OptionsError;
pub use origin::{Origin, OriginError, is_local_or_reserved};
pub use pin::{Pin, PinError};
pub use selection::{Attachment, Embedding, Link, Platform};

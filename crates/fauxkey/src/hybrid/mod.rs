//! The FIDO hybrid transport, CTAP 2.2 §11.5: a phone that scans a code on a screen, and a desktop that shows one.
//!
//! | module | what |
//! |---|---|
//! | `radio` | Bluetooth adverts, sent and heard, and a world of one's own for them |
#[allow(dead_code, reason = "what scans and shows codes comes next")]
pub mod radio;

//! The FIDO hybrid transport, CTAP 2.2 §11.5: a phone that scans a code on a screen, and a desktop that shows one.
//!
//! | module | what |
//! |---|---|
//! | `image` | QR codes in pictures and on screens, read and drawn |
pub mod image;

//! The vault from outside: what is committed stays, what is damaged is told, what is secret is not seen.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which Clippy cannot tell here")]
mod damage;
mod keys;
mod lifecycle;
mod old;
mod owner;
mod rollback;
mod secrets;
mod space;
mod support;
mod tamper;

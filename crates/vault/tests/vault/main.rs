//! The vault from outside: what is committed stays, what is damaged is told, what is secret is not seen.
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

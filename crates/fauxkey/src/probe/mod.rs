//! How the prober reaches a relying party: by requests that a file describes, by commands, or a tenant of one's own.
//!
//! What is tried, and what is made of it, is the crate `probe`. Here are sockets, programs, clocks, and the secrets that
//! a relying party wants to see. Who is asked at all is decided in one place, [`target::allowed`].
pub mod built_in;
pub mod har;
pub mod target;
pub mod tenant;

#[cfg(test)]
mod tests;

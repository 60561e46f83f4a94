//! The tunnel: WebSockets by which the two sides of the hybrid transport meet, CTAP 2.2 §11.5.
//!
//! [`open`] is the client of any tunnel service, for the phone and for whoever shows the QR code; [`Server`] is a
//! service of our own, by TLS with a certificate of a CA that exists in memory alone ([`TunnelCa`]). What passes is
//! encrypted between the two sides: a service sees identifiers, lengths and times.
//!
//! Whose the public services are: domain 0, `cable.ua5v.com`, is Google's, and domain 1, `cable.auth.com`, Apple's.
//! Nothing here goes there by itself: a [`Service`] with an `address` is never looked up.
//!
//! | request | by | what happens |
//! |---|---|---|
//! | `GET /cable/new/TUNNEL` | phone | a tunnel with that ID (32 hexadecimal digits); the reply has [`ROUTING_ID`] |
//! | `GET /cable/connect/ROUTING/TUNNEL` | the other side | joins it (6 and 32 digits) |
//! | `GET /cable/contact/CONTACT` | client of a linked phone | a tunnel to be, and the phone is told; with [`CLIENT_PAYLOAD`] |
//! | `GET /fauxkey/contacts/CONTACT` | linked phone | our own: waits for such contacts, see [`Contacts`] |
mod ca;
mod client;
mod contacts;
mod error;
mod server;
#[cfg(test)]
mod tests;

pub use ca::{Identity, TunnelCa};
pub use client::{LONGEST_MESSAGE, Opened, Service, Socket, Trust, open};
pub use contacts::Contacts;
pub use error::TunnelError;
pub use server::{Limits, Server};

/// The subprotocol of both sides, CTAP 2.2 §11.5: a service that does not repeat it is dropped.
pub const SUBPROTOCOL: &str = "fido.cable";
/// The header of a reply with the routing ID: 6 hexadecimal digits.
pub const ROUTING_ID: &str = "x-cable-routing-id";
/// The header of a contact with its CBOR map, in hexadecimal digits.
pub const CLIENT_PAYLOAD: &str = "x-cable-client-payload";
/// The header of a contact that asks to be told, by a message that is one zero byte, when the phone has joined. A
/// service that will tell repeats it.
pub const SIGNAL_CONNECTION: &str = "x-cable-signal-connection";

/// Bytes of a tunnel ID.
const TUNNEL_ID: usize = 16;
/// Bytes of a routing ID.
const ROUTING: usize = 3;
/// Bytes of the longest contact ID that our service takes.
const LONGEST_CONTACT_ID: usize = 256;
/// Bytes of the longest client payload that our service takes.
const LONGEST_PAYLOAD: usize = 1024;

//! Contacts: how a linked phone hears that a client wants it, CTAP 2.2 §11.5.
//!
//! How a service reaches its phones is its own affair. Ours keeps a WebSocket for each contact ID, at
//! `GET /fauxkey/contacts/CONTACT` (base64url without padding), subprotocol `fido.cable`, and sends one binary message
//! for each contact: a CBOR map of
//!
//! | key | | |
//! |---|---|---|
//! | 1 | bytes, 16 | the tunnel ID, and |
//! | 2 | bytes, 3 | the routing ID: the phone joins at `/cable/connect/ROUTING/TUNNEL` |
//! | 3 | bytes | what the client sent along ([`super::CLIENT_PAYLOAD`]): CBOR of link ID, nonce and hint |
//!
//! A phone that leaves by close code 1000 is unlinked: its clients are answered 410, and forget it. With any other
//! end, the service remembers the link as long as it runs, and answers 503 until the phone is back.
use super::client::{Opened, Service, Socket, open};
use super::error::TunnelError;
use super::{LONGEST_CONTACT_ID, LONGEST_PAYLOAD, ROUTING, TUNNEL_ID};
#[cfg(test)]
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wire::cbor::{self, Field, Key, Kind, Record};

const TUNNEL_ID_KEY: Key = Key::Int(1);
const ROUTING_ID_KEY: Key = Key::Int(2);
const CLIENT_PAYLOAD_KEY: Key = Key::Int(3);
const FIELDS: [Field; 3] = [
    Field::required(TUNNEL_ID_KEY, "tunnelId", Kind::Bytes),
    Field::required(ROUTING_ID_KEY, "routingId", Kind::Bytes),
    Field::required(CLIENT_PAYLOAD_KEY, "clientPayload", Kind::Bytes),
];

/// A client that wants the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The tunnel in which it waits.
    pub tunnel_id: [u8; TUNNEL_ID],
    /// The way there.
    pub routing_id: [u8; ROUTING],
    /// The CBOR map that it sent along, not looked at by the service.
    pub client_payload: Vec<u8>,
}

impl Contact {
    /// The path at which the phone joins.
    #[cfg(test)]
    pub fn path(&self) -> String {
        let (routing, tunnel) = (wire::hex::encode(&self.routing_id), wire::hex::encode(&self.tunnel_id));
        format!("/cable/connect/{routing}/{tunnel}")
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        cbor::encode(&cbor::int_map([
            (1, Some(cbor::bytes(self.tunnel_id))),
            (2, Some(cbor::bytes(self.routing_id))),
            (3, Some(cbor::bytes(self.client_payload.clone()))),
        ]))
    }

    pub(super) fn decode(message: &[u8]) -> Result<Self, TunnelError> {
        let nonsense = |why: String| TunnelError::Nonsense(format!("a contact: {why}"));
        let value = cbor::decode(message).map_err(|why| nonsense(why.to_string()))?;
        let record = Record::read(&value, "contact", &FIELDS).map_err(|why| nonsense(why.to_string()))?;
        let bytes = |key| record.bytes(key).unwrap_or_default();
        let wrong = |what: &str, length: usize| nonsense(format!("its {what} has {length} bytes"));
        let (tunnel, routing) = (bytes(TUNNEL_ID_KEY), bytes(ROUTING_ID_KEY));
        let payload = bytes(CLIENT_PAYLOAD_KEY);
        if payload.len() > LONGEST_PAYLOAD {
            return Err(wrong("client payload", payload.len()));
        }
        Ok(Self {
            tunnel_id: tunnel.try_into().map_err(|_| wrong("tunnel ID", tunnel.len()))?,
            routing_id: routing.try_into().map_err(|_| wrong("routing ID", routing.len()))?,
            client_payload: payload.to_vec(),
        })
    }
}

/// Where a linked phone waits to be contacted, at a service of ours.
pub struct Contacts {
    socket: Socket,
}

impl Contacts {
    /// Waits at a service for those who contact this ID, of 1 to 256 bytes. A phone waits once.
    ///
    /// # Errors
    /// Those of [`open`]; Status 409 if somebody waits there already.
    pub async fn wait(service: &Service, contact_id: &[u8]) -> Result<Self, TunnelError> {
        if contact_id.is_empty() || contact_id.len() > LONGEST_CONTACT_ID {
            let message =
                format!("a contact ID has 1 to {LONGEST_CONTACT_ID} bytes, not {}", contact_id.len());
            return Err(TunnelError::Request(message));
        }
        let path = format!("/fauxkey/contacts/{}", wire::base64url::encode(contact_id));
        let Opened { socket, .. } = open(service, &path, None, false).await?;
        Ok(Self { socket })
    }

    /// The next contact; `None` when the service is gone. May be given up and called again.
    ///
    /// # Errors
    /// Nonsense if what came is no contact, and those of [`Socket::recv`].
    pub async fn next(&mut self) -> Result<Option<Contact>, TunnelError> {
        let message = self.socket.recv().await?;
        message.map(|message| Contact::decode(&message)).transpose()
    }

    /// Goes, and comes back later: the link stays.
    #[cfg(test)]
    pub async fn leave(self) {
        self.socket.part(CloseCode::Away).await;
    }

    /// Goes for good: clients hear that there is no such phone.
    #[cfg(test)]
    pub async fn unlink(self) {
        self.socket.part(CloseCode::Normal).await;
    }
}

//! What passes once the handshake is over, CTAP 2.2 §11.5.1: padded plaintexts, and the messages in them.
use super::Malformed;
use super::linking::Linking;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use wire::cbor::{self, Value};

/// A message of the tunnel that is longer is refused: what Noise can seal at most.
pub const MAX_MESSAGE: usize = 65_535;
/// The longest body of a message: with its type, padding and tag it is as long as Noise can seal.
pub const MAX_BODY: usize = (MAX_MESSAGE - 16) / GRAIN * GRAIN - 2;
/// Plaintexts are padded to a multiple of that many bytes.
const GRAIN: usize = 32;
/// An update is always that long before it is padded, so that the service cannot tell whether there is a link in it.
const UPDATE: usize = 512;

/// `message`, zeros, and how many zeros there are: a multiple of 32 bytes.
pub fn pad(message: &[u8]) -> Vec<u8> {
    let zeros = GRAIN - 1 - message.len() % GRAIN;
    let mut padded = Vec::with_capacity(message.len() + zeros + 1);
    padded.extend_from_slice(message);
    padded.resize(message.len() + zeros, 0);
    padded.push(u8::try_from(zeros).expect("less than 32"));
    padded
}

/// The message in a padded plaintext. Only the last byte counts: there are clients that pad to other multiples.
///
/// # Errors
/// If it is empty, or says that it has more padding than bytes.
pub fn unpad(padded: &[u8]) -> Result<&[u8], Malformed> {
    let (zeros, rest) =
        padded.split_last().ok_or_else(|| Malformed::new("an empty plaintext has no padding"))?;
    let length = rest.len().checked_sub(usize::from(*zeros)).ok_or_else(|| {
        Malformed::new(format!("a plaintext of {} bytes says that {zeros} of them are padding", padded.len()))
    })?;
    Ok(&rest[..length])
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The desktop has all that it wanted.
    Shutdown = 0,
    /// A CTAP request or its response.
    Ctap = 1,
    /// Something that the phone says beside: a link.
    Update = 2,
    /// Digital credentials, which are no business of an authenticator's.
    Json = 3,
}

/// A message of the sealed channel: its type, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// CTAP: the command byte and CBOR, or the status byte and CBOR. Update: a CBOR map.
    pub body: Vec<u8>,
}

impl Message {
    /// A message of that kind.
    pub fn new(kind: Kind, body: impl Into<Vec<u8>>) -> Self {
        Self { kind, body: body.into() }
    }

    /// An update with a link, or with nothing, both of the same length.
    pub fn update(linking: Option<&Linking>) -> Self {
        let map = |padding: usize| {
            let padding = Value::Bytes(vec![0; padding]);
            cbor::encode(&cbor::int_map([(0, Some(padding)), (1, linking.map(Linking::to_value))]))
        };
        // A byte string of 256 bytes and more has a head of three bytes; that of none has one.
        let missing = UPDATE.saturating_sub(map(0).len());
        let padding =
            (missing.saturating_sub(2)..=missing).find(|n| map(*n).len() >= UPDATE).unwrap_or(missing);
        Self::new(Kind::Update, map(padding))
    }

    /// What an update says: a link, if there is one in it.
    ///
    /// # Errors
    /// If the body is no such map.
    pub fn linking(&self) -> Result<Option<Linking>, Malformed> {
        let members = map(&self.body, "an update")?;
        member(&members, 1).map(Linking::from_value).transpose()
    }

    /// As plaintext, not padded yet.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.body.len());
        bytes.push(self.kind as u8);
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads a plaintext without its padding.
    ///
    /// # Errors
    /// If it is empty, or of a type that nobody knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (kind, body) =
            bytes.split_first().ok_or_else(|| Malformed::new("an empty message has no type"))?;
        let kind = match kind {
            0 => Kind::Shutdown,
            1 => Kind::Ctap,
            2 => Kind::Update,
            3 => Kind::Json,
            other => return Err(Malformed::new(format!("a message of type {other}, which nobody knows"))),
        };
        Ok(Self { kind, body: body.into() })
    }
}

/// The first sealed message, from the phone.
#[derive(Clone)]
pub struct PostHandshake {
    /// Key 1: the response to getInfo, in CBOR, without its status byte.
    pub get_info: Option<Vec<u8>>,
    /// Key 2: a link, where phones put it before there were updates.
    pub linking: Option<Linking>,
    /// Key 3: what the phone can do, such as `ctap` and `dc`. Absent, it is `ctap`.
    pub features: Option<Vec<String>>,
}

impl PostHandshake {
    /// As plaintext, not padded yet.
    pub fn encode(&self) -> Vec<u8> {
        let texts = |list: &Vec<String>| Value::Array(list.iter().cloned().map(Value::Text).collect());
        cbor::encode(&cbor::int_map([
            (1, self.get_info.clone().map(Value::Bytes)),
            (2, self.linking.as_ref().map(Linking::to_value)),
            (3, self.features.as_ref().map(texts)),
        ]))
    }

    /// Reads a plaintext without its padding. Unknown keys are ignored.
    ///
    /// # Errors
    /// If it is no canonical map, or a member is of another type than it should have.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let members = map(bytes, "the first message")?;
        let get_info = match member(&members, 1) {
            None => None,
            Some(Value::Bytes(bytes)) => Some(bytes.clone()),
            Some(_) => {
                return Err(Malformed::new("key 1 of the first message, getInfo, is not a byte string"));
            }
        };
        let wrong = || Malformed::new("key 3 of the first message, the features, is not a list of texts");
        let features = member(&members, 3).map(|value| {
            let list = value.as_array().ok_or_else(wrong)?;
            list.iter().map(|one| one.as_text().map(String::from).ok_or_else(wrong)).collect::<Result<_, _>>()
        });
        let linking = member(&members, 2).map(Linking::from_value).transpose()?;
        Ok(Self { get_info, linking, features: features.transpose()? })
    }

    /// Whether the phone speaks CTAP.
    pub fn speaks_ctap(&self) -> bool {
        self.features.as_ref().is_none_or(|features| features.iter().any(|feature| feature == "ctap"))
    }
}

/// The members of the canonical map that fills `bytes`.
pub(super) fn map(bytes: &[u8], what: &str) -> Result<Vec<(Value, Value)>, Malformed> {
    let value =
        cbor::decode(bytes).map_err(|why| Malformed::new(format!("{what} is no canonical CBOR: {why}")))?;
    value.into_map().map_err(|_| Malformed::new(format!("{what} is no CBOR map")))
}

/// The member of that key.
pub(super) fn member(members: &[(Value, Value)], key: u64) -> Option<&Value> {
    members.iter().find(|(name, _)| *name == Value::from(key)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_padded_to_a_multiple_of_thirty_two_and_comes_back() {
        for length in 0..200 {
            let message = vec![0xA5; length];
            let padded = pad(&message);
            assert_eq!(padded.len() % 32, 0);
            assert!(padded.len() - length <= 32);
            assert_eq!(unpad(&padded).unwrap(), message);
        }
        assert!(unpad(&[]).is_err());
        assert!(unpad(&[0, 2]).is_err());
        assert_eq!(unpad(&[9, 0]).unwrap(), [9]);
    }

    #[test]
    fn an_update_is_as_long_with_a_link_as_without() {
        assert_eq!(Message::update(None).body.len(), UPDATE);
    }
}

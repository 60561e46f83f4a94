//! What stands in a record: the vault's own types, converted to and from the authenticator's.
//!
//! A field that is added later is optional and has a default, so that old records open. A program that does not
//! know a field refuses the record, as it would lose the field when it writes the record anew. Any other change
//! makes a new [format](crate::seal::FORMAT).
use crate::VaultError;
use crate::seal::{Plain, SetSum};
use crate::tree::{Key, TreeId};
use authenticator::store::{Credential, KeyPair, PrivateKey, SealingKey, State};
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use wire::cose::PublicKey;
use wire::ctap2::{RpEntity, UserEntity};
use zeroize::Zeroizing;

/// A CBOR byte string. Wiped when dropped, as some hold keys; without `Debug`.
struct Bytes(Zeroizing<Vec<u8>>);

impl Bytes {
    fn copy(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    fn array<const N: usize>(&self, what: &str) -> Result<[u8; N], String> {
        self.0.as_slice().try_into().map_err(|_| format!("{what} has {} bytes instead of {N}", self.0.len()))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes::copy(bytes))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(Zeroizing::new(bytes)))
            }
        }
        deserializer.deserialize_bytes(Read)
    }
}

/// Binds the records of a tree together: what is there is exactly what was last committed.
#[derive(Clone, Copy)]
pub(crate) struct Manifest {
    /// How many commits the tree has seen; for the registry also those of destroyed trees.
    pub(crate) commits: u64,
    /// How many records there are, without this one.
    pub(crate) records: u64,
    /// Which ones.
    pub(crate) sum: SetSum,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManifestV1 {
    commits: u64,
    records: u64,
    sum: Bytes,
}

impl Record for Manifest {
    type V1 = ManifestV1;

    fn to_v1(&self) -> ManifestV1 {
        ManifestV1 { commits: self.commits, records: self.records, sum: Bytes::copy(&self.sum.0) }
    }

    fn from_v1(v1: ManifestV1, _: Key) -> Result<Self, String> {
        Ok(Self { commits: v1.commits, records: v1.records, sum: SetSum(v1.sum.array("the sum")?) })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialV1 {
    id: Bytes,
    rp_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rp_name: Option<String>,
    user_id: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_display_name: Option<String>,
    public: PublicKeyV1,
    private: Bytes,
    created: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum PublicKeyV1 {
    P256 { x: Bytes, y: Bytes },
    Ed25519 { x: Bytes },
}

impl Record for Credential {
    type V1 = CredentialV1;

    fn to_v1(&self) -> CredentialV1 {
        CredentialV1 {
            id: Bytes::copy(&self.id),
            rp_id: self.rp.id.clone(),
            rp_name: self.rp.name.clone(),
            user_id: Bytes::copy(&self.user.id),
            user_name: self.user.name.clone(),
            user_display_name: self.user.display_name.clone(),
            public: match &self.key.public {
                PublicKey::P256 { x, y } => PublicKeyV1::P256 { x: Bytes::copy(x), y: Bytes::copy(y) },
                PublicKey::Ed25519 { x } => PublicKeyV1::Ed25519 { x: Bytes::copy(x) },
            },
            private: Bytes::copy(self.key.private.expose()),
            created: self.created,
        }
    }

    fn from_v1(v1: CredentialV1, key: Key) -> Result<Self, String> {
        let Key::Record(record) = key else { return Err("a credential does not stand here".into()) };
        let public = match v1.public {
            PublicKeyV1::P256 { x, y } => PublicKey::P256 { x: x.array("x")?, y: y.array("y")? },
            PublicKeyV1::Ed25519 { x } => PublicKey::Ed25519 { x: x.array("x")? },
        };
        Ok(Self {
            record,
            id: v1.id.0.to_vec(),
            rp: RpEntity { id: v1.rp_id, name: v1.rp_name },
            user: UserEntity {
                id: v1.user_id.0.to_vec(),
                name: v1.user_name,
                display_name: v1.user_display_name,
            },
            key: KeyPair { public, private: PrivateKey::new(v1.private.0) },
            created: v1.created,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateV1 {
    sealing_key: Bytes,
    counter_ceiling: u32,
}

impl Record for State {
    type V1 = StateV1;

    fn to_v1(&self) -> StateV1 {
        StateV1 { sealing_key: Bytes::copy(self.sealing_key.expose()), counter_ceiling: self.counter_ceiling }
    }

    fn from_v1(v1: StateV1, _: Key) -> Result<Self, String> {
        let sealing_key = SealingKey::new(Zeroizing::new(v1.sealing_key.array("the sealing key")?));
        Ok(Self { sealing_key, counter_ceiling: v1.counter_ceiling })
    }
}

/// A type that stands in records.
pub(crate) trait Record: Sized {
    /// Its form on disk in format 1.
    type V1: Serialize + DeserializeOwned;
    fn to_v1(&self) -> Self::V1;
    fn from_v1(v1: Self::V1, key: Key) -> Result<Self, String>;
}

/// The content of a record, in the newest format. `extra` is how many bytes of names and ids are in it, so that
/// the buffer need not grow, which would leave a copy behind.
pub(crate) fn encode(record: &impl Record, extra: usize) -> Plain {
    let mut plain = Zeroizing::new(Vec::with_capacity(1024 + extra));
    ciborium::into_writer(&record.to_v1(), &mut *plain).expect("writing to memory does not fail");
    plain
}

/// How many bytes of a credential have no fixed length.
pub(crate) fn extra(credential: &Credential) -> usize {
    let name = |name: &Option<String>| name.as_ref().map_or(0, String::len);
    let user = &credential.user;
    let names = name(&credential.rp.name) + name(&user.name) + name(&user.display_name);
    names + credential.rp.id.len() + credential.id.len() + user.id.len()
}

/// Reads the content of a record of format 1, which [`Sealer::open`](crate::seal::Sealer::open) has checked.
pub(crate) fn decode<R: Record>(tree: TreeId, key: Key, plain: &[u8]) -> Result<R, VaultError> {
    // ciborium reads through this buffer, and private keys go with it.
    let mut scratch = Zeroizing::new([0; 512]);
    let unknown = |why| VaultError::RecordUnknown { tree, record: key.to_string(), why };
    let mut rest = plain;
    let v1 = ciborium::de::from_reader_with_buffer(&mut rest, scratch.as_mut_slice());
    let v1: R::V1 = v1.map_err(|error| unknown(error.to_string()))?;
    if !rest.is_empty() {
        return Err(unknown(format!("{} bytes follow its end", rest.len())));
    }
    R::from_v1(v1, key).map_err(unknown)
}

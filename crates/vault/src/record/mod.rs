//! What stands in a record: the vault's own types, converted to and from the authenticator's.
//!
//! A field that is added later is optional and has a default, so that old records open. A program that does not
//! know a field refuses the record, as it would lose the field when it writes the record anew. Any other change
//! makes a new [format](crate::seal::FORMAT).
mod state;

use crate::VaultError;
use crate::seal::{Plain, SetSum};
use crate::tree::{Key, TreeId};
use authenticator::store::{Credential, CredentialExtensions, KeyPair, LargeBlob, PrivateKey};
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use wire::cbor;
use wire::cose::PublicKey;
use wire::ctap2::{RpEntity, UserEntity};
use wire::status::CtapError;
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

/// A CBOR byte string of any length that is no secret. [`Bytes`] goes through a buffer that is wiped, and so has
/// its bounds.
struct Long(Vec<u8>);

impl Long {
    fn array<const N: usize>(self, what: &str) -> Result<Box<[u8; N]>, String> {
        let bytes = self.0.into_boxed_slice();
        bytes
            .try_into()
            .map_err(|bytes: Box<[u8]>| format!("{what} has {} bytes instead of {N}", bytes.len()))
    }
}

impl Serialize for Long {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Long {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Long;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Long, E> {
                Ok(Long(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Long, E> {
                Ok(Long(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Read)
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cred_protect: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cred_blob: Option<Long>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    large_blob_key: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    large_blob: Option<LargeBlobV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    third_party_payment: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LargeBlobV1 {
    compressed: Long,
    original_size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum PublicKeyV1 {
    P256 { x: Bytes, y: Bytes },
    P384 { x: Bytes, y: Bytes },
    Ed25519 { x: Bytes },
    Rsa { n: Long, e: Long },
    MlDsa44 { key: Long },
    MlDsa65 { key: Long },
    Foreign { cose: Long },
}

impl PublicKeyV1 {
    fn of(key: &PublicKey) -> Self {
        match key {
            PublicKey::P256 { x, y } => Self::P256 { x: Bytes::copy(x), y: Bytes::copy(y) },
            PublicKey::P384 { x, y } => Self::P384 { x: Bytes::copy(x), y: Bytes::copy(y) },
            PublicKey::Ed25519 { x } => Self::Ed25519 { x: Bytes::copy(x) },
            PublicKey::Rsa { n, e } => Self::Rsa { n: Long(n.clone()), e: Long(e.clone()) },
            PublicKey::MlDsa44 { key } => Self::MlDsa44 { key: Long(key.to_vec()) },
            PublicKey::MlDsa65 { key } => Self::MlDsa65 { key: Long(key.to_vec()) },
            PublicKey::Foreign(_) => Self::Foreign { cose: Long(cbor::encode(&key.to_value())) },
        }
    }

    fn read(self) -> Result<PublicKey, String> {
        Ok(match self {
            Self::P256 { x, y } => PublicKey::P256 { x: x.array("x")?, y: y.array("y")? },
            Self::P384 { x, y } => PublicKey::P384 { x: x.array("x")?, y: y.array("y")? },
            Self::Ed25519 { x } => PublicKey::Ed25519 { x: x.array("x")? },
            Self::Rsa { n, e } => PublicKey::Rsa { n: n.0, e: e.0 },
            Self::MlDsa44 { key } => PublicKey::MlDsa44 { key: key.array("the key")? },
            Self::MlDsa65 { key } => PublicKey::MlDsa65 { key: key.array("the key")? },
            Self::Foreign { cose } => cbor::decode(&cose.0)
                .map_err(CtapError::from)
                .and_then(|map| PublicKey::from_value(&map))
                .map_err(|error| format!("the COSE key: {error}"))?,
        })
    }
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
            public: PublicKeyV1::of(&self.key.public),
            private: Bytes::copy(self.key.private.expose()),
            created: self.created,
            cred_protect: Some(self.extensions.cred_protect).filter(|level| *level != 1),
            cred_blob: self.extensions.cred_blob.clone().map(Long),
            large_blob_key: self.extensions.large_blob_key.as_ref().map(|key| Bytes::copy(key.as_slice())),
            large_blob: self.extensions.large_blob.as_ref().map(|blob| LargeBlobV1 {
                compressed: Long(blob.compressed.clone()),
                original_size: blob.original_size,
            }),
            third_party_payment: self.extensions.third_party_payment.then_some(true),
        }
    }

    fn from_v1(v1: CredentialV1, key: Key) -> Result<Self, String> {
        let Key::Record(record) = key else { return Err("a credential does not stand here".into()) };
        let public = v1.public.read()?;
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
            extensions: CredentialExtensions {
                cred_protect: v1.cred_protect.unwrap_or(1),
                cred_blob: v1.cred_blob.map(|blob| blob.0),
                large_blob_key: v1
                    .large_blob_key
                    .map(|key| key.array("the large-blob key").map(Zeroizing::new))
                    .transpose()?,
                large_blob: v1.large_blob.map(|blob| LargeBlob {
                    compressed: blob.compressed.0,
                    original_size: blob.original_size,
                }),
                third_party_payment: v1.third_party_payment.unwrap_or(false),
            },
        })
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
    let extensions = &credential.extensions;
    let blobs = extensions.cred_blob.as_ref().map_or(0, Vec::len)
        + extensions.large_blob.as_ref().map_or(0, |blob| blob.compressed.len());
    let public = match &credential.key.public {
        PublicKey::P256 { .. } | PublicKey::P384 { .. } | PublicKey::Ed25519 { .. } => 0,
        PublicKey::Rsa { n, e } => n.len() + e.len(),
        PublicKey::MlDsa44 { key } => key.len(),
        PublicKey::MlDsa65 { key } => key.len(),
        PublicKey::Foreign(_) => cbor::encode(&credential.key.public.to_value()).len(),
    };
    names
        + blobs
        + public
        + credential.key.private.expose().len()
        + credential.rp.id.len()
        + credential.id.len()
        + user.id.len()
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

#[cfg(test)]
mod tests {
    use super::*;
    use authenticator::store::RecordId;
    use ciborium::Value;

    const KEY: Key = Key::Record(RecordId([1; 16]));

    fn read(value: &Value) -> Result<Credential, VaultError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).unwrap();
        decode(TreeId::REGISTRY, KEY, &bytes)
    }

    fn fields() -> Vec<(Value, Value)> {
        let bytes = |byte: u8, len: usize| Value::Bytes(vec![byte; len]);
        let point = Value::Map(vec![("x".into(), bytes(1, 32)), ("y".into(), bytes(2, 32))]);
        vec![
            ("id".into(), bytes(3, 20)),
            ("rp_id".into(), "example.org".into()),
            ("user_id".into(), bytes(4, 9)),
            ("public".into(), Value::Map(vec![("P256".into(), point)])),
            ("private".into(), bytes(5, 32)),
            ("created".into(), 6.into()),
        ]
    }

    #[test]
    fn a_record_without_optional_fields_opens() {
        let credential = read(&Value::Map(fields())).unwrap();
        assert_eq!((credential.rp.id.as_str(), credential.rp.name), ("example.org", None));
        assert_eq!((credential.user.id, credential.user.name), (vec![4; 9], None));
        assert_eq!(credential.key.public, PublicKey::P256 { x: [1; 32], y: [2; 32] });
        assert_eq!((credential.key.private.expose(), credential.created), ([5; 32].as_slice(), 6));
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let credential = read(&Value::Map(fields())).unwrap();
        let plain = encode(&credential, extra(&credential));
        assert!(plain.len() <= 1024 + extra(&credential), "the buffer had to grow");
        let again: Credential = decode(TreeId::REGISTRY, KEY, &plain).unwrap();
        assert_eq!(encode(&again, extra(&again)), plain);
    }

    #[test]
    fn public_keys_of_every_kind_read_back_in_a_buffer_that_need_not_grow() {
        let foreign =
            cbor::int_map([(1, Some(1.into())), (3, Some((-36).into())), (-2, Some(cbor::bytes([7; 66])))]);
        for (public, private) in [
            (PublicKey::P384 { x: [1; 48], y: [2; 48] }, 48),
            (PublicKey::Ed25519 { x: [1; 32] }, 32),
            (PublicKey::Rsa { n: vec![1; 256], e: vec![1, 0, 1] }, 256),
            (PublicKey::Rsa { n: vec![1; 1024], e: vec![3] }, 1024 - 512),
            (PublicKey::MlDsa44 { key: Box::new([1; 1312]) }, 32),
            (PublicKey::MlDsa65 { key: Box::new([1; 1952]) }, 32),
            (PublicKey::from_value(&foreign).unwrap(), 66),
        ] {
            let private = PrivateKey::new(Zeroizing::new(vec![9; private]));
            let key = KeyPair { public, private };
            let credential = Credential { key, ..read(&Value::Map(fields())).unwrap() };
            let plain = encode(&credential, extra(&credential));
            assert!(plain.len() <= 1024 + extra(&credential), "the buffer had to grow");
            let again: Credential = decode(TreeId::REGISTRY, KEY, &plain).unwrap();
            assert_eq!(again.key.public, credential.key.public);
            assert_eq!(again.key.private.expose(), credential.key.private.expose());
        }
        let mut short = fields();
        let key = Value::Map(vec![("key".into(), Value::Bytes(vec![1; 1311]))]);
        short[3].1 = Value::Map(vec![("MlDsa44".into(), key)]);
        let error = read(&Value::Map(short)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("the key has 1311 bytes instead of 1312"), "{error}");
    }

    #[test]
    fn a_field_that_is_unknown_missing_double_or_of_another_type_is_told() {
        let refused = |fields: Vec<(Value, Value)>, why: &str| {
            let Err(VaultError::RecordUnknown { why: found, .. }) = read(&Value::Map(fields)) else {
                panic!("{why}")
            };
            assert!(found.contains(why), "{found}");
        };
        let mut unknown = fields();
        unknown.push(("of a later edition".into(), Value::Bytes(vec![7; 32])));
        refused(unknown, "unknown field `of a later edition`");
        for n in 0..fields().len() {
            let mut missing = fields();
            missing.remove(n);
            refused(missing, "missing field");
            let mut double = fields();
            double.push(double[n].clone());
            refused(double, "duplicate field");
            let mut other = fields();
            other[n].1 = Value::Float(1.5);
            refused(other, "");
        }
        let mut short = fields();
        short[3].1 =
            Value::Map(vec![("Ed25519".into(), Value::Map(vec![("x".into(), Value::Bytes(vec![1; 31]))]))]);
        refused(short, "x has 31 bytes instead of 32");
    }

    #[test]
    fn bytes_after_the_end_are_told() {
        let mut plain = encode(&read(&Value::Map(fields())).unwrap(), 100);
        plain.push(0);
        let error = decode::<Credential>(TreeId::REGISTRY, KEY, &plain).map(|_| ()).unwrap_err();
        assert!(error.to_string().ends_with("1 bytes follow its end"), "{error}");
    }

    #[test]
    fn nesting_and_great_lengths_end_in_an_error() {
        for bytes in
            [vec![0x81; 100_000], vec![0xBF; 100_000], b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff".to_vec()]
        {
            assert!(decode::<Credential>(TreeId::REGISTRY, KEY, &bytes).is_err());
            assert!(decode::<authenticator::store::State>(TreeId::REGISTRY, Key::State, &bytes).is_err());
            assert!(decode::<Manifest>(TreeId::REGISTRY, Key::Manifest, &bytes).is_err());
        }
    }
}

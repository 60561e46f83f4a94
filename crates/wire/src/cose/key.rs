//! Public keys as COSE maps.
use super::Algorithm;
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::{CtapError, Status};
use alloc::{boxed::Box, format, vec::Vec};

/// A credential public key as it stands in attested credential data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// ES256 on P-256, RFC 9053 §7.1.1: affine coordinates, big-endian.
    P256 {
        /// The x coordinate.
        x: [u8; 32],
        /// The y coordinate.
        y: [u8; 32],
    },
    /// ES384 on P-384, RFC 9053 §7.1.1: affine coordinates, big-endian.
    P384 {
        /// The x coordinate.
        x: [u8; 48],
        /// The y coordinate.
        y: [u8; 48],
    },
    /// EdDSA on Ed25519, RFC 9053 §7.2.
    Ed25519 {
        /// The public key of RFC 8032.
        x: [u8; 32],
    },
    /// RS256, RFC 8230 §4: big-endian, without leading zeros if whoever wrote it kept to that.
    Rsa {
        /// The modulus; never empty.
        n: Vec<u8>,
        /// The public exponent; never empty.
        e: Vec<u8>,
    },
    /// ML-DSA-44, RFC 9964 §4.
    MlDsa44 {
        /// The public key of FIPS 204 (pkEncode).
        key: Box<[u8; 1312]>,
    },
    /// ML-DSA-65, RFC 9964 §4.
    MlDsa65 {
        /// The public key of FIPS 204 (pkEncode).
        key: Box<[u8; 1952]>,
    },
    /// A key for an algorithm that is none of these. It is carried, not understood.
    Foreign(ForeignKey),
}

/// A COSE key that is carried as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ForeignKey {
    algorithm: Algorithm,
    /// Canonical CBOR.
    map: Vec<u8>,
}

const KTY: i64 = 1;
const ALG: i64 = 3;
/// Of OKP and EC2, RFC 9053 §7.1.1 and §7.2.
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
/// Of RSA, RFC 8230 §4.
const N: i64 = -1;
const E: i64 = -2;
/// Of AKP, RFC 9964 §4.
const PUB: i64 = -1;
const KTY_OKP: i64 = 1;
const KTY_EC2: i64 = 2;
const KTY_RSA: i64 = 3;
const KTY_AKP: i64 = 7;
const CRV_P256: i64 = 1;
const CRV_P384: i64 = 2;
const CRV_ED25519: i64 = 6;

const COSE_KEY: &[Field] =
    &[Field::required(Key::Int(KTY), "kty", Kind::Int), Field::required(Key::Int(ALG), "alg", Kind::Int)];
const EC2: &[Field] = &[
    Field::required(Key::Int(CRV), "crv", Kind::Int),
    Field::required(Key::Int(X), "x", Kind::Bytes),
    Field::required(Key::Int(Y), "y", Kind::Bytes),
];
const OKP: &[Field] =
    &[Field::required(Key::Int(CRV), "crv", Kind::Int), Field::required(Key::Int(X), "x", Kind::Bytes)];
const RSA: &[Field] =
    &[Field::required(Key::Int(N), "n", Kind::Bytes), Field::required(Key::Int(E), "e", Kind::Bytes)];
const AKP: &[Field] = &[Field::required(Key::Int(PUB), "pub", Kind::Bytes)];

impl PublicKey {
    /// The algorithm that this key is for.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256 { .. } => Algorithm::ES256,
            Self::P384 { .. } => Algorithm::ES384,
            Self::Ed25519 { .. } => Algorithm::EDDSA,
            Self::Rsa { .. } => Algorithm::RS256,
            Self::MlDsa44 { .. } => Algorithm::ML_DSA_44,
            Self::MlDsa65 { .. } => Algorithm::ML_DSA_65,
            Self::Foreign(key) => key.algorithm,
        }
    }

    /// The key as a COSE map that holds only what WebAuthn asks for: kty, alg and the parameters of the key. A
    /// foreign key has all the members that it was read with.
    pub fn to_value(&self) -> Value {
        let key = |kty: i64, parameters: [(i64, Option<Value>); 3]| {
            let [first, second, third] = parameters;
            let alg = self.algorithm().0;
            cbor::int_map([(KTY, Some(kty.into())), (ALG, Some(alg.into())), first, second, third])
        };
        let bytes = |label: i64, bytes: &[u8]| (label, Some(cbor::bytes(bytes)));
        let curve = |crv: i64| (CRV, Some(crv.into()));
        match self {
            Self::P256 { x, y } => key(KTY_EC2, [curve(CRV_P256), bytes(X, x), bytes(Y, y)]),
            Self::P384 { x, y } => key(KTY_EC2, [curve(CRV_P384), bytes(X, x), bytes(Y, y)]),
            Self::Ed25519 { x } => key(KTY_OKP, [curve(CRV_ED25519), bytes(X, x), (Y, None)]),
            Self::Rsa { n, e } => key(KTY_RSA, [bytes(N, n), bytes(E, e), (Y, None)]),
            Self::MlDsa44 { key: of } => key(KTY_AKP, [bytes(PUB, of.as_slice()), (X, None), (Y, None)]),
            Self::MlDsa65 { key: of } => key(KTY_AKP, [bytes(PUB, of.as_slice()), (X, None), (Y, None)]),
            Self::Foreign(key) => cbor::decode(&key.map).expect("it was written by our own encoder"),
        }
    }

    /// Reads a COSE map. Whether a point is on its curve or a modulus is a product of primes is not checked: only
    /// who uses a key can do that. A key for an algorithm that is not known here is kept whole.
    ///
    /// # Errors
    /// UNSUPPORTED_ALGORITHM if a known algorithm stands beside a key type or curve that WebAuthn Level 3 §5.8.5
    /// does not put there; the statuses of [`Record::read`] for a malformed map; INVALID_LENGTH for a coordinate
    /// or an ML-DSA key of another length than its own, and for an empty number.
    pub fn from_value(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "COSE key", COSE_KEY)?;
        let (kty, alg) = (map.int(KTY), map.int(ALG).unwrap_or_default());
        let expected = match Algorithm(alg) {
            Algorithm::ES256 | Algorithm::ES384 => KTY_EC2,
            Algorithm::EDDSA => KTY_OKP,
            Algorithm::RS256 => KTY_RSA,
            Algorithm::ML_DSA_44 | Algorithm::ML_DSA_65 => KTY_AKP,
            algorithm => return Ok(Self::Foreign(ForeignKey { algorithm, map: cbor::encode(value) })),
        };
        if kty != Some(expected) {
            return Err(mismatch(alg, "kty", kty));
        }
        match Algorithm(alg) {
            Algorithm::ES256 => {
                let [x, y] = point(value, alg, CRV_P256)?;
                Ok(Self::P256 { x, y })
            }
            Algorithm::ES384 => {
                let [x, y] = point(value, alg, CRV_P384)?;
                Ok(Self::P384 { x, y })
            }
            Algorithm::EDDSA => {
                let map = Record::read(value, "COSE key", OKP)?;
                on(&map, alg, CRV_ED25519)?;
                Ok(Self::Ed25519 { x: exactly(&map, X)? })
            }
            Algorithm::RS256 => {
                let map = Record::read(value, "COSE key", RSA)?;
                Ok(Self::Rsa { n: number(&map, N)?, e: number(&map, E)? })
            }
            Algorithm::ML_DSA_44 => Ok(Self::MlDsa44 { key: boxed(&Record::read(value, "COSE key", AKP)?)? }),
            _ => Ok(Self::MlDsa65 { key: boxed(&Record::read(value, "COSE key", AKP)?)? }),
        }
    }
}

/// Both coordinates of a point on that curve.
fn point<const LEN: usize>(value: &Value, alg: i64, crv: i64) -> Result<[[u8; LEN]; 2], CtapError> {
    let map = Record::read(value, "COSE key", EC2)?;
    on(&map, alg, crv)?;
    Ok([exactly(&map, X)?, exactly(&map, Y)?])
}

/// WebAuthn Level 3 §5.8.5: each of these algorithms has one curve.
fn on(map: &Record<'_>, alg: i64, crv: i64) -> Result<(), CtapError> {
    let found = map.int(CRV);
    if found == Some(crv) { Ok(()) } else { Err(mismatch(alg, "crv", found)) }
}

fn mismatch(alg: i64, what: &str, found: Option<i64>) -> CtapError {
    Status::UNSUPPORTED_ALGORITHM.because_of(format!(
        "WebAuthn L3 §5.8.5: {} does not go with {what} {}",
        Algorithm(alg),
        found.unwrap_or_default()
    ))
}

fn exactly<const LEN: usize>(map: &Record<'_>, label: i64) -> Result<[u8; LEN], CtapError> {
    let bytes = map.bytes(label).unwrap_or_default();
    bytes.try_into().map_err(|_| {
        let found = bytes.len();
        Status::INVALID_LENGTH.because_of(format!("RFC 9053 §7: a coordinate of {found} bytes, not {LEN}"))
    })
}

fn number(map: &Record<'_>, label: i64) -> Result<Vec<u8>, CtapError> {
    match map.bytes(label) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes.into()),
        _ => Err(Status::INVALID_LENGTH.because("RFC 8230 §4: a number without bytes")),
    }
}

fn boxed<const LEN: usize>(map: &Record<'_>) -> Result<Box<[u8; LEN]>, CtapError> {
    let bytes = map.bytes(PUB).unwrap_or_default();
    Box::<[u8]>::from(bytes).try_into().map_err(|_| {
        let found = bytes.len();
        Status::INVALID_LENGTH.because_of(format!("FIPS 204 table 2: a key of {found} bytes, not {LEN}"))
    })
}

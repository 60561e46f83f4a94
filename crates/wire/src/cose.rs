//! COSE algorithms and public keys, RFC 9052 §7 and RFC 9053 §2 and §7.
use crate::cbor::{self, Field, Key, Kind, Record, Value};
use crate::status::{CtapError, Status};
use alloc::format;
use core::fmt;

/// A COSE algorithm identifier. Unknown values survive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithm(pub i64);

macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        impl Algorithm {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name in the COSE registry, if it is one that WebAuthn uses.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some($text),)* _ => None }
            }

            /// The algorithm with that name in the COSE registry.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self($code)),)* _ => None }
            }
        }
    };
}
algorithms! {
    /// ECDSA with SHA-256, in WebAuthn always on P-256.
    ES256 = -7, "ES256";
    /// EdDSA, in WebAuthn always on Ed25519.
    EDDSA = -8, "EdDSA";
    /// ECDSA with SHA-384, in WebAuthn always on P-384.
    ES384 = -35, "ES384";
    /// ECDSA with SHA-512, in WebAuthn always on P-521.
    ES512 = -36, "ES512";
    /// RSASSA-PSS with SHA-256.
    PS256 = -37, "PS256";
    /// ECDSA with SHA-256 on secp256k1.
    ES256K = -47, "ES256K";
    /// ML-DSA-44.
    ML_DSA_44 = -48, "ML-DSA-44";
    /// ML-DSA-65.
    ML_DSA_65 = -49, "ML-DSA-65";
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256 = -257, "RS256";
    /// RSASSA-PKCS1-v1_5 with SHA-1.
    RS1 = -65535, "RS1";
}
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
    /// EdDSA on Ed25519, RFC 9053 §7.2.
    Ed25519 {
        /// The public key of RFC 8032.
        x: [u8; 32],
    },
}

const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const KTY_OKP: i64 = 1;
const KTY_EC2: i64 = 2;
const CRV_P256: i64 = 1;
const CRV_ED25519: i64 = 6;

const COSE_KEY: &[Field] = &[
    Field::required(Key::Int(KTY), "kty", Kind::Int),
    Field::required(Key::Int(ALG), "alg", Kind::Int),
    Field::required(Key::Int(CRV), "crv", Kind::Int),
    Field::required(Key::Int(X), "x", Kind::Bytes),
    Field::optional(Key::Int(Y), "y", Kind::Bytes),
];

impl PublicKey {
    /// The algorithm that this key is for.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256 { .. } => Algorithm::ES256,
            Self::Ed25519 { .. } => Algorithm::EDDSA,
        }
    }

    /// The key as a COSE map that holds only what WebAuthn asks for: kty, alg, crv and the coordinates.
    pub fn to_value(&self) -> Value {
        let key = |kty: i64, crv: i64, x: &[u8; 32], y: Option<&[u8; 32]>| {
            cbor::int_map([
                (KTY, Some(kty.into())),
                (ALG, Some(self.algorithm().0.into())),
                (CRV, Some(crv.into())),
                (X, Some(cbor::bytes(*x))),
                (Y, y.map(|y| cbor::bytes(*y))),
            ])
        };
        match self {
            Self::P256 { x, y } => key(KTY_EC2, CRV_P256, x, Some(y)),
            Self::Ed25519 { x } => key(KTY_OKP, CRV_ED25519, x, None),
        }
    }

    /// Reads a COSE map. The coordinates are not checked to be on the curve: only who uses a key can do that.
    ///
    /// # Errors
    /// UNSUPPORTED_ALGORITHM if the combination of kty, alg and crv is none of ours; the statuses of
    /// [`Record::read`] for a malformed map; INVALID_LENGTH for a coordinate that is not 32 bytes.
    pub fn from_value(value: &Value) -> Result<Self, CtapError> {
        let map = Record::read(value, "COSE key", COSE_KEY)?;
        let coordinate = |key: i64| {
            let bytes =
                map.bytes(key).ok_or(Status::MISSING_PARAMETER.because("RFC 9053 §7.1.1: y is absent"))?;
            bytes
                .try_into()
                .map_err(|_| Status::INVALID_LENGTH.because("RFC 9053 §7: a coordinate is not 32 bytes"))
        };
        let kind = (map.int(KTY), map.int(ALG).map(Algorithm), map.int(CRV));
        match kind {
            (Some(KTY_EC2), Some(Algorithm::ES256), Some(CRV_P256)) => {
                Ok(Self::P256 { x: coordinate(X)?, y: coordinate(Y)? })
            }
            (Some(KTY_OKP), Some(Algorithm::EDDSA), Some(CRV_ED25519)) => {
                Ok(Self::Ed25519 { x: coordinate(X)? })
            }
            _ => Err(Status::UNSUPPORTED_ALGORITHM.because_of(format!(
                "RFC 9053: kty, alg and crv are {kind:?}, which is no key that we know"
            ))),
        }
    }
}

#[cfg(test)]
mod tests;

//! COSE algorithms and public keys: RFC 9052 §7, RFC 9053 §2 and §7, RFC 8230 (RSA), RFC 9964 (ML-DSA).
mod key;

pub use key::{ForeignKey, PublicKey};

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

#[cfg(test)]
mod tests;

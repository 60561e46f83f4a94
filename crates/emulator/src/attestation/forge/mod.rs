//! Attestation statements of every format, right and wrong, by the test CA.
//!
//! Whoever tests a relying party writes authenticator data and asks for a statement about them. A vendor's root stands
//! behind none of these, and every certificate says so as far as its format lets it.
mod android_key;
mod android_safetynet;
mod apple;
mod compound;
mod der;
mod fido_u2f;
mod flaw;
mod format;
mod packed;
mod tpm;
mod workshop;

pub use flaw::Flaw;
pub use format::Format;

use super::{CaError, TestCa};
use authenticator::signer::Signer;
use authenticator::store::KeyPair;
use rand_core::CryptoRng;
use wire::cbor::Value;
use workshop::Workshop;

/// What a statement is to be about.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// Authenticator data as they go out, with attested credential data.
    pub auth_data: &'a [u8],
    /// SHA-256 of the client data.
    pub client_data_hash: &'a [u8; 32],
    /// The credential's key, which signs where a format wants that.
    pub credential: &'a KeyPair,
    /// Seconds since 1970.
    pub now: u64,
}

/// An attestation statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Forged {
    /// Its format's identifier.
    pub fmt: String,
    /// What stands in `attStmt`.
    pub att_stmt: Value,
}

impl TestCa {
    /// A statement of that format about `draft`, right in everything but `flaw`. Its keys are new, by `signer`, and used
    /// this once.
    ///
    /// # Errors
    /// If `flaw` is none of this format's, if the format cannot be about such a credential, if the root is an old one and
    /// the format needs a certificate between, and if no key can be made or used.
    pub fn forge(
        &self,
        format: Format,
        flaw: Option<Flaw>,
        draft: &Draft<'_>,
        signer: &mut dyn Signer,
        rng: &mut dyn CryptoRng,
    ) -> Result<Forged, CaError> {
        if flaw.is_some_and(|flaw| !format.flaws().contains(&flaw)) {
            return Err(CaError::Draft("the format cannot have that flaw"));
        }
        let att_stmt = statement(&mut Workshop::new(self, flaw, draft, signer, rng), format)?;
        Ok(Forged { fmt: format.fmt().into(), att_stmt })
    }
}

fn statement(shop: &mut Workshop<'_>, format: Format) -> Result<Value, CaError> {
    match format {
        Format::None => Ok(shop.members([])),
        Format::PackedSelf => packed::own(shop),
        Format::PackedBasic => packed::basic(shop),
        Format::PackedChain => packed::chain(shop),
        Format::FidoU2f => fido_u2f::statement(shop),
        Format::Tpm => tpm::statement(shop),
        Format::AndroidKey => android_key::statement(shop),
        Format::AndroidSafetyNet => android_safetynet::statement(shop),
        Format::Apple => apple::statement(shop),
        Format::Compound => compound::statement(shop),
    }
}

#[cfg(test)]
mod tests;
